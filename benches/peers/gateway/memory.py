"""What a stream holds while it runs."""

import subprocess
import time
from statistics import median

from sides import Sides

__all__ = ["measured"]

STREAMS, RATE = 1000, 5
BARS = {"gateway, observe": 32 << 10, "gateway, all": 128 << 10, "gateway, redact": 128 << 10}


def measured(sides: Sides, rounds: int, seconds: float) -> list[dict[str, object]]:
    """Print the table, and give its rows."""
    print(f"\nmemory of a stream, {STREAMS:,} at once, {RATE * seconds:.0f} chunks each\n")
    print("| side | KiB a stream | bar | MiB before |")
    print("|---|---|---|---|")
    rows = []
    for name in ("bare proxy", *(side.name for side in sides.ours)):
        turns = [grows_by(sides, name, seconds) for _ in range(max(1, rounds // 2))]
        grown, before = (median(turn) for turn in zip(*turns, strict=True))
        bar = BARS.get(name)
        kib = f"{grown / STREAMS / 1024:.1f} | {bar >> 10 if bar else ''}"
        print(f"| {name} | {kib} | {before / (1 << 20):.0f} |", flush=True)
        rows.append({"side": name, "bytes": grown / STREAMS, "bar": bar, "before": before, "turns": turns})
    return rows


def grows_by(sides: Sides, name: str, seconds: float) -> tuple[int, int]:
    """The most that a new process held beyond what it began with, and that."""
    with sides.anew(name) as side:
        before = side.resident()
        words = [str(sides.load), "read", str(side.port), str(STREAMS), str(RATE), str(seconds)]
        most = before
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as clients:
            while clients.poll() is None:
                most = max(most, side.resident())
                time.sleep(0.05)
    return most - before, before
