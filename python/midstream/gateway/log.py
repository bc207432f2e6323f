"""What is written of what happens to a gateway, and who writes it."""

import contextlib
import json
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from midstream._rust.gateway import LogLines

__all__ = ["Log", "LogTo", "Writing", "format_of"]

LogTo: TypeAlias = Literal["logging", "stderr"]
"""Who gets the lines of a gateway: the logger ``midstream.gateway``, or the process's standard error."""

LONGEST_END_S = 2.0
"""After the gateway's end, what has not been written by then is lost."""

logger = logging.getLogger("midstream.gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Which lines are written of what happens, and how.

    Parameters
    ----------
    level : {"debug", "error", "info", "off", "warn"}
        The least that is worth a line: ``info`` tells of start, stop and the end of every stream.
    format : {"json", "text"}, optional
        How ``midstream serve`` writes a line. Default: ``text`` on a terminal, else ``json``.

    Examples
    --------
    >>> Log(level="warn").level
    'warn'
    """

    level: Literal["debug", "error", "info", "off", "warn"] = "info"
    format: Literal["json", "text"] | None = None


def format_of(config: Log, to: LogTo) -> str:
    """How lines are written: a logger is told fields."""
    if to == "logging":
        return "json"
    return config.format or ("text" if sys.stderr.isatty() else "json")


class Writing:
    """Takes the lines of a gateway in a thread of its own: whoever logs never waits for whoever reads.

    Parameters
    ----------
    lines : LogLines
    to : {"logging", "stderr"}
    """

    def __init__(self, lines: LogLines, to: LogTo) -> None:
        self._lines = lines
        self._write: Callable[[list[str]], None] = record if to == "logging" else write
        self._thread = threading.Thread(target=self._take, name="midstream-log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Lines that found no room."""
        return self._lines.lost

    def end(self) -> None:
        """Write what is left, for a while, once the gateway has stopped."""
        self._thread.join(LONGEST_END_S)

    def _take(self) -> None:
        while taken := self._lines.take():
            self._write(taken)


def write(lines: list[str]) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
        sys.stderr.write("".join(lines))
        sys.stderr.flush()


def record(lines: list[str]) -> None:
    """One record a line, with its fields as attributes."""
    for line in lines:
        fields = json.loads(line)
        name: str = fields["level"]
        level = logging.getLevelNamesMapping()["WARNING" if name == "WARN" else name]
        extra = {field: value for field, value in fields.items() if field not in ("level", "message", "timestamp")}
        logger.log(level, fields["message"], extra=extra)
