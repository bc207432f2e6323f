"""Text with style for a person, without for a pipe."""

from typing import NoReturn

from rich.console import Console

__all__ = ["Terminal"]


class Terminal(Console):
    """Standard output, or standard error, for text that goes on where a line is full.

    Parameters
    ----------
    quiet : bool
        Print nothing.
    stderr : bool
        Write to standard error.
    """

    def __init__(self, *, quiet: bool = False, stderr: bool = False) -> None:
        super().__init__(quiet=quiet, stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> NoReturn:
        """Leave the end to the program, whose exit code tells of it."""
        raise BrokenPipeError
