"""What is written to whom: plain text to a pipe, colour to a person, JSON to a program."""

import contextlib
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Any, BinaryIO, TextIO

__all__ = ["Printer", "complain", "is_plain", "json_line", "printable", "reason"]

LABEL = 11
PLAIN_WIDTH = 80


def is_plain(stream: TextIO) -> bool:
    """Whether `stream` gets plain text: a pipe, a file, ``TERM=dumb``, or ``NO_COLOR`` set."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb" or not stream.isatty()


def printable(text: str) -> str:
    """`text` in one line: control characters and lone surrogates, which could steer a terminal, as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def complain(message: str) -> None:
    """One line on standard error; where that takes nothing, the exit code alone has to tell."""
    with contextlib.suppress(OSError):
        print(f"midstream: {printable(message)}", file=sys.stderr, flush=True)


def reason(error: OSError) -> str:
    """What the system says, in our style."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def json_line(value: dict[str, Any]) -> str:
    """An object as one line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": ")) + "\n"


class Printer:
    """Writes reports to a file or to a standard stream.

    Parameters
    ----------
    file : binary file, optional
        Takes the place of `stream`.
    stream : text file, optional
        Standard output where left out. A terminal gets colour.
    """

    def __init__(self, file: BinaryIO | None = None, *, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.file = self.stream.buffer if file is None else file
        self.rich = file is None and not is_plain(self.stream)

    def write(self, text: str) -> None:
        """Write `text` at once, as UTF-8."""
        self.file.write(text.encode(errors="replace"))
        self.file.flush()

    def line(self, text: str) -> None:
        """Write one line."""
        self.write(f"{printable(text)}\n")

    def report(self, title: str, rows: Iterable[tuple[str, str, str]]) -> None:
        """A title and a table of label, text and style."""
        if self.rich:
            report_in_colour(self.stream, title, rows)
            return
        lines = [printable(title)]
        for label, text, _ in rows:
            lines += wrapped(f"  {label:<{LABEL}}", printable(text))
        self.write("\n".join(lines) + "\n\n")


def wrapped(start: str, text: str) -> list[str]:
    width = max(40, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns)
    return textwrap.wrap(
        text, width, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
    ) or [start.rstrip()]


def report_in_colour(stream: TextIO, title: str, rows: Iterable[tuple[str, str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from midstream.cli.console import Output

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text, style in rows:
        table.add_row(f"  {label}", Text(printable(text), style=style))
    console = Output(file=stream, highlight=False)
    console.print(Text(printable(title), style="bold"))
    console.print(table)
    console.print()
