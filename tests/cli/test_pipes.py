"""Output that cannot be written: a reader that left, a full disk, a stream that is closed."""

import subprocess
import sys
from pathlib import Path

import pytest

from processes import posix

WRITES = [
    ["--help"],
    ["models"],
    ["models", "list"],
    ["analyze", "--help"],
    ["analyze", "rain.sse"],
    ["analyze", "--schema"],
    ["replay", "rain.sse"],
    ["replay", "--json", "rain.sse"],
    ["replay", "--schema"],
    ["bench"],
    pytest.param(["watch", "--", "cat", "rain.sse"], marks=posix),
    ["demo", "--fast"],
    ["demo", "--fast", "--json"],
    ["version"],
    ["--version"],
]
each = pytest.mark.parametrize("words", WRITES, ids=" ".join)
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")


@posix
@each
def test_a_reader_that_left_ends_it_quietly(start, program, folder, words):
    running = start([sys.executable, "-c", LATER, program, *words], cwd=folder)
    running.stdout.close()
    assert (running.wait(60), running.stderr.read()) == (141, "")


LATER = """
import os, select, sys
writer = select.poll()
writer.register(1, 0)
writer.poll()  # until the reader has left
os.execv(sys.argv[1], sys.argv[1:])
"""


@full
@each
def test_a_full_disk_is_one_line_and_exit_code_3(midstream, folder, words):
    with Path("/dev/full").open("w") as device:
        done = midstream(*words, cwd=folder, stdout=device, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 3
    assert "midstream: cannot write the output: no space left on device\n" in done.stderr
    assert "internal error" not in done.stderr
    assert "Exception ignored" not in done.stderr


@full
def test_a_full_disk_below_output_is_one_line_and_exit_code_3(midstream, folder):
    done = midstream("analyze", "--output", "/dev/full", "rain.sse", cwd=folder)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "midstream: cannot write /dev/full: no space left on device\n"


@full
@pytest.mark.parametrize(("words", "code"), [(["versoin"], 2), (["analyze", "absent.sse"], 3)])
def test_errors_that_cannot_be_written_change_no_exit_code(midstream, folder, words, code):
    with Path("/dev/full").open("w") as device:
        done = midstream(*words, cwd=folder, stderr=device, stdout=subprocess.PIPE, capture_output=False)
    assert done.returncode == code


@posix
@pytest.mark.parametrize("words", [words for words in WRITES if words != ["demo", "--fast"]], ids=" ".join)
def test_closed_standard_streams_are_as_good_as_the_null_device(program, folder, words):
    script = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", program, *words]
    assert subprocess.run(script, cwd=folder, check=False).returncode == 0


@posix
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_one_closed_standard_stream_does_no_harm(program, folder, closed):
    script = ["sh", "-c", f'"$@" {closed}', "sh", program, "analyze", "rain.sse"]
    done = subprocess.run(script, cwd=folder, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@posix
def test_a_closed_standard_input_is_no_recording(program, folder):
    words = ["sh", "-c", f"'{program}' analyze - <&-"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "midstream: standard input is closed: -\n")


@each
def test_a_pipe_gets_plain_text(midstream, folder, words):
    """Whatever else asks for colour."""
    done = midstream(*words, cwd=folder, env={"TERM": "xterm-256color", "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"})
    assert "\x1b" not in done.stdout + done.stderr
    assert not set("─│╭╮╰╯┃━┏┓").intersection(done.stdout + done.stderr)


@pytest.mark.parametrize("words", [["analyze", "日本.sse"], ["demo", "--fast"], ["models", "list"]], ids=" ".join)
def test_an_output_that_is_ascii_alone_gets_escapes(midstream, folder, words):
    (folder / "rain.sse").rename(folder / "日本.sse")
    env = {"PYTHONIOENCODING": "ascii", "XDG_CACHE_HOME": str(folder / "日本"), "MIDSTREAM_MODEL": ""}
    done = midstream(*words, cwd=folder, env=env)
    assert (done.returncode, done.stderr) == (0, "")
