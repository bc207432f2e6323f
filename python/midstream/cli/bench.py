"""``midstream bench``: measure on this machine."""

import json as to_json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from midstream.cli.console import Output
from midstream.cli.demo import RECORDING
from midstream.cli.exits import INPUT, Failure
from midstream.cli.measuring import Cell, machine, measured
from midstream.cli.terminal import is_plain, reason
from midstream.errors import InputError, RecordingError
from midstream.stream import Recording

__all__ = ["app"]

WIDTHS = (15, 14, 12, 12)
"""Of the columns of figures in plain text: 79 characters with the first."""

app = App(name="bench", help="Measure on this machine.", console=Output(), version_flags=[])


@app.command
def guard(file: Path | None = None, *, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Measure what a guard reads in a second from Python, and how long one chunk takes.

    The figures are this machine's, of one core, in a few seconds. Text is read
    a token of four characters at a time, raw events one a chunk; the latency is
    that of each chunk of a recording. For example:

        midstream bench guard
        midstream bench guard answer.jsonl --json

    Parameters
    ----------
    file : Path
        A recording to read for the latency. Default: the demo's.
    json : bool
        One line of JSON.
    """
    recording = load(RECORDING if file is None else file)
    name = "the demo's recording" if file is None else str(file)
    if is_plain(sys.stderr):
        cells = measured(recording)
    else:
        with Output(stderr=True).status("measuring, some seconds"):
            cells = measured(recording)
    facts = machine()
    if json:
        print(to_json.dumps(facts | {"recording": name, "rows": [cell._asdict() for cell in cells]}))
    else:
        show(cells, facts, name, len(recording.chunks))


def load(file: Path) -> Recording:
    """The recording to read.

    Raises
    ------
    Failure
        Where it cannot be read, or holds nothing.
    """
    try:
        recording = Recording.load(file)
    except OSError as error:
        raise Failure(f"{reason(error)}: {file}") from error
    except RecordingError as error:
        raise Failure(f"{error}: {file}") from error
    except InputError as error:
        raise Failure(f"{error}: {file}", INPUT) from error
    if not any(chunk.direction == "in" and chunk.data for chunk in recording.chunks):
        raise Failure(f"this recording is empty: {file}")
    return recording


def show(cells: list[Cell], facts: dict[str, Any], name: str, chunks: int) -> None:
    """The table for a person; plain columns for a pipe."""
    head = ("", "text, tokens/s", "raw events/s", "feed p50", "feed p99")
    lines = [
        (
            cell.checks,
            f"{cell.text_tokens_per_s:,.0f}",
            f"{cell.sse_events_per_s:,.0f}",
            f"{cell.feed_p50_us:.2f} us",
            f"{cell.feed_p99_us:.2f} us",
        )
        for cell in cells
    ]
    if is_plain(sys.stdout):
        for line in (head, *lines):
            print(
                "".join((f"{line[0]:26}", *(f"{part:>{width}}" for part, width in zip(line[1:], WIDTHS, strict=True))))
            )
    else:
        from rich.table import Table

        table = Table(*head[:1])
        for title in head[1:]:
            table.add_column(title, justify="right")
        for line in lines:
            table.add_row(*line)
        Output().print(table)
    print(f"feed: one chunk of {name}, {chunks} chunks; the rest: random words, four characters a token")
    versions = f"Python {facts['python']}, midstream {facts['midstream']}"
    print(f"figures of this machine, one core, from Python: {facts['cpu']}, {facts['cores']} cores, {versions}")
