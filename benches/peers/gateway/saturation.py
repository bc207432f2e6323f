"""How many chunks a second a side passes before they come late."""

from sides import Side, Sides

__all__ = ["measured"]

RATE = 50
LATE_US = 10_000
TRIED = {"LiteLLM": range(5, 101, 5)}
"""Streams that are tried on a side, one number after the other."""
TRIED_ELSE = (100, 150, 200, 250, 300, 350, 400, 500, 600, 700, 800, 1000)
BAR = 20


def measured(sides: Sides, rounds: int, seconds: float) -> list[dict[str, object]]:
    """Print the table, and give its rows."""
    print(f"\nchunks a second before their 99th percentile passes {LATE_US // 1000} ms; streams of {RATE} a second")
    print("\n| side | chunks a second | p99 ms there | p99 ms beyond |")
    print("|---|---|---|---|")
    rows = [of(sides, side, seconds) for side in (sides.direct, *sides.proxies)]
    rate = {row["side"]: row["chunks_per_s"] for row in rows}
    if sides.peer is not None:
        # One that keeps up with none of those tried keeps up with fewer than the fewest.
        peer = rate["LiteLLM"] or TRIED["LiteLLM"][0] * RATE
        shares = ", ".join(f"{side.name}: {rate[side.name] / peer:.0f}" for side in sides.ours)
        print(f"\ntimes LiteLLM's, bar {BAR}: {shares}")
    return rows


def of(sides: Sides, side: Side, seconds: float) -> dict[str, float | str]:
    """One side's row: the last number of streams whose chunks were in time."""
    passed, p99, beyond = 0, 0.0, 0.0
    for streams in TRIED.get(side.name, TRIED_ELSE):
        late = [in_time(sides, side, streams, seconds) for _ in range(3)]
        beyond = sorted(late)[1]
        if beyond > LATE_US:
            break
        passed, p99 = streams * RATE, beyond
    print(f"| {side.name} | {passed:,} | {p99 / 1e3:.1f} | {beyond / 1e3:.1f} |", flush=True)
    return {"side": side.name, "chunks_per_s": passed, "p99_us": p99, "p99_beyond_us": beyond}


def in_time(sides: Sides, side: Side, streams: int, seconds: float) -> float:
    """The 99th percentile of one turn; without end where chunks were lost."""
    told = sides.client("read", side.port, streams, RATE, min(seconds, 4))
    return told["chunks"]["p99_us"] if told["chunks"]["count"] == told["expected"] else float("inf")
