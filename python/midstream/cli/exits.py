"""What the program tells the shell, and how a command says that it failed."""

from collections.abc import Callable, Iterable
from typing import Any

from cyclopts import App, Token, UnknownOptionError

__all__ = ["CLOSED_PIPE", "DONE", "FINDINGS", "INPUT", "INTERRUPTED", "USAGE", "Failure", "refuse_options"]

DONE = 0
FINDINGS = 1
"""Done, and there are findings at or above ``--fail-on``."""
USAGE = 2
"""Usage or configuration."""
INPUT = 3
"""Bad input file, or the network, or the model."""
INTERRUPTED = 130
CLOSED_PIPE = 141
"""The reader of our output went away: what a shell reports for SIGPIPE."""


class Failure(Exception):
    """Ends a command with one line on standard error.

    Parameters
    ----------
    message : str
        Cause first, then file, line or key, then what to do. Lower case, no full stop.
    code : int
        The exit code.
    """

    def __init__(self, message: str, code: int = INPUT) -> None:
        super().__init__(message)
        self.code = code


def refuse_options(words: Iterable[str], command: Callable[..., Any]) -> None:
    """Refuse words that look like options, for a command that takes ``-`` as a file.

    Raises
    ------
    UnknownOptionError
        Names the option of `command` nearest to the first of them.
    """
    for word in words:
        if word.startswith("-") and word != "-":
            options = App(default_command=command).assemble_argument_collection()
            raise UnknownOptionError(
                token=Token(keyword=word, source="cli"), argument_collection=options, verbose=False
            )
