"""Draws the picture of docs/guides/dataframes.md: `draw_pace.py [FILE]`."""

import sys
from pathlib import Path

import matplotlib

from midstream.stream import Guard

MS = 1_000_000
TEXT = (
    "The sky is blue because air scatters short waves of light more than long ones. Sunlight holds all colours, and "
    "on its way through the air the blue ones are turned aside again and again, until they reach the eye from "
    "everywhere. In the evening the way is longer, so that what is left is red. "
)
LOOP = "Dear customer, thank you for contacting support. "


def pieces() -> list[str]:
    """An answer word by word, which falls into a loop."""
    return [f"{word} " for word in (TEXT + LOOP * 9).split()]


def main() -> None:
    matplotlib.use("agg")
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/pace.png")
    guard, now_ns = Guard(started_ns=0), 420 * MS
    for number, piece in enumerate(pieces()):
        now_ns += (1900 if number == 34 else 18 + 11 * (number * 7 % 5)) * MS
        guard.push(piece, now_ns=now_ns)
    _, summary = guard.finish("clean", now_ns)
    summary.plot().figure.savefig(file, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
