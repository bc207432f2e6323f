"""Recordings that are written while a stream runs."""

import asyncio
import io
import json
import os
import subprocess
import sys

import httpx2
import pytest

import bodies
import midstream
import reading
import sdks
from midstream.errors import InputError
from midstream.stream import AsyncTransport, Record, Recording, Redact, Rule, Settings, Transport, replay, rules
from provider import Cut, Forever, Provider

FRAGMENTS = ["Ask jane", ".doe@exam", "ple.org", " or call 555-555-", "0123. By", "e"]
SAID = "".join(FRAGMENTS)
REDACTED = "Ask [EMAIL] or call [PHONE]. Bye"
PLAIN = ["It is ", "raining", " in Kyoto."]
LOOP = Forever((bodies.chat_chunk({"content": "I am done. "}),))


def chat(script, record, settings=None, **options):
    """What a reader of a chat stream got, and what ended it."""
    with Provider(script) as provider:
        stream = sdks.create("chat", sdks.client("chat", provider))
        return reading.read(midstream.watch(stream, settings, record=record, **options))


def body(recording):
    return b"".join(chunk.data for chunk in recording.chunks)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_recording_holds_the_bytes_as_they_arrived(kind, tmp_path):
    script = sdks.BODIES[kind](PLAIN)
    with Provider(script) as provider:
        stream = sdks.create(kind, sdks.client(kind, provider))
        items, error = reading.read(midstream.watch(stream, record=tmp_path / "a.jsonl"))
    assert (bool(items), error) == (True, None)
    recording = Recording.load(tmp_path / "a.jsonl")
    assert body(recording) == b"".join(script)
    assert recording.complete
    assert (recording.end, recording.framing, recording.model) == ("clean", "sse", "m")
    assert recording.dialect == {"chat": "openai-chat", "responses": "openai-responses"}.get(kind, "anthropic-messages")
    assert recording.provider == "127.0.0.1"
    times = [chunk.t_ns for chunk in recording.chunks]
    assert times == sorted(times)
    assert times[0] >= 0
    assert replay(recording).ending == "complete"


def test_secrets_that_are_split_over_chunks_are_not_written(kind, tmp_path):
    script = sdks.BODIES[kind](FRAGMENTS)
    with Provider(script) as provider:
        stream = sdks.create(kind, sdks.client(kind, provider))
        items, error = reading.read(midstream.watch(stream, record=tmp_path / "a.jsonl"))
    assert error is None
    assert "".join(sdks.text(kind, item) for item in items) == SAID
    text = (tmp_path / "a.jsonl").read_text()
    for part in ("jane", "doe", "ple.org", "555-"):
        assert part not in text
    guard = midstream.Guard(keep_text=True)
    guard.feed(body(Recording.load(tmp_path / "a.jsonl")), 0)
    assert guard.text == REDACTED


def test_the_settings_own_rules_apply_to_what_is_written(tmp_path):
    rule = Rule(name="ticket", pattern="T-[0-9]{4}")
    settings = Settings(redact=Redact(rules=(rule,), action="observe"))
    items, _ = chat(bodies.chat(["see T-1", "234 of bob@", "example.org"]), tmp_path / "a.jsonl", settings)
    assert "".join(sdks.text("chat", item) for item in items) == "see T-1234 of bob@example.org"
    text = (tmp_path / "a.jsonl").read_text()
    assert "T-1" not in text
    assert "234 of" not in text
    assert "[TICKET]" in text
    assert "[EMAIL]" in text


def test_of_a_redacted_stream_what_the_reader_got_is_recorded(tmp_path):
    settings = Settings(redact=Redact(rules=("built_in",)))
    items, error = chat(bodies.chat(FRAGMENTS), tmp_path / "a.jsonl", settings)
    assert error is None
    passed = "".join(sdks.text("chat", item) for item in items)
    guard = midstream.Guard(keep_text=True)
    guard.feed(body(Recording.load(tmp_path / "a.jsonl")), 0)
    assert guard.text == passed == REDACTED


def test_a_stop_is_told_in_the_last_line_with_its_finding(tmp_path):
    _, error = chat([*bodies.chat([])[:1], LOOP], tmp_path / "a.jsonl")
    assert isinstance(error, midstream.GuardStopped)
    recording = Recording.load(tmp_path / "a.jsonl")
    assert recording.end == "stopped"
    assert [(found["check"], found["action"]) for found in recording.findings] == [("repeat", "stop")]
    assert "evidence" not in recording.findings[0]
    assert replay(recording, Settings()).ending == "halted"


def test_a_stream_that_broke_is_recorded_to_its_break(tmp_path):
    script = bodies.chat(PLAIN)[:-2]
    _, error = chat([*script, Cut()], tmp_path / "a.jsonl")
    assert error is not None
    recording = Recording.load(tmp_path / "a.jsonl")
    assert (recording.end, body(recording)) == ("abrupt", b"".join(script))
    assert replay(recording).ending == "truncated"


def test_reported_usage_stands_in_the_last_line(tmp_path):
    usage = bodies.sse({"object": "chat.completion.chunk", "choices": [], "usage": {"completion_tokens": 7}})
    chat([*bodies.chat(PLAIN)[:-1], usage, bodies.DONE], tmp_path / "a.jsonl")
    assert Recording.load(tmp_path / "a.jsonl").usage["output"] == 7


def test_an_async_stream_is_recorded(kind, tmp_path):
    script = sdks.BODIES[kind](PLAIN)

    async def main(provider):
        client = sdks.client(kind, provider, asynchronous=True)
        stream = midstream.watch(await sdks.create(kind, client), record=tmp_path / "a.jsonl")
        return await reading.read_async(stream)

    with Provider(script) as provider:
        assert asyncio.run(main(provider))[1] is None
    assert body(Recording.load(tmp_path / "a.jsonl")) == b"".join(script)


@pytest.mark.parametrize(
    ("items", "framing"),
    [
        (["It is ", "raining."], "text"),
        (bodies.chat(PLAIN), "sse"),
        ([json.loads(chunk[6:]) for chunk in bodies.chat(PLAIN)[:-1]], "ndjson"),
    ],
)
def test_iterators_of_text_bytes_and_events_are_recorded(tmp_path, items, framing):
    path = tmp_path / "a.jsonl"
    got = list(midstream.watch(iter(items), record=path, on_truncated="flag"))
    assert got == items
    recording = Recording.load(path)
    assert (recording.framing, recording.complete, recording.left_out) == (framing, True, None)
    assert replay(recording).channels[0].characters == len("".join(PLAIN if framing != "text" else items))
    assert not recording.from_request


def test_text_in_which_no_secret_would_be_found_is_left_out(tmp_path):
    secret = b'data: {"words":["jane.doe@example.org"]}\n\n'
    got = list(midstream.watch(iter([secret] * 3), record=tmp_path / "a.jsonl", on_truncated="flag"))
    assert got == [secret] * 3
    assert "jane" not in (tmp_path / "a.jsonl").read_text()
    assert Recording.load(tmp_path / "a.jsonl").left_out


def test_headers_and_query_are_never_written_and_bodies_only_where_asked_for(tmp_path):
    def asked(record):
        with Provider(bodies.chat(PLAIN)) as provider:
            client = sdks.client("chat", provider).copy(api_key="sk-hunter2", default_query={"key": "hunter3"})
            said = [{"role": "user", "content": "I am jane.doe@example.org"}]
            stream = client.chat.completions.create(model="m", messages=said, stream=True, user="u")
            reading.read(midstream.watch(stream, record=record))

    asked(tmp_path / "a.jsonl")
    asked(Record(tmp_path / "b.jsonl", request=True))
    for name in ("a.jsonl", "b.jsonl"):
        text = (tmp_path / name).read_text()
        assert "hunter" not in text
        assert "jane" not in text
        assert "key=***" in text
    assert Recording.load(tmp_path / "a.jsonl").request is None
    assert Recording.load(tmp_path / "b.jsonl").request["messages"][0]["content"] == "I am [EMAIL]"


def test_a_client_writes_a_file_for_each_stream(kind, tmp_path):
    with Provider(sdks.BODIES[kind](PLAIN)) as provider:
        client = midstream.wrap(sdks.client(kind, provider), record=tmp_path)
        for _ in range(2):
            assert reading.read(sdks.create(kind, client))[1] is None
    made = sorted(tmp_path.iterdir())
    assert len(made) == 2
    for path in made:
        recording = Recording.load(path)
        assert recording.from_request
        assert body(recording) == b"".join(sdks.BODIES[kind](PLAIN))


def test_a_transport_writes_by_template_and_replaces_nothing(kind, tmp_path):
    with Provider(sdks.BODIES[kind](PLAIN)) as provider:
        for _ in range(2):
            transport = Transport(httpx2.HTTPTransport(), record=str(tmp_path / "{host}-{number:03}.jsonl"))
            client = sdks.client(kind, provider).copy(http_client=httpx2.Client(transport=transport))
            assert reading.read(sdks.create(kind, client))[1] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["127.0.0.1-001.jsonl", "127.0.0.1-002.jsonl"]


def test_an_async_transport_records(kind, tmp_path):
    async def main(provider):
        transport = AsyncTransport(httpx2.AsyncHTTPTransport(), record=tmp_path)
        client = sdks.client(kind, provider, asynchronous=True)
        client = client.copy(http_client=httpx2.AsyncClient(transport=transport))
        return await reading.read_async(await sdks.create(kind, client))

    with Provider(sdks.BODIES[kind](PLAIN)) as provider:
        assert asyncio.run(main(provider))[1] is None
    [path] = tmp_path.iterdir()
    assert Recording.load(path).complete


def test_an_open_file_is_flushed_and_stays_open():
    file = io.BytesIO()
    list(midstream.watch(iter(bodies.chat(PLAIN)), record=file))
    assert Recording.load(file.getvalue()).complete


class Full(io.RawIOBase):
    """Takes some bytes, and then none."""

    def __init__(self, room):
        self.room = room

    def write(self, block):
        self.room -= len(block)
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return len(block)


@pytest.mark.parametrize("room", [0, 300])
def test_a_full_disk_ends_the_recording_and_not_the_stream(room):
    with pytest.warns(RuntimeWarning, match=r"ends early, and the stream goes on: no space left on device"):
        got = list(midstream.watch(iter(bodies.chat(PLAIN)), record=Full(room)))
    assert got == bodies.chat(PLAIN)


def test_a_file_that_was_closed_ends_the_recording_and_not_the_stream(tmp_path):
    file = (tmp_path / "a.jsonl").open("wb")
    watched = midstream.watch(iter(bodies.chat(PLAIN)), record=file)
    next(watched)
    file.close()
    with pytest.warns(RuntimeWarning, match="closed file"):
        assert len(list(watched)) == len(bodies.chat(PLAIN)) - 1


@pytest.mark.filterwarnings("error")
def test_a_warning_that_is_an_error_does_not_end_the_stream():
    assert list(midstream.watch(iter(bodies.chat(PLAIN)), record=Full(0))) == bodies.chat(PLAIN)


def test_a_client_whose_folder_went_away_goes_on(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    with Provider(bodies.chat(PLAIN)) as provider:
        client = midstream.wrap(sdks.client("chat", provider), record=folder)
        folder.rmdir()
        with pytest.warns(RuntimeWarning, match="is not recorded"):
            assert reading.read(sdks.create("chat", client))[1] is None


KILLED = """
import os, sys, time
import midstream
def chunks():
    for at in range(10):
        yield b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"word, "}}]}\\n\\n'
        if at == 5:
            time.sleep(1.1)
    os._exit(9)
for _ in midstream.watch(chunks(), record=sys.argv[1]):
    pass
"""


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst"])
def test_a_crash_leaves_a_recording_that_loads_as_cut(tmp_path, name):
    if name.endswith(".zst"):
        need_zstd()
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)], check=False)
    assert done.returncode == 9
    recording = Recording.load(tmp_path / name)
    assert not recording.complete
    assert len(recording.chunks) >= 6


def need_zstd():
    if sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd", reason="pip install 'midstream[zstd]'")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("{model}.jsonl", "names the field {model}, known: {host}, {number}, {pid}, {time}"),
        ("{number.jsonl", "is no template"),
        ("no/such/folder/a.jsonl", "there is no folder 'no/such/folder'"),
        ("", "which no file is named"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_named_before_the_stream(record, said):
    watched = []

    def stream():
        watched.append(1)
        yield "text"

    with pytest.raises(InputError) as caught:
        midstream.watch(stream(), record=record)
    assert said in str(caught.value)
    assert watched == []


@pytest.mark.parametrize("record", ["a.jsonl", io.BytesIO()])
def test_one_file_for_the_streams_of_a_client_is_refused(record, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"name a folder,? or a template"):
        Transport(httpx2.HTTPTransport(), record=record)


@pytest.mark.parametrize("record", [io.StringIO(), 5, b"a.jsonl"])
def test_what_is_no_place_is_a_type_error(record):
    with pytest.raises(TypeError, match="record is"):
        midstream.watch(iter(["text"]), record=record)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")  # noqa: PTH110
def test_a_device_that_is_full_ends_the_recording_alone():
    with pytest.warns(RuntimeWarning, match="no space left"):
        assert list(midstream.watch(iter(bodies.chat(PLAIN)), record="/dev/full")) == bodies.chat(PLAIN)


def test_rules_are_ready_before_the_first_item():
    """Making the automaton takes a tenth of a second: not while somebody waits for text."""
    rules.redacting.cache_clear()
    watched = midstream.watch(iter(["text"]), record=io.BytesIO())
    assert rules.redacting.cache_info().misses == 1
    list(watched)
    assert rules.redacting.cache_info().misses == 1
