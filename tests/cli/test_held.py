"""Files that hold something else than one stream: cassettes, runs of agents, compressed recordings."""

import json
import subprocess
import sys

import jsonschema
import pytest

from midstream.stream import Recording, Trace
from processes import posix
from tiny_bodies import CHAT, LOOP

RESPONSE = {"status": {"code": 200, "message": "OK"}, "headers": {"Content-Type": ["text/event-stream"]}}
CALL = {"tool_call_id": "c", "function_name": "search", "arguments": {"query": "harbour"}}
STEP = {
    "source": "agent",
    "message": "",
    "tool_calls": [CALL],
    "observation": {"results": [{"source_call_id": "c", "content": "no hits"}]},
    "metrics": {"completion_tokens": 20},
}
GOLDEN = """\
run.json
  ending     complete (agent_run)
  stream     atif over json, model tiny-1, 9 events, 243 bytes
  text       0 characters in messages
  calls      9: search 9
  tokens     180 out (reported)
  hint       actions/repeat at step 6: search was called 3 times with the same
             arguments and the same result since step 2
  warn       actions/repeat at step 10: search was called 5 times with the same
             arguments and the same result since step 2
  stop       actions/repeat at step 16: search was called 8 times with the same
             arguments and the same result since step 2

"""


def interaction(body, **more):
    return {
        "request": {"uri": "https://h/v1", "body": '{"stream": true}'},
        "response": RESPONSE | {"body": {"string": body.decode()}} | more,
    }


@pytest.fixture
def files(tmp_path):
    page = {"response": {"body": {"string": "{}"}, "headers": {}}}
    held = {"version": 1, "interactions": [interaction(CHAT), page, interaction(LOOP)]}
    (tmp_path / "cassette.json").write_text(json.dumps(held))
    agent = {"name": "finder", "version": "1", "model_name": "tiny-1"}
    steps = [{"step_id": at, **STEP} for at in range(1, 10)]
    Trace({"schema_version": "ATIF-v1.8", "agent": agent, "steps": steps}).save(tmp_path / "run.json")
    return tmp_path


@pytest.fixture(scope="session")
def replayed(program):
    schema = json.loads(subprocess.run([program, "replay", "--schema"], capture_output=True, check=True).stdout)
    validator = jsonschema.Draft202012Validator(schema)

    def replayed(done):
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        for report in reports:
            validator.validate(report)
        return reports

    return replayed


def test_each_stream_of_a_cassette_has_a_report(midstream, files, objects):
    done = midstream("analyze", "--json", "cassette.json", cwd=files)
    assert (done.returncode, done.stderr) == (0, "")
    reports = objects(done)
    assert [report["file"] for report in reports] == ["cassette.json#0", "cassette.json#2"]
    assert [finding["kind"] for finding in reports[1]["findings"]] == ["exact"]


def test_each_stream_of_a_cassette_is_replayed(midstream, files, replayed):
    done = midstream("replay", "--json", "--fail-on", "stop", "cassette.json", cwd=files)
    first, second = replayed(done)
    assert done.returncode == 1
    assert first["stop"] is None
    assert second["saved"]["characters"] > 0


def test_a_cassette_in_yaml_is_read_and_other_yaml_of_a_folder_left_out(midstream, tmp_path, objects):
    yaml = pytest.importorskip("yaml")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.yaml").write_text(yaml.safe_dump({"interactions": [interaction(CHAT)], "version": 1}))
    (tmp_path / "in" / "settings.yml").write_text("a: 1\n")
    done = midstream("analyze", "--json", "in", cwd=tmp_path)
    assert [report["ending"] for report in objects(done)] == ["complete"]
    assert done.stderr.startswith("midstream: no recording, left out: in")


def test_a_cassette_without_a_stream_is_an_error(midstream, tmp_path, objects):
    (tmp_path / "a.json").write_text('{"interactions": [{"response": {"body": "x"}}]}')
    done = midstream("analyze", "--json", "a.json", cwd=tmp_path)
    assert done.returncode == 3
    assert objects(done)[0]["error"] == "none of the cassette's 1 responses is a stream"


def test_the_run_of_an_agent_has_a_report(midstream, files):
    done = midstream("analyze", "run.json", cwd=files)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", GOLDEN)


def test_the_object_of_a_run_meets_the_schema(midstream, files, objects):
    [report] = objects(midstream("analyze", "--json", "run.json", cwd=files))
    assert (report["dialect"], report["events"], len(report["tool_calls"])) == ("atif", 9, 9)
    assert [finding["action"] for finding in report["findings"]] == ["hint", "warn", "stop"]


def test_a_run_is_replayed_under_other_settings(midstream, files, replayed):
    (files / "guard.toml").write_text('[actions.repeat]\nhint = "off"\nwarn = 2\nstop = 3\n')
    [report] = replayed(midstream("replay", "--json", "--guard", "guard.toml", "run.json", cwd=files))
    assert [(one["step"], one["action"]) for one in report["decisions"]] == [(2, "warn"), (3, "stop")]
    assert report["stop"]["step"] == 3
    assert report["saved"]["tokens"] == 120
    assert report["replayed"]["usage"]["output"] == 60
    assert "about 120 tokens" in midstream("replay", "--guard", "guard.toml", "run.json", cwd=files).stdout


def test_a_compressed_recording_is_analysed_and_replayed(midstream, tmp_path, objects, replayed):
    if sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd")
    (tmp_path / "in").mkdir()
    Recording(chunks=[(0, LOOP)], framing="sse", dialect="openai-chat").save(tmp_path / "in" / "a.jsonl.zst")
    [report] = objects(midstream("analyze", "--json", "in", cwd=tmp_path))
    assert report["findings"][0]["kind"] == "exact"
    assert replayed(midstream("replay", "--json", "in", cwd=tmp_path))[0]["stop"]


@posix
def test_watch_records_what_it_passes_on(midstream, tmp_path):
    (tmp_path / "rain.sse").write_bytes(CHAT)
    done = midstream("watch", "--record", "a.jsonl", "--", "cat", "rain.sse", text=False)
    assert (done.returncode, done.stdout) == (0, CHAT)
    recording = Recording.load(tmp_path / "a.jsonl")
    assert b"".join(chunk.data for chunk in recording.chunks) == CHAT
    assert (recording.end, recording.dialect, recording.usage["output"]) == ("clean", "openai-chat", 7)


def test_watch_records_a_request_without_its_key(midstream, tmp_path, serve):
    server = serve(pieces=(CHAT.replace(b"It is", b"hunter-2 a@b.org is"),))
    words = ["--base-url", server.url, "--prompt", "Why?", "--record", "a.jsonl"]
    done = midstream("watch", *words, env={"OPENAI_API_KEY": "hunter-2"})
    assert done.returncode == 0
    text = (tmp_path / "a.jsonl").read_text()
    assert "hunter" not in text
    assert "a@b.org" not in text
    assert Recording.load(tmp_path / "a.jsonl").provider == "127.0.0.1"


@pytest.mark.parametrize(
    ("place", "said"),
    [("no/such/a.jsonl", "there is no folder 'no/such': make it first"), ("{x}.jsonl", "names the field {x}")],
)
def test_a_place_that_cannot_be_written_ends_watch_before_it_begins(midstream, place, said):
    done = midstream("watch", "--record", place, "--", sys.executable, "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@posix
def test_a_recording_on_a_full_disk_is_told_and_the_stream_goes_on(midstream, tmp_path):
    (tmp_path / "rain.sse").write_bytes(CHAT)
    done = midstream("watch", "--record", "/dev/full", "--", "cat", "rain.sse", text=False)
    assert (done.returncode, done.stdout) == (0, CHAT)
    assert b"the recording /dev/full ends early, and the stream goes on: no space left on device" in done.stderr
