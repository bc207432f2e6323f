"""Text with style for a person, without for a pipe."""

import sys
from typing import Any, NoReturn

from cyclopts.help import DefaultFormatter, PanelSpec
from rich.box import Box
from rich.console import Console

from midstream.cli.terminal import is_plain

__all__ = ["PLAIN_HELP", "Output", "Terminal"]

BLANK = Box("\n".join([" " * 4] * 8))
PLAIN_HELP = DefaultFormatter(panel_spec=PanelSpec(box=BLANK, padding=(0, 0, 0, 4)))
"""Help in the columns of a terminal's, without lines around them."""


class Output(Console):
    """Standard output, or standard error: plain to whoever gets plain text, and closed pipes left to the program.

    Parameters
    ----------
    stderr : bool
        Write to standard error.
    **more : Any
        As rich's own console takes them.
    """

    def __init__(self, *, stderr: bool = False, **more: Any) -> None:
        person = not is_plain(sys.stderr if stderr else sys.stdout)
        super().__init__(stderr=stderr, force_terminal=person, **more)

    def on_broken_pipe(self) -> NoReturn:
        """Leave the end to the program, whose exit code tells of it."""
        raise BrokenPipeError


class Terminal(Output):
    """Text that goes on where a line is full.

    Parameters
    ----------
    quiet : bool
        Print nothing.
    stderr : bool
        Write to standard error.
    """

    def __init__(self, *, quiet: bool = False, stderr: bool = False) -> None:
        super().__init__(quiet=quiet, stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False)
