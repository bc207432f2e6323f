"""The standard streams of the process, as whoever started it left them."""

import contextlib
import io
import os
import sys
from typing import TextIO

__all__ = ["leave_output", "ready", "writing_failed"]


def ready() -> None:
    """Make the standard streams usable: what is closed is as good as the null device.

    Standard input stays None then, so that nobody takes it for an empty one. What the encoding of the output has no
    character for is written as an escape.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)  # else the next file to be opened takes its number
    if sys.stdout is None:
        sys.stdout = nowhere()
    if sys.stderr is None:
        sys.stderr = nowhere()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def nowhere() -> TextIO:
    """Takes what is written and keeps nothing."""
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open until the process ends


def writing_failed(error: OSError) -> bool:
    """Whether this is about a standard stream: an error about a file names it, and networks have types of their own."""
    return type(error) is OSError and error.errno is not None and error.filename is None


def leave_output() -> None:
    """Keep the interpreter from writing to what takes nothing any more, and from complaining, when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
