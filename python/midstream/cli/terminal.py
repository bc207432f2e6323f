"""What may be written to whom: plain text to a pipe, colour to a person."""

import os
from typing import TextIO

__all__ = ["is_plain", "printable"]


def is_plain(stream: TextIO) -> bool:
    """Whether `stream` gets plain text: a pipe, a file, ``TERM=dumb``, or ``NO_COLOR`` set."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb" or not stream.isatty()


def printable(text: str) -> str:
    """`text` in one line: control characters and lone surrogates, which could steer a terminal, as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
