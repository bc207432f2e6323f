"""``midstream watch`` with a command."""

import signal
import subprocess
import time

import pytest

from processes import running
from tiny_bodies import CHAT


def test_a_commands_output_passes_byte_for_byte(midstream, tmp_path):
    body = CHAT + b"\xff\x00\x1b[31m"
    (tmp_path / "a b.sse").write_bytes(body)
    done = midstream("watch", "--", "cat", "a b.sse", text=False)
    assert (done.returncode, done.stdout) == (0, body)
    assert b"openai-chat over sse" in done.stderr


def test_a_command_that_loops_is_ended(midstream):
    script = "while :; do printf 'I am done. '; sleep 0.01; done"
    done = midstream("watch", "--fail-on", "stop", "--", "sh", "-c", script)
    assert done.returncode == 1
    assert set(done.stdout.split("I am done. ")) == {""}
    assert done.stdout.count("I am done. ") < 15


def test_a_command_that_ignores_term_is_killed_after_two_seconds(midstream):
    script = "trap '' TERM; echo $$; while :; do printf 'I am done. '; sleep 0.01; done"
    started = time.monotonic()
    done = midstream("watch", "--", "sh", "-c", script)
    assert 2.0 < time.monotonic() - started < 20.0
    assert not running(int(done.stdout.split()[0]))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo hi; exit 4", "midstream: the command ended with status 4: sh\n"),
        ("echo hi; kill -9 $$", "midstream: the command was ended by SIGKILL: sh\n"),
    ],
)
def test_a_command_that_fails_is_told_and_exit_code_3(midstream, script, said):
    done = midstream("watch", "--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (3, "hi\n")
    assert said in done.stderr


def test_an_argument_of_the_command_is_not_shown(midstream):
    done = midstream("watch", "--json", "--", "sh", "-c", ": hunter2; echo hi; exit 1")
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "TERM"])
def test_an_interrupt_ends_the_command_and_leaves_a_verdict(program, tmp_path, number, code):
    words = [program, "watch", "--", "sh", "-c", "echo $$; sleep 600"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True)
    group = int(child.stdout.readline())
    child.send_signal(number)
    _, said = child.communicate(timeout=30)
    assert child.returncode == code
    assert "Traceback" not in said
    assert "ending     cancelled" in said
    assert not running(group)


def test_a_closed_pipe_ends_the_command_quietly(program, tmp_path):
    script = f"'{program}' watch -- sh -c 'echo $$ >pid; n=0; while :; do n=$((n+1)); echo $n; done' | head -n 1"
    command = f"{script}; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "1\n141\n"
    assert done.stderr == ""
    assert not running(int((tmp_path / "pid").read_text()))


def test_a_quiet_command_is_told_as_a_stall(run_python):
    """The limit of a stall is half a minute by default: here it is a tenth of a second."""
    code = """
import asyncio, sys
from midstream.cli.command import Command
from midstream.cli.live import Live, follow
from midstream.stream import Guard, Pace, Settings

async def main():
    source = await Command.started(["sh", "-c", "echo hi; sleep 0.5; echo ho"])
    live = Live(json=False, raw=True)
    await follow(source, Guard(Settings(pace=Pace(idle_s=0.1)), started_ns=0), live)

asyncio.run(main())
"""
    done = run_python("-c", code)
    assert done.stdout == "hi\nho\n"
    assert "midstream: warn: pace/stall: no byte for 0." in done.stderr


def test_the_examples_of_the_help_run(midstream, serve, tmp_path):
    server = serve()
    (tmp_path / "answer.sse").write_bytes(CHAT)
    lines = midstream("watch", "--help").stdout.splitlines()
    examples = [line.strip() for line in lines if line.startswith("    midstream ")]
    assert len(examples) == 2
    for example in examples:
        words = example.replace("http://127.0.0.1:8080", server.url).replace("midstream", f"'{midstream.program}'", 1)
        done = subprocess.run(["sh", "-c", words], cwd=tmp_path, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
