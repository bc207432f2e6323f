"""Which recordings the words of a command line name."""

import glob
import io
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from midstream.cli.terminal import reason
from midstream.stream.compressed import bare_name

__all__ = ["SUFFIXES", "Source", "sources"]

SUFFIXES = (".bin", ".json", ".jsonl", ".ndjson", ".sse", ".txt", ".yaml", ".yml")
"""Of the files taken from a folder, compressed ones too; any other is read where it is named."""
WRITER_S = 3.0
"""How long the writer of a named pipe may take to come."""
POLL_S = 0.02


class Source(NamedTuple):
    """A recording to read, or why there is none."""

    name: str
    error: str | None = None
    found: bool = False
    """It lay in a folder, and nobody said that it is a recording."""

    @property
    def path(self) -> Path | None:
        """None for standard input."""
        return None if self.name == "-" else Path(self.name)

    @property
    def size(self) -> int:
        """Bytes, as far as they can be told."""
        try:
            return self.path.stat().st_size if self.path else 0
        except (OSError, ValueError):
            return 0

    def open(self) -> BinaryIO:
        """The file to read.

        Raises
        ------
        OSError
            Where it cannot be opened.
        """
        return standard_input() if self.path is None else opened(self.path)


def standard_input() -> BinaryIO:
    """Standard input, unless it is a device: those have no end. A terminal has one, and so has the null device."""
    if sys.stdin is None:
        raise OSError("standard input is closed")
    status = os.fstat(sys.stdin.fileno())
    if is_device(status) and not sys.stdin.isatty() and status.st_rdev != Path(os.devnull).stat().st_rdev:
        raise OSError("standard input is a device")
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")


def opened(path: Path) -> BinaryIO:
    """A file, or a pipe that somebody writes to; a device may have no end."""
    status = path.stat()
    if is_device(status):
        raise OSError("this is a device")
    # Those below /dev and /proc a shell has made, whose writer is there already.
    if stat.S_ISFIFO(status.st_mode) and sys.platform != "win32" and not str(path).startswith(("/dev/", "/proc/")):
        return io.BufferedReader(Pipe(path))
    return path.open("rb")


def is_device(status: os.stat_result) -> bool:
    """Whether this may go on for ever; Windows tells of every console and pipe that it is a device."""
    return sys.platform != "win32" and (stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode))


class Pipe(io.RawIOBase):
    """A named pipe. To open one waits for a writer, for ever where none comes; here a few seconds.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.first = b""
        deadline = time.monotonic() + WRITER_S
        while not self.first:
            try:
                self.first = os.read(self.file, io.DEFAULT_BUFFER_SIZE)
            except BlockingIOError:
                break  # somebody has it open
            if time.monotonic() > deadline:
                os.close(self.file)
                raise OSError("nobody writes to this pipe")
            time.sleep(POLL_S)
        os.set_blocking(self.file, True)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self.first[: len(buffer)] or os.read(self.file, len(buffer))
        self.first = self.first[len(block) :]
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            os.close(self.file)
        super().close()


def sources(words: Iterable[str]) -> Iterator[Source]:
    """The recordings that `words` name, in order: files, folders, patterns and ``-``."""
    for word in words:
        if is_folder(word):
            yield from within(word)
        elif glob.has_magic(word) and not os.path.lexists(word):
            yield from matching(word)
        else:
            yield Source(word)


def is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError:  # a name too long
        return False


def matching(pattern: str) -> Iterator[Source]:
    names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not names:
        yield Source(pattern, "no file matches")
    for name in names:
        if is_folder(name):
            if "**" not in pattern:
                yield from within(name)
        elif not name.endswith(".times.json"):
            yield Source(name)


def within(folder: str) -> Iterator[Source]:
    """The recordings in a folder and those below it, hidden ones left out."""
    found, failures = False, list[Source]()

    def failed(error: OSError) -> None:
        failures.append(Source(str(error.filename), reason(error)))

    for place, folders, files in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if bare_name(name).endswith(SUFFIXES) and not name.startswith(".") and not name.endswith(".times.json"):
                found = True
                yield Source(str(Path(place, name)), found=True)
    yield from failures
    if not found and not failures:
        yield Source(folder, f"no recording in this folder; looked for {', '.join(SUFFIXES)}")
