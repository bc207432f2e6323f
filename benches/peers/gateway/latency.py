"""What a side adds to a chunk, to the first one, and what a chunk costs it."""

from statistics import median

from sides import Side, Sides

__all__ = ["measured"]

LOADS = ((1, 50), (100, 50), (1000, 5))
"""Streams at once, and chunks a second of each."""
BARS_US = {(1, 50): (100, 1_000), (100, 50): (100, 1_000), (1000, 5): (None, 10_000)}
"""Median and 99th percentile of what the full guard may add."""
PEER_BREAKS_AT = 60
"""Streams of 50 chunks a second that the peer does not keep up with: its queue would fall into the next side's turn."""


def measured(sides: Sides, rounds: int, seconds: float) -> list[dict[str, object]]:
    """Print a table for each load, and give its rows."""
    return [row for load in LOADS for row in of_load(sides, load, rounds, seconds)]


def of_load(sides: Sides, load: tuple[int, int], rounds: int, seconds: float) -> list[dict[str, object]]:
    """The rows of one load."""
    streams, rate = load
    members = [side for side in sides.proxies if not (side is sides.peer and streams >= PEER_BREAKS_AT)]
    seen: dict[str, list[dict[str, float]]] = {side.name: [] for side in members}
    for side in members:
        sides.client("read", side.port, streams, rate, 1)
    for _ in range(rounds):
        direct = one(sides, sides.direct, load, seconds)
        for side in members:
            told = one(sides, side, load, seconds)
            added = {name: told[name] - direct[name] for name in ("p50", "p90", "p99", "first")}
            seen[side.name].append(added | {name: told[name] for name in ("cpu", "lost", "max")})
    p50, p99 = BARS_US[load]
    bars = f"bars with the full guard: p50 {p50 or '-'}, p99 {p99:,} us; no chunk lost; twice the bare proxy's CPU"
    print(f"\nadded to a chunk, {streams:,} streams of {rate} chunks a second; {bars}\n")
    print("| side | p50 us | p90 us | p99 us | slowest ms | first chunk p50 us | CPU us a chunk | by bare | lost |")
    print("|---|---|---|---|---|---|---|---|---|")
    return [row(name, told, seen["bare proxy"], load) for name, told in seen.items()]


def one(sides: Sides, side: Side, load: tuple[int, int], seconds: float) -> dict[str, float]:
    """One turn of a side."""
    before = side.cpu_s()
    told = sides.client("read", side.port, *load, seconds)
    chunks, first = told["chunks"], told["first"]
    spent = {"cpu": (side.cpu_s() - before) / chunks["count"] * 1e6 if chunks["count"] else 0.0}
    spread = {"p50": chunks["p50_us"], "p90": chunks["p90_us"], "p99": chunks["p99_us"], "max": chunks["max_us"]}
    return spread | spent | {"first": first["p50_us"], "lost": told["expected"] - chunks["count"]}


def row(
    name: str, told: list[dict[str, float]], bare: list[dict[str, float]], load: tuple[int, int]
) -> dict[str, object]:
    """Print one side's row, and give it."""
    middle = {field: median(turn[field] for turn in told) for field in told[0]}
    lost = sum(turn["lost"] for turn in told)
    by_bare = median(turn["cpu"] / floor["cpu"] for turn, floor in zip(told, bare, strict=True))
    times = f"{middle['p50']:,.0f} | {middle['p90']:,.0f} | {middle['p99']:,.0f} | {middle['max'] / 1e3:.1f}"
    print(
        f"| {name} | {times} | {middle['first']:,.0f} | {middle['cpu']:.1f} | {by_bare:.2f} | {lost:,.0f} |", flush=True
    )
    return (
        {"side": name, "streams": load[0], "rate": load[1], "cpu_by_bare": by_bare}
        | middle
        | {"lost": lost, "turns": told}
    )
