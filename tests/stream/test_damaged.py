"""Files with bytes that were changed, cut out or doubled: they load, or a line is named; nothing else happens."""

import json
import random
import sys

import pytest

import bodies
from midstream.errors import RecordingError
from midstream.stream import Recording, Trace

BODY = b"".join(bodies.chat(["It is ", "raining", " in 京都."]))
OWN = (
    b'{"midstream_recording":1,"format":"openai-chat","framing":"sse"}\n'
    + b"".join(
        json.dumps({"t": at, "s": chunk.decode()}).encode() + b"\n" for at, chunk in enumerate(bodies.chat(["a", "b"]))
    )
    + b'{"t":9,"end":"clean","usage":{"output":3},"findings":[{"check":"repeat"}]}\n'
)
HELD = {"request": {"uri": "https://h/v1", "body": "{}"}, "response": {"body": {"string": BODY.decode()}}}
CASSETTE = json.dumps({"version": 1, "interactions": [HELD]}, indent=1).encode()
CALL = {"tool_call_id": "c", "function_name": "f", "arguments": {"a": 1}}
STEP = {"step_id": 1, "source": "agent", "message": "x", "tool_calls": [CALL], "observation": {"results": []}}
TRACE = json.dumps({"schema_version": "ATIF-v1.8", "agent": {"name": "a", "version": "1"}, "steps": [STEP]}).encode()
SPLICES = [b"", b"\x00", b"\xff", b"{", b"}", b"[", b'"', b":", b"null", b"1e999", b"\n", b"- ", b"\\ud800"]
CASES = 400


def yaml_cassette():
    yaml = pytest.importorskip("yaml")
    return yaml.safe_dump({"interactions": [HELD], "version": 1}).encode()


def packed():
    if sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd")
    from midstream.stream.compressed import library

    return library().compress(OWN)


def damaged(data, draw):
    """The bytes with one to three changes."""
    for _ in range(draw.randint(1, 3)):
        start = draw.randrange(len(data) + 1)
        end = min(len(data), start + draw.choice([0, 1, 2, 9, len(data)]))
        data = data[:start] + draw.choice([*SPLICES, data[start:end] * 2]) + data[end:]
    return data


@pytest.mark.parametrize(
    ("made", "load"),
    [
        (lambda: OWN, Recording.load),
        (lambda: CASSETTE, Recording.load_all),
        (yaml_cassette, Recording.load_all),
        (packed, Recording.load),
        (lambda: TRACE, Trace.load_all),
        (lambda: TRACE + b"\n" + TRACE, Trace.load_all),
    ],
    ids=["own", "cassette", "yaml", "zstd", "trace", "traces"],
)
def test_a_damaged_file_loads_or_names_a_line(made, load):
    data, told = made(), []
    for seed in range(CASES):
        try:
            load(damaged(data, random.Random(seed)))
        except RecordingError as error:
            told.append(error)
    assert told
    assert [error for error in told if "\n" in str(error) or (error.line is not None and error.line < 1)] == []
