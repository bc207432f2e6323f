"""A progress bar on standard error, for a person and for what takes longer than a second."""

import sys
import time
from typing import Any, BinaryIO, Self

from midstream.cli.terminal import is_plain

__all__ = ["Progress"]

PATIENCE_S = 1.0
EVERY_S = 0.1


class Progress:
    """Bytes read of all there are.

    Parameters
    ----------
    verb : str
        What is being done.
    total : int
        Bytes; 0 where that is not known.
    """

    def __init__(self, verb: str, total: int) -> None:
        self.verb = verb
        self.total = total
        self.done = 0
        self.hidden = is_plain(sys.stderr)
        self.next_s = time.monotonic() + PATIENCE_S
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def watch(self, file: BinaryIO) -> BinaryIO:
        """`file`, whose reads advance the bar."""
        return file if self.hidden else Watched(file, self)  # type: ignore[return-value]

    def begin(self, total: int) -> None:
        """From here on so many bytes are to be done."""
        self.total, self.done = total, 0
        if self.bar is not None:
            self.bar.reset(self.task, total=total or None)

    def advance(self, size: int) -> None:
        """`size` more bytes are done."""
        self.done += size
        if self.hidden or time.monotonic() < self.next_s:
            return
        self.next_s = time.monotonic() + EVERY_S
        if self.bar is None:
            self.bar, self.task = self.made()
        self.bar.start()
        self.bar.update(self.task, completed=self.done)

    def pause(self) -> None:
        """Take the bar away, so that lines can be printed; the next read brings it back."""
        if self.bar is not None:
            self.bar.stop()

    def made(self) -> tuple[Any, Any]:
        """The bar and its one task; rich is imported by those alone who see it."""
        from rich import progress

        from midstream.cli.console import Output

        columns = (progress.TextColumn(self.verb), progress.BarColumn(), progress.DownloadColumn())
        bar = progress.Progress(*columns, progress.TimeRemainingColumn(), console=Output(stderr=True), transient=True)
        return bar, bar.add_task(self.verb, total=self.total or None)


class Watched:
    """A file whose reads advance a bar."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self.file = file
        self.progress = progress

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes."""
        block = self.file.read(size)
        self.progress.advance(len(block))
        return block
