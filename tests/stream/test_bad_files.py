"""Files that are cut, damaged or named wrongly: what is wrong and where, before anything is played."""

import json
import sys

import pytest

import midstream
from midstream.errors import InputError, RecordingError
from midstream.stream import Recording, Trace

HEAD = '{"midstream_recording":1,"format":"openai-chat","framing":"sse"}\n'
RUN = json.dumps({"trace_id": "t", "steps": [{"kind": "message", "role": "user", "content": "Find it."}]})


def lines(*times, end_ns=None):
    last = "" if end_ns is None else json.dumps({"t": end_ns, "end": "clean"}) + "\n"
    return (HEAD + "".join(json.dumps({"t": t_ns, "s": "data: {}\n\n"}) + "\n" for t_ns in times) + last).encode()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RUN[:-9], 1),
        (RUN[:-9] + "\n", 1),
        ("\n\n" + RUN[:-9] + "\n", 3),
        (f"{RUN}\n{RUN[:-9]}\n", 2),
        (f"{RUN[:-9]}\n{RUN}\n", 1),
        (json.dumps(json.loads(RUN), indent=1)[:-4] + "\n\n", 8),
    ],
)
def test_a_trace_that_was_cut_is_named_with_its_own_line(text, line):
    with pytest.raises(RecordingError, match=rf"^line {line} is not JSON: ") as caught:
        Trace.load_all(text.encode())
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (lines(5, 9, 7), 4, "line 4 has t = 7, less than the 9 of line 3: time does not go back"),
        (lines(5, None, 4), 4, "line 4 has t = 4, less than the 5 of line 2"),
        (lines(5, end_ns=4), 3, "line 3 has t = 4, less than the 5 of line 2"),
        (HEAD.encode()[:-2] + b"\n" + lines(5)[len(HEAD) :], 1, "line 1 is not JSON"),
        (HEAD.encode()[:30], 1, "line 1 is not JSON"),
        (HEAD.encode() + b'{"t": 1, "s": "a", "b": "YQ=="}\n', 2, 'line 2 has both "s" and "b"'),
        (lines(5, 9)[:90] + b"\xff\x00" + lines(5, 9)[92:], 2, "line 2 is not JSON"),
    ],
)
def test_a_line_that_is_wrong_is_named(data, line, said):
    with pytest.raises(RecordingError) as caught:
        Recording.load(data)
    assert str(caught.value).startswith(said)
    assert caught.value.line == line


def test_times_that_do_not_change_are_no_mistake():
    assert len(Recording.load(lines(5, 5, None, 5, end_ns=5)).chunks) == 4
    assert len(Recording.load(lines(-5, 0)).chunks) == 2


def test_a_recording_that_is_made_has_times_that_do_not_go_back():
    with pytest.raises(InputError, match=r"^chunks\[1\]\.t_ns is 3, less than the 4 of chunks\[0\]\.t_ns"):
        Recording(chunks=[(4, b"a"), (3, b"b")])
    with pytest.raises(InputError, match=r"^end_ns is 3, less than the 4 of chunks\[0\]\.t_ns"):
        Recording(chunks=[(4, b"a"), (None, b"b")], end_ns=3)


def test_listed_times_that_go_back_are_named(tmp_path):
    (tmp_path / "a.sse").write_text("data: {}\n\n" * 3)
    (tmp_path / "a.times.json").write_text("[1.5, 2, 0.5]")
    with pytest.raises(RecordingError, match=r"^a\.times\.json\[2\] is 0\.5, less than the 2 before"):
        Recording.load(tmp_path / "a.sse")


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.YAML"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("interactions\n- request: {}\n  response: {}\n", "line 2 is not YAML of plain values"),
        ("version: 1\n", "line 1 begins no cassette: it has no interactions"),
        ("inter", "line 1 begins no cassette"),
        ("", "line 1 begins no cassette"),
    ],
)
def test_a_yaml_file_that_is_no_cassette_is_an_error_and_not_text(tmp_path, name, text, said):
    pytest.importorskip("yaml", reason="pip install 'midstream[vcr]'")
    (tmp_path / name).write_text(text)
    for load in (Recording.load, Recording.load_all):
        with pytest.raises(RecordingError) as caught:
            load(tmp_path / name)
        assert str(caught.value).startswith(said)


def packed():
    if sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd", reason="pip install 'midstream[zstd]'")
    from midstream.stream.compressed import library

    return library().compress(lines(*range(50)))


@pytest.mark.parametrize(
    ("kept", "said"),
    [(0, "byte 0 of the file is missing: the zstd file is empty"), (3, "byte 0 of the file begins no zstd frame")],
)
def test_a_compressed_file_without_a_frame_is_an_error_and_not_empty(tmp_path, kept, said):
    (tmp_path / "a.jsonl.zst").write_bytes(packed()[:kept])
    with pytest.raises(RecordingError, match=f"^{said}"):
        Recording.load(tmp_path / "a.jsonl.zst")


def test_a_compressed_file_that_was_cut_is_told_with_its_byte():
    with pytest.raises(RecordingError, match=r"the file was cut at byte 40$"):
        Recording.load(packed()[:40])


def test_a_compressed_file_with_bytes_that_were_changed_is_told_with_their_place():
    data = packed()
    with pytest.raises(RecordingError, match=rf"cannot be unfolded from bytes 0 to {len(data)} of the file"):
        Recording.load(data[:30] + b"\0\0\0" + data[33:])


@pytest.mark.parametrize("spec", ["zz", "c", ".3", "/", "99999999999", "{time}", "0"])
def test_a_width_that_no_number_has_names_the_placeholder(tmp_path, spec):
    with pytest.raises(InputError, match=r"^record names \{number:.*, allowed behind the colon is a width of 1 to 99"):
        midstream.watch(iter(["a"]), record=f"{tmp_path}/{{number:{spec}}}.jsonl")


@pytest.mark.parametrize(
    ("field", "said"),
    [("{time:9}", "record names {time:9}, allowed is {time}"), ("{number!r}", "record names the field {number!r}")],
)
def test_a_placeholder_that_takes_no_width_is_named(tmp_path, field, said):
    with pytest.raises(InputError) as caught:
        midstream.watch(iter(["a"]), record=f"{tmp_path}/{field}-{{number}}.jsonl")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("width", ["4", "04", "4d", "04d", "12"])
def test_a_width_pads_the_number(tmp_path, width):
    list(midstream.watch(iter(["a"]), record=f"{tmp_path}/{{number:{width}}}.jsonl"))
    [made] = tmp_path.iterdir()
    assert made.stem == format(1, width)
