"""What viewers of a stream cost its client."""

import json
import subprocess
import time
from statistics import median

from sides import Side, Sides

__all__ = ["measured"]

RATE = 50
READERS = (0, 100, 1000)


def measured(sides: Sides, rounds: int, seconds: float) -> list[dict[str, object]]:
    """Print the table, and give its rows."""
    print(f"\none stream of {RATE} chunks a second, looked at\n")
    print("| viewers | client p50 us | client p99 us | events a second to viewers |")
    print("|---|---|---|---|")
    side = sides["gateway, all"]
    rows: list[dict[str, object]] = []
    for readers in READERS:
        turns = [of(sides, side, readers, seconds) for _ in range(max(1, rounds // 2))]
        middle = {field: median(turn[field] for turn in turns) for field in turns[0]}
        times = f"{middle['p50_us']:,.0f} | {middle['p99_us']:,.0f}"
        print(f"| {readers:,} | {times} | {middle['events_per_s']:,.0f} |", flush=True)
        rows.append({"viewers": readers, "turns": turns} | middle)
    return rows


def of(sides: Sides, side: Side, readers: int, seconds: float) -> dict[str, float]:
    """One stream, with so many who look on."""
    words = [str(sides.load), "viewers", str(side.port), str(readers), "0", str(seconds)]
    command = [str(sides.load), "read", str(side.port), "1", str(RATE), str(seconds + 2)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        time.sleep(0.5)
        events = sides.client(*words[1:])["events_per_s"] if readers else 0.0
        told, _ = client.communicate()
    chunks = json.loads(told)["chunks"]
    return {"p50_us": chunks["p50_us"], "p99_us": chunks["p99_us"], "events_per_s": events}
