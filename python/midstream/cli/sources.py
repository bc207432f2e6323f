"""Which recordings the words of a command line name."""

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from midstream.cli.terminal import reason

__all__ = ["SUFFIXES", "Source", "sources"]

SUFFIXES = (".bin", ".json", ".jsonl", ".ndjson", ".sse", ".txt")
"""Of the files taken from a folder; any other is read where it is named."""


class Source(NamedTuple):
    """A recording to read, or why there is none."""

    name: str
    error: str | None = None

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
        if self.path is None:
            if sys.stdin is None:
                raise OSError("standard input is closed")
            return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
        return self.path.open("rb")


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
            if name.endswith(SUFFIXES) and not name.startswith(".") and not name.endswith(".times.json"):
                found = True
                yield Source(str(Path(place, name)))
    yield from failures
    if not found and not failures:
        yield Source(folder, f"no recording in this folder; looked for {', '.join(SUFFIXES)}")
