"""``midstream watch`` with a command."""

import signal
import subprocess
import sys
import time

import pytest

from processes import on_a_terminal, posix, running
from tiny_bodies import CHAT


def test_a_commands_output_passes_byte_for_byte(midstream, tmp_path):
    body = CHAT + b"\xff\x00\x1b[31m"
    (tmp_path / "a b.sse").write_bytes(body)
    words = [sys.executable, "-c", "import shutil, sys; shutil.copyfileobj(open('a b.sse', 'rb'), sys.stdout.buffer)"]
    done = midstream("watch", "--", *words, text=False)
    assert (done.returncode, done.stdout) == (0, body)
    assert b"openai-chat over sse" in done.stderr


def test_a_command_that_loops_is_ended(midstream):
    script = "import time\nwhile True: print('I am done. ', end='', flush=True); time.sleep(0.01)"
    done = midstream("watch", "--fail-on", "stop", "--", sys.executable, "-c", script)
    assert done.returncode == 1
    assert ("I am done. " * 15).startswith(done.stdout)
    assert done.stdout.count("I am done. ") < 15


def test_the_cut_behind_a_stop_does_not_depend_on_the_pipe(midstream, tmp_path):
    """One write a byte, lines, or all at once: the same bytes come out."""
    (tmp_path / "text").write_bytes("Für's Protokoll: ".encode() + b"I am done. " * 400)
    code = "import os; [os.write(1, block) for block in iter(lambda file=open('text', 'rb'): file.read({}), b'')]"
    each = [midstream("watch", "--", sys.executable, "-c", code.format(size), text=False) for size in (1, 7, 64, -1)]
    assert {done.returncode for done in each} == {0}
    assert len({done.stdout for done in each}) == 1
    assert (tmp_path / "text").read_bytes().startswith(each[0].stdout)
    assert len(each[0].stdout) < 150


@posix
def test_findings_begin_a_line_where_both_streams_go_to_one_pipe(midstream):
    script = "printf 'Well. '; while :; do printf 'I am done. '; sleep 0.01; done"
    done = midstream(
        "watch", "--", "sh", "-c", script, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, capture_output=False
    )
    text, finding, *report = done.stdout.splitlines()
    assert f"Well. {'I am done. ' * 15}".startswith(text)
    assert finding.startswith("midstream: stop: repeat/exact in text at character ")
    assert report[0] == "sh"


@posix
def test_what_comes_in_one_piece_has_no_rate(midstream, tmp_path):
    (tmp_path / "text").write_text("".join(f"Line {number} of this text is here.\n" for number in range(20_000)))
    said = midstream("watch", "--", "cat", "text").stderr
    assert "characters in text" in said
    assert "tokens/s" not in said


@posix
def test_a_command_cannot_read_the_terminal(program, tmp_path):
    """It would be stopped for ever, since its group is not in front."""
    shown = on_a_terminal([program, "watch", "--", "cat"], tmp_path, reads=True)
    assert "truncated" in shown


def test_a_thread_reads_what_the_event_loop_reads(run_python):
    """As on Windows, whose event loop does not wait for pipes."""
    code = """
import asyncio, os
from threading import Thread
from midstream.cli.reading import blocks_by_thread

async def main():
    ours, theirs = os.pipe()
    def write():
        for number in range(100):
            os.write(theirs, b"%d\\n" % number)
        os.close(theirs)
    Thread(target=write).start()
    print(b"".join([block async for block in blocks_by_thread(ours)]).decode(), end="")

async def leave():
    ours, theirs = os.pipe()
    os.write(theirs, b"first")
    async for block in blocks_by_thread(ours):
        break  # the thread waits for more, and keeps nobody

asyncio.run(main())
asyncio.run(leave())
"""
    done = run_python("-X", "dev", "-W", "ignore::ResourceWarning", "-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(f"{number}\n" for number in range(100))


@posix
def test_a_command_that_ignores_term_is_killed_after_two_seconds(midstream):
    script = "trap '' TERM; echo $$; while :; do printf 'I am done. '; sleep 0.01; done"
    started = time.monotonic()
    done = midstream("watch", "--", "sh", "-c", script)
    assert 2.0 < time.monotonic() - started < 20.0
    assert not running(int(done.stdout.split()[0]))


@posix
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo hi; exit 4", "midstream: the command ended with status 4: sh\n"),
        ("echo hi; kill -9 $$", "midstream: the command was ended by SIGKILL: sh\n"),
        ("echo hi; kill -40 $$", "midstream: the command was ended by signal 40: sh\n"),
    ],
)
def test_a_command_that_fails_is_told_and_exit_code_3(midstream, script, said):
    done = midstream("watch", "--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (3, "hi\n")
    assert said in done.stderr


@posix
def test_an_argument_of_the_command_is_not_shown(midstream):
    done = midstream("watch", "--json", "--", "sh", "-c", ": hunter2; echo hi; exit 1")
    assert "hunter2" not in done.stdout + done.stderr


@posix
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


@posix
def test_a_closed_pipe_ends_the_command_quietly(program, tmp_path):
    script = f"'{program}' watch -- sh -c 'echo $$ >pid; n=0; while :; do n=$((n+1)); echo $n; done' | head -n 1"
    command = f"{script}; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "1\n141\n"
    assert done.stderr == ""
    assert not running(int((tmp_path / "pid").read_text()))


@posix
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


@posix
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
