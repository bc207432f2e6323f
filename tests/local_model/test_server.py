"""The server of the local model: what it offers, and that nothing of it stays behind."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from midstream import local
from midstream.errors import NetworkError, StateError

PROGRAM = Path(sys.executable).with_name("midstream")


def answers(address):
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (ConnectionRefusedError, ConnectionResetError):
        return False
    finally:
        connection.close()


def gone_within(address, limit_s):
    until = time.monotonic() + limit_s
    while answers(address):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def serving(weights):
    """``midstream models run`` and its address; killed at the end of the test."""
    environment = os.environ | {"MIDSTREAM_MODEL": str(weights)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([PROGRAM, "models", "run", "--json"], env=environment, **pipes)
    yield process, json.loads(process.stdout.readline())["address"]
    process.kill()
    process.communicate()


def test_an_idle_model_is_not_busy(idle_model):
    assert idle_model.slot() == local.Slot(busy=False, decoded=0)


def test_the_model_is_listed_by_its_name(idle_model):
    connection = http.client.HTTPConnection(idle_model.address.removeprefix("http://"), timeout=5)
    connection.request("GET", "/v1/models")
    listed = json.load(connection.getresponse())
    connection.close()
    assert [model["id"] for model in listed["data"]] == [local.MODEL.name]


def test_ctrl_c_ends_run_with_130_and_the_server_is_gone(serving):
    process, address = serving
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert not answers(address)
    assert process.stderr.read() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_the_server_is_gone_when_its_parent_is_killed(serving):
    process, address = serving
    process.kill()
    process.wait()
    assert gone_within(address, 10)


def test_ctrl_c_ends_the_demo_while_the_model_speaks(weights):
    environment = os.environ | {"MIDSTREAM_MODEL": str(weights)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([PROGRAM, "demo"], env=environment, **pipes) as process:
        address = process.stdout.readline().split()[-1]
        for line in process.stdout:
            if line.startswith("---"):
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert not answers(address)
        assert process.stderr.read() == ""


def test_a_closed_server_refuses_connections(weights):
    with local.Server(weights) as server:
        assert answers(server.address)
    assert not answers(server.address)
    with pytest.raises(NetworkError, match="does not answer at http://127"):
        server.slot()
    with pytest.raises(StateError, match="the server is closed"), server:
        pass


def test_a_file_that_is_no_model_is_told(weights, tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"not a model")
    with pytest.raises(NetworkError, match=r"llama.cpp cannot load .*model\.gguf: "):
        local.Server(tmp_path / "model.gguf")


def test_the_demo_runs_the_model_and_ends_with_0(weights, tmp_path):
    environment = os.environ | {"MIDSTREAM_MODEL": str(weights)}
    done = subprocess.run(
        [PROGRAM, "demo", "--json"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["source"], told["guarded"]["ending"], told["unguarded"]["ending"]) == ("model", "halted", "complete")
    assert told["tokens_saved"] > 0
    assert told["stop_to_idle_s"] > 0
