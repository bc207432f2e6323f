"""What a stream holds while it runs."""

import threading
import time
from statistics import median

from sides import Side, Sides

__all__ = ["measured"]

STREAMS, RATE = 1000, 5
BARS = {"gateway, observe": 32 << 10, "gateway, all": 128 << 10, "gateway, redact": 128 << 10}


def measured(sides: Sides, rounds: int, seconds: float) -> list[dict[str, object]]:
    """Print the table, and give its rows."""
    print(f"\nmemory of a stream, {STREAMS:,} at once, {RATE * seconds:.0f} chunks each\n")
    print("| side | KiB a stream | bar | MiB before |")
    print("|---|---|---|---|")
    rows = []
    for side in (sides["bare proxy"], *sides.ours):
        before = side.resident()
        grown = median(grows_by(sides, side, seconds) for _ in range(max(1, rounds // 2)))
        bar = BARS.get(side.name)
        kib = f"{grown / STREAMS / 1024:.1f} | {bar >> 10 if bar else ''}"
        print(f"| {side.name} | {kib} | {before / (1 << 20):.0f} |", flush=True)
        rows.append({"side": side.name, "bytes": grown / STREAMS, "bar": bar, "before": before})
    return rows


def grows_by(sides: Sides, side: Side, seconds: float) -> int:
    """The most that it held beyond what it began with."""
    before, most, ends = side.resident(), 0, threading.Event()

    def look() -> None:
        nonlocal most
        while not ends.is_set():
            most = max(most, side.resident())
            time.sleep(0.05)

    looking = threading.Thread(target=look)
    looking.start()
    sides.client("read", side.port, STREAMS, RATE, seconds)
    ends.set()
    looking.join()
    return most - before
