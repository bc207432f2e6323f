"""Recordings: every form read, our own written, played again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midstream import MidstreamError, Settings
from midstream.errors import InputError, RecordingError
from midstream.stream import Guard, Recording, replay

CHAT = (
    b"".join(
        b'data: {"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}\n\n'
        % part
        for part in [
            (b'{"role":"assistant"}', b"null"),
            (b'{"content":"One moment."}', b"null"),
            ('{"content":" 好的😀"}'.encode(), b"null"),
            (b"{}", b'"stop"'),
        ]
    )
    + b"data: [DONE]\n\n"
)
OLLAMA = b"".join(
    b'{"model":"llama3","created_at":"2024-05-24T20:48:36.%sZ","response":"%s","done":%s}\n' % part
    for part in [(b"231229", b"A", b"false"), (b"26284", b" joke", b"false"), (b"294446", b"", b"true")]
)
HEADER = '{"midstream_recording":1,"format":"openai-chat","framing":"sse"}\n'


def chunks(body, size, step_ns=10_000_000):
    return [(at * step_ns // size, body[at : at + size]) for at in range(0, len(body), size)]


def written(tmp_path, text):
    path = tmp_path / "a.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def summary(body, **options):
    guard = Guard(Settings(shadow=True), **options)
    guard.feed(body, 0)
    return guard.finish("clean", 0)[1]


def test_a_saved_recording_loads_equal_and_saves_to_the_same_bytes(tmp_path):
    recording = Recording(
        chunks=[*chunks(CHAT, 7), (10**12, b"\xff\xfe")],
        framing="sse",
        dialect="openai-chat",
        provider="local",
        model="m",
        end="abrupt",
        end_ns=10**12 + 1,
        usage={"output": 3},
    )
    recording.save(tmp_path / "a.jsonl")
    loaded = Recording.load(tmp_path / "a.jsonl")
    assert loaded == recording
    loaded.save(tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl"]


@given(st.lists(st.tuples(st.none() | st.integers(0, 2**60), st.binary(min_size=1), st.sampled_from(["in", "out"]))))
def test_any_bytes_survive_saving(tmp_path_factory, chunks):
    path = tmp_path_factory.mktemp("any") / "a.jsonl"
    times = iter(sorted(t_ns for t_ns, _, _ in chunks if t_ns is not None))
    ordered = [(None if t_ns is None else next(times), data, direction) for t_ns, data, direction in chunks]
    recording = Recording(chunks=ordered, framing="opaque", dialect="opaque")
    recording.save(path)
    assert Recording.load(path) == recording


def test_replay_finds_the_same_as_the_live_guard():
    recording = Recording(chunks=chunks(CHAT, 7), framing="sse", dialect="openai-chat")
    played = replay(recording)
    assert played.ending == "complete"
    assert played.channels == summary(CHAT).channels
    assert played.pace.first_byte_s == 0.0
    assert played.pace.duration_s == pytest.approx(recording.chunks[-1].t_ns / 1e9)


def test_a_stall_before_the_end_is_found():
    recording = Recording(
        chunks=[(0, CHAT[:200])], framing="sse", dialect="openai-chat", end="abrupt", end_ns=60 * 10**9
    )
    assert [(finding.check, finding.kind) for finding in replay(recording).findings] == [
        ("pace", "stall"),
        ("ending", "truncated"),
    ]


def test_a_recording_without_times_has_no_pace():
    pace = replay(Recording.load(CHAT)).pace
    assert (pace.duration_s, pace.gap_p50_s, pace.first_byte_s, pace.tokens_per_s) == (None,) * 4


@pytest.mark.parametrize(
    ("body", "framing", "dialect"),
    [
        (CHAT, "sse", "openai-chat"),
        (OLLAMA, "ndjson", "ollama"),
        (b"It is raining.\nIt will not rain tomorrow.\n", "text", "text"),
    ],
)
def test_a_raw_body_loads_with_its_framing_and_dialect(body, framing, dialect):
    recording = Recording.load(body)
    assert (recording.framing, recording.dialect, recording.complete) == (framing, dialect, True)
    assert b"".join(chunk.data for chunk in recording.chunks) == body


def test_times_beside_a_body_are_those_of_its_data_lines(tmp_path):
    (tmp_path / "a.sse").write_bytes(b": hello\n\n" + CHAT)
    (tmp_path / "a.times.json").write_text("[0.5, 0.75, 1.0, 1.25, 1.5]")
    recording = Recording.load(tmp_path / "a.sse")
    assert [chunk.t_ns for chunk in recording.chunks] == [500_000_000 + n * 250_000_000 for n in range(5)]
    assert recording.chunks[0].data.startswith(b": hello\n\ndata: ")
    assert b"".join(chunk.data for chunk in recording.chunks) == b": hello\n\n" + CHAT
    assert (replay(recording).pace.first_byte_s, replay(recording).pace.first_text_s) == (0.5, 0.75)


def test_times_within_messages_count_from_the_first():
    recording = Recording.load(OLLAMA)
    assert [chunk.t_ns for chunk in recording.chunks] == [0, 31_611_000, 63_217_000]
    assert replay(recording).pace.longest_gap_s == pytest.approx(0.031611)


@pytest.mark.parametrize("times", ["[0.1]", "{}", "[1, null]", "[NaN]", "[", "[-1]"])
def test_wrong_times_beside_a_body_are_an_error(tmp_path, times):
    (tmp_path / "a.sse").write_bytes(CHAT)
    (tmp_path / "a.times.json").write_text(times)
    with pytest.raises(RecordingError, match="times"):
        Recording.load(tmp_path / "a.sse")


def test_a_recording_without_its_last_line_was_cut(tmp_path):
    path = written(tmp_path, HEADER + '{"t":0,"s":"data: {}\\n\\n"}\n{"t":1,"s":"da')
    recording = Recording.load(path)
    assert not recording.complete
    assert len(recording.chunks) == 1
    assert replay(recording).ending == "truncated"


def test_a_recording_cut_inside_a_character_was_cut(tmp_path):
    line = '{"t":0,"s":"好"}\n'.encode()
    for end in range(len(line) - 1):
        assert not Recording.load(written(tmp_path, HEADER.encode() + line[:end])).complete


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEADER + "{}\n", 2, 'line 2 has neither "s", "b" nor "end"'),
        (HEADER + '{"t":0,"s":"a"}\nnot json\n', 3, "line 3 is not JSON: expecting value at column 1"),
        (HEADER + '{"t":0.5,"s":"a"}\n', 2, "line 2 has t = 0.5, allowed are integers of nanoseconds and null"),
        (HEADER + '{"t":0,"b":"*"}\n', 2, "line 2 has no base64 in b"),
        (HEADER + '{"t":0,"s":"\\ud83d"}\n', 2, "line 2 holds half a surrogate pair in s"),
        (HEADER + '{"t":0,"s":"a","d":"up"}\n', 2, "line 2 has d = 'up'"),
        (HEADER + '{"t":0,"end":"done"}\n', 2, "line 2 has end = 'done'"),
        (HEADER + '{"t":0,"end":"clean"}\n{"t":1,"s":"a"}\n', 3, "line 3 comes after the last line"),
        (HEADER + "[" * 100_000 + "\n", 2, "line 2 is not JSON: nested too deep"),
        ('{"midstream_recording":2}\n', 1, "line 1 names version 2 of the format, this program reads 1"),
        ('{"midstream_recording":1,"format":"opnai"}\n', 1, 'line 1: no dialect is named "opnai"'),
        ('{"midstream_recording":1,"request":5}\n', 1, "line 1 has request = 5, allowed are objects and null"),
        ('{"midstream_recording":1,"framing":5}\n', 1, "line 1 has framing = 5, allowed are strings and null"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, line, said):
    with pytest.raises(RecordingError) as caught:
        Recording.load(written(tmp_path, text))
    assert str(caught.value).startswith(said)
    assert caught.value.line == line
    assert isinstance(caught.value, InputError | MidstreamError)


def test_frames_that_the_client_sent_are_kept_and_not_analysed(tmp_path):
    sent = b'{"type":"response.create"}'
    received = b'{"type":"response.done","event_id":"e","response":{"id":"r","status":"completed","output":[]}}'
    recording = Recording(chunks=[(0, sent, "out"), (5, received)], framing="websocket", dialect="auto")
    recording.save(tmp_path / "a.jsonl")
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[1])["d"] == "out"
    assert replay(Recording.load(tmp_path / "a.jsonl")).bytes == len(received)


def test_secrets_are_never_written(tmp_path):
    recording = Recording(
        chunks=[],
        url="https://me:hunter2@host/v1/models?key=sk-1&alt=sse#sk-2",
        request={"model": "m", "max_tokens": 5, "tools": [{"headers": {"Authorization": "sk-3"}, "api_key": "sk-4"}]},
    )
    recording.save(tmp_path / "a.jsonl")
    text = (tmp_path / "a.jsonl").read_text()
    assert "sk-" not in text
    assert "hunter2" not in text
    assert "https://***@host/v1/models?key=***&alt=***" in text
    assert json.loads(text.splitlines()[0])["request"]["max_tokens"] == 5


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.jsonl"
    Recording.load(CHAT).save(path)
    before = path.read_bytes()
    broken = Recording(chunks=[], usage={"output": object()})
    with pytest.raises(TypeError):
        broken.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize("wrong", [{"end": "done"}, {"chunks": [(0, b"", "up")]}])
def test_values_that_are_not_allowed_are_named(wrong):
    with pytest.raises(InputError, match=r"allowed are"):
        Recording(**{"chunks": []} | wrong)


def test_every_recorded_body_loads_byte_for_byte(data, tmp_path):
    bodies = [path for path in sorted((data / "streams").glob("*/*")) if not path.name.endswith(".times.json")]
    assert bodies
    for path in bodies:
        body = path.read_bytes()
        recording = Recording.load(path)
        assert b"".join(chunk.data for chunk in recording.chunks) == body, path
        recording.save(tmp_path / "a.jsonl")
        saved = Recording.load(tmp_path / "a.jsonl")
        assert saved.chunks == recording.chunks, path
        before, after = replay(recording, Settings(shadow=True)), replay(saved, Settings(shadow=True))
        assert (after.events, after.channels, after.ending) == (before.events, before.channels, before.ending), path
