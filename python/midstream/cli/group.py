"""A command and all that it starts, as one group that is ended together."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

__all__ = ["alive", "ask_to_end", "kill", "started"]


def started(words: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a command in a group of its own.

    It has no terminal to read from: one that tried would be stopped by the system, since its group is not in front.

    Raises
    ------
    OSError, ValueError
        Where it cannot be started.
    """
    stdin = subprocess.DEVNULL if sys.stdin is None or sys.stdin.isatty() else None
    if sys.platform == "win32":
        return subprocess.Popen(
            words, stdin=stdin, stdout=subprocess.PIPE, creationflags=subprocess.CREATE_NEW_PROCESS_GROUP
        )
    return subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE, process_group=0)


def ask_to_end(process: subprocess.Popen[bytes]) -> None:
    """TERM for the group; Ctrl-Break on Windows."""
    if sys.platform == "win32":
        with contextlib.suppress(OSError):  # it has no console
            process.send_signal(signal.CTRL_BREAK_EVENT)
        return
    send(process, signal.SIGTERM)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the group, and wait for the command itself."""
    if sys.platform == "win32":
        if process.poll() is None:
            words = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            with contextlib.suppress(OSError):
                subprocess.run(words, capture_output=True, check=False)
            process.kill()
    else:
        send(process, signal.SIGKILL)
    process.wait()


def alive(process: subprocess.Popen[bytes]) -> bool:
    """Whether any process of the group is left; on Windows, whether the command is."""
    ended = process.poll() is not None  # a process that nobody waited for would count
    return not ended if sys.platform == "win32" else send(process, 0)


def send(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to the group; False where none of it is left."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
            return True
    return False
