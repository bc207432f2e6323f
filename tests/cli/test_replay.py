"""``midstream replay``: what a guard would have decided."""

import json
import re
import signal
import subprocess
import time

import jsonschema
import pytest

import bodies
from midstream.stream import Recording
from processes import on_a_terminal, posix
from tiny_bodies import CHAT

GOLDEN = """\
loop.jsonl
  stream     openai-chat over sse, model m
  recorded   halted, N bytes, N characters, N tokens out (estimated),
             N ms; closed: stopped
  then       stop: repeat/exact at character N
  guard      default settings
  replayed   halted, N bytes, N characters, N tokens out (estimated), N
             ms
  stop       after N ms, at byte N: repeat/exact in choice:N/text at
             character N: N characters repeated N times since character N
  saved      N characters and about N tokens (estimate: characters behind the
             cut / N)

"""


def save(path, texts, **options):
    chunks = [(at * 10_000_000, chunk) for at, chunk in enumerate(bodies.chat(texts), 1)]
    Recording(**{"chunks": chunks, "framing": "sse", "dialect": "openai-chat"} | options).save(path)


@pytest.fixture
def recordings(tmp_path):
    found = {"check": "repeat", "kind": "exact", "action": "stop", "channel": "choice:0/text", "offset": 99}
    save(tmp_path / "loop.jsonl", ["Well. ", *["I am done. "] * 40], end="stopped", findings=(found,))
    (tmp_path / "rain.sse").write_bytes(CHAT)
    return tmp_path


@pytest.fixture(scope="session")
def replayed(program):
    schema = json.loads(subprocess.run([program, "replay", "--schema"], capture_output=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def replayed(done):
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        for report in reports:
            validator.validate(report)
        return reports

    return replayed


def test_the_text_report_at_80_columns(midstream, recordings):
    done = midstream("replay", "loop.jsonl", cwd=recordings)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.sub(r"\d[\d.,]*\d|\d", "N", done.stdout) == GOLDEN


def test_the_object_tells_where_the_stream_would_have_been_stopped(midstream, recordings, replayed):
    [report] = replayed(midstream("replay", "--json", "loop.jsonl", cwd=recordings))
    stop, [decision] = report["stop"], report["decisions"]
    assert stop == decision
    assert (stop["action"], stop["kind"]) == ("stop", "exact")
    assert 0 < stop["byte"] < report["recorded"]["bytes"]
    assert report["replayed"]["bytes"] == stop["byte"]
    assert stop["at_s"] == pytest.approx(0.01 * bodies_until(stop["byte"], recordings))
    assert report["saved"]["characters"] == report["recorded"]["characters"] - report["replayed"]["characters"]
    assert report["recorded"]["findings"] == [
        {"check": "repeat", "kind": "exact", "action": "stop", "channel": "choice:0/text", "offset": 99}
    ]


def bodies_until(byte, folder):
    size = 0
    for at, chunk in enumerate(Recording.load(folder / "loop.jsonl").chunks, 1):
        size += len(chunk.data)
        if size >= byte:
            return at
    raise AssertionError("no such byte")


def test_a_recording_that_nothing_stops_saves_nothing(midstream, recordings, replayed):
    [report] = replayed(midstream("replay", "--json", "rain.sse", cwd=recordings))
    assert (report["stop"], report["decisions"], report["times"]) == (None, [], None)
    assert report["saved"]["tokens"] == 0
    assert report["recorded"]["usage"]["output"] == 7


def test_markdown_and_output_are_as_for_analyze(midstream, recordings):
    done = midstream("replay", "--format", "markdown", "--output", "a.md", "rain.sse", cwd=recordings)
    assert (done.returncode, done.stdout) == (0, "")
    assert "| replayed | complete" in (recordings / "a.md").read_text()


@pytest.mark.parametrize(("fail_on", "code"), [("stop", 1), ("warn", 1), ("never", 0)])
def test_decisions_at_or_above_fail_on_end_with_1(midstream, recordings, fail_on, code):
    assert midstream("replay", "--fail-on", fail_on, "loop.jsonl", cwd=recordings).returncode == code
    assert midstream("replay", "--fail-on", fail_on, "rain.sse", cwd=recordings).returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["replay"], 2, "no recording named"),
        (["replay", "--speed", "0", "rain.sse"], 2, "--speed is 0; allowed is above 0"),
        (["replay", "--speed", "x", "rain.sse"], 2, 'invalid value "x" for --speed; it takes a number'),
        (["replay", "--sped", "1", "rain.sse"], 2, "did you mean --speed?"),
        (["replay", "--guard", "absent.toml", "rain.sse"], 2, "absent.toml"),
        (["replay", "absent.sse"], 3, "no such file or directory: absent.sse"),
    ],
)
def test_each_error_is_one_line_with_its_exit_code(midstream, recordings, words, code, said):
    done = midstream(*words, cwd=recordings)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_bad_file_is_told_and_the_rest_is_played(midstream, recordings, replayed):
    (recordings / "bad.jsonl").write_text('{"midstream_recording":1}\nnonsense\n')
    done = midstream("replay", "--json", "bad.jsonl", "rain.sse", cwd=recordings)
    bad, good = replayed(done)
    assert done.returncode == 3
    assert bad["error"].startswith("line 2 is not JSON")
    assert good["error"] is None


def test_in_real_time_decisions_are_told_as_they_come(midstream, recordings):
    done = midstream("replay", "--speed", "20", "loop.jsonl", cwd=recordings)
    assert done.returncode == 0
    assert done.stderr.startswith("midstream: stop: after ")


def test_even_times_are_told(midstream, recordings):
    done = midstream("replay", "--speed", "50", "rain.sse", cwd=recordings)
    assert done.stderr == "midstream: no times in this recording, so messages are played evenly: rain.sse\n"
    assert "times made even" in done.stdout


@posix
def test_an_interrupt_ends_a_replay_in_real_time(start, program, tmp_path):
    save(tmp_path / "long.jsonl", ["All ", "is well."], end_ns=7200 * 10**9)
    (tmp_path / "slow.jsonl").write_text(
        (tmp_path / "long.jsonl").read_text().replace('{"t":50000000', '{"t":3600000000000')
    )
    running = start([program, "replay", "--speed", "1", "--json", "long.jsonl", "slow.jsonl"], cwd=tmp_path)
    assert running.stdout.readline().startswith('{"file": "long.jsonl"')
    time.sleep(1)  # the second file is read, and plays
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 130
    assert "Traceback" not in running.stderr.read()


@posix
def test_a_replay_in_real_time_shows_a_person_how_far_it_is(program, tmp_path):
    pause_ns = 1_300_000_000
    chunks = [(at * pause_ns, chunk) for at, chunk in enumerate(bodies.chat(["All ", "is well."]))]
    Recording(chunks=chunks, framing="sse", dialect="openai-chat").save(tmp_path / "slow.jsonl")
    shown = on_a_terminal([program, "replay", "--speed", "1", "slow.jsonl"], tmp_path)
    assert "playing" in shown
    assert "complete" in shown


def test_in_real_time_a_damaged_line_is_told_before_anything_is_played(midstream, recordings):
    lines = (recordings / "loop.jsonl").read_text().splitlines()
    (recordings / "bad.jsonl").write_text("\n".join([*lines[:-2], "nonsense", *lines[-2:]]) + "\n")
    done = midstream("replay", "--json", "--speed", "0.001", "bad.jsonl", cwd=recordings)
    assert done.returncode == 3
    assert "is not JSON" in done.stderr
