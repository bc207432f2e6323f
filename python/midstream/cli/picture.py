"""The picture of ``analyze --plot``."""

from importlib import import_module
from pathlib import Path
from typing import Any

from midstream.cli.exits import USAGE, Failure
from midstream.cli.terminal import complain, printable
from midstream.errors import MissingExtra
from midstream.stream import Summary

__all__ = ["Picture"]

SUFFIXES = (".pdf", ".png", ".svg")
MOST = 16
"""Streams that are drawn, below one another."""
WIDTH_IN, HEIGHT_IN, FINDING_IN = 9.0, 3.9, 0.22
DPI = 144


class Picture:
    """What `Summary.plot` draws of each stream, in one file.

    Parameters
    ----------
    path : Path
        Its ending names the format.

    Raises
    ------
    Failure
        For another ending.
    MissingExtra
        Without matplotlib.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise Failure(f"--plot is {path}; allowed are names that end in {', '.join(SUFFIXES)}", USAGE)
        if not path.parent.is_dir():
            raise Failure(f"cannot write {path}: there is no folder {path.parent}; name another --plot", USAGE)
        try:
            import_module("matplotlib").use("agg")  # no window
        except ImportError as error:
            raise MissingExtra("--plot needs matplotlib: pip install 'midstream[plot]'") from error
        self.path = path
        self.streams: list[tuple[str, Summary]] = []

    def add(self, name: str, summary: Summary) -> None:
        """One more stream."""
        self.streams.append((name, summary))

    def write(self, file: Any) -> None:
        """Draw and write what was added.

        Raises
        ------
        Failure
            Where there is nothing to draw.
        OSError
            Where the file cannot be written.
        """
        if not self.streams:
            raise Failure(f"nothing to draw in {self.path}: no stream was read")
        if len(self.streams) > MOST:
            complain(f"the first {MOST} of {len(self.streams)} streams are drawn: {self.path}")
        drawn = self.streams[:MOST]
        heights = [HEIGHT_IN + FINDING_IN * min(len(summary.findings), 7) for _, summary in drawn]
        figure: Any = import_module("matplotlib.figure").Figure(figsize=(WIDTH_IN, sum(heights)), layout="constrained")
        axes = figure.subplots(len(drawn), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
        for (name, summary), ax in zip(drawn, axes, strict=True):
            summary.plot(ax=ax)
            if len(drawn) > 1:
                ax.set_title(f"{printable(name)}: {ax.get_title('left')}", loc="left", fontsize=11, parse_math=False)
        figure.savefig(file, format=self.path.suffix[1:].lower(), dpi=DPI)
