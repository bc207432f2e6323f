"""What a system shows of processes, and a program on a terminal."""

import os
import subprocess
import sys

import pytest

__all__ = ["on_a_terminal", "posix", "running"]

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals, pipes or shell")


def running(group):
    """Processes of a group that are left; what is dead and waits for init does not count."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [row for row in rows if row[0] == str(group) and not row[1].startswith("Z")]


def on_a_terminal(words, cwd, *, reads=False, **more):
    """What a terminal of 80 columns shows of a program, which can read from it where `reads` is set."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm", "COLUMNS": "80"}
    stdin = theirs if reads else subprocess.DEVNULL
    child = subprocess.Popen(words, stdin=stdin, stdout=theirs, stderr=theirs, cwd=cwd, env=env | more)
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 65_536)
        except OSError:  # Linux says so when the last writer is gone
            break
        if not block:
            break
        shown += block
    os.close(ours)
    assert child.wait(30) == 0
    return shown.decode()
