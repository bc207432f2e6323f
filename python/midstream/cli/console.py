"""Text with style for a person, without for a pipe."""

import sys
from typing import NoReturn

from rich.console import Console

from midstream.cli.terminal import is_plain

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
        person = not is_plain(sys.stderr if stderr else sys.stdout)
        super().__init__(
            quiet=quiet,
            stderr=stderr,
            force_terminal=person,
            soft_wrap=True,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def on_broken_pipe(self) -> NoReturn:
        """Leave the end to the program, whose exit code tells of it."""
        raise BrokenPipeError
