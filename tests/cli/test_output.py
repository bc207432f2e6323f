"""Where output goes: files, pipes and people."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from processes import on_a_terminal, posix
from tiny_bodies import chat


def test_output_is_written_as_a_whole(midstream, folder, tmp_path):
    target = tmp_path / "report.jsonl"
    target.write_text("old")
    done = midstream("analyze", "--json", "--output", target, "rain.sse", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(target.read_text())["ending"] == "complete"
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")]


@posix
def test_output_to_what_is_no_file_is_written_there(midstream, folder):
    done = midstream("analyze", "--json", "--output", "/dev/stdout", "rain.sse", cwd=folder)
    assert json.loads(done.stdout)["ending"] == "complete"
    assert not Path("/dev/stdout").is_file() or Path("/dev/stdout").is_symlink()


def test_a_read_only_directory_is_one_line(midstream, folder):
    """The process file system refuses new files even to root."""
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    done = midstream("analyze", "--output", "/proc/report.txt", "rain.sse", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"midstream: cannot write /proc/report\.txt: .*; name another --output\n", done.stderr)


def test_nothing_is_written_into_the_working_directory(midstream, folder):
    before = sorted(folder.iterdir())
    midstream("analyze", ".", cwd=folder)
    assert sorted(folder.iterdir()) == before


@posix
def test_a_closed_pipe_ends_quietly(program, folder):
    command = f"'{program}' analyze --json {'. ' * 300} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    first, code = done.stdout.splitlines()
    assert json.loads(first)["file"] == "cut.sse"
    assert (code, done.stderr) == ("141", "")


@posix
def test_ctrl_c_ends_with_130_and_leaves_no_file(program, tmp_path):
    words = [program, "analyze", "--output", "report.txt", "-"]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    while not list(tmp_path.iterdir()):
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert (child.returncode, said) == (130, b"")
    assert list(tmp_path.iterdir()) == []


def test_a_person_gets_colour(program, folder):
    shown = on_a_terminal([program, "analyze", "rain.sse", "loop.sse"], folder)
    assert "\x1b[32mcomplete" in shown
    assert "\x1b[31mrepeat/exact in choice:0/text" in shown


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_a_person_who_wants_none_gets_no_colour(program, folder, plain):
    shown = on_a_terminal([program, "analyze", "rain.sse"], folder, **plain)
    assert "\x1b" not in shown
    assert shown.startswith("rain.sse\r\n  ending     complete\r\n")


@posix
def test_what_takes_a_second_shows_a_bar(program, tmp_path):
    script = "while :; do printf 'It is raining again, %s.\\n' $RANDOM; sleep 0.01; done | head -c 5000"
    words = ["bash", "-c", f"({script}) | PYTHONUNBUFFERED=1 '{program}' analyze -"]
    shown = on_a_terminal(words, tmp_path)
    assert "reading" in shown
    assert "complete" in shown


def test_text_that_could_steer_a_terminal_is_made_harmless(program, tmp_path):
    """A pseudo-terminal gets colour, and nothing of the model's own escapes."""
    pty = pytest.importorskip("pty")
    (tmp_path / "a.sse").write_bytes(chat("safe \x1b]0;owned\x07 text"))
    code = (
        "import asyncio\n"
        "from midstream.cli.command import Command\n"
        "from midstream.cli.live import Live, follow\n"
        "from midstream.stream import Guard\n"
        "async def main():\n"
        "    await follow(await Command.started(['cat', 'a.sse']), Guard(), Live(json=False, raw=False))\n"
        "asyncio.run(main())\n"
    )
    ours, theirs = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=subprocess.PIPE, cwd=tmp_path)
    child.wait(30)
    os.close(theirs)
    shown = os.read(ours, 65_536)
    os.close(ours)
    assert b"safe ]0;owned text" in shown
