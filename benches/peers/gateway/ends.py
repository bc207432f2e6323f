"""How long it takes until the provider's connection is closed."""

from statistics import median

from sides import Side, Sides

__all__ = ["measured"]

STREAMS = 100
BAR_US = 10_000


def measured(sides: Sides, rounds: int, seconds: float) -> list[dict[str, object]]:
    """Print the table, and give its rows."""
    print(f"\nuntil the provider's connection is closed, {STREAMS} streams; bar of the gateway: p99 {BAR_US:,} us\n")
    print("| what ends a stream | side | p50 us | p99 us | slowest us | not closed |")
    print("|---|---|---|---|---|---|")
    rows = []
    for what, words in (
        ("client leaves before the first byte", ("leave", "silent")),
        ("client leaves in mid-stream", ("leave", "speaking")),
        ("the text loops", ("loop",)),
    ):
        members = [side for side in sides.proxies if words[0] == "leave" or side.name in STOPS]
        told: dict[str, list[dict[str, float]]] = {side.name: [] for side in members}
        for _ in range(rounds):
            for side in members:
                told[side.name].append(one(sides, side, *words))
        rows += [row(what, name, turns) for name, turns in told.items()]
    return rows


STOPS = ("gateway, all", "gateway, redact")
"""Sides that look for loops."""


def one(sides: Sides, side: Side, what: str, *how: str) -> dict[str, float]:
    """One turn of a side."""
    told = sides.client(what, side.port, sides.direct.port, STREAMS, *how)
    return told["took"] | {"missed": told["missed"]}


def row(what: str, name: str, turns: list[dict[str, float]]) -> dict[str, object]:
    """Print one side's row, and give it."""
    middle = {field: median(turn[field] for turn in turns) for field in ("p50_us", "p99_us", "max_us")}
    missed = sum(turn["missed"] for turn in turns)
    times = " | ".join(f"{middle[field]:,.0f}" for field in middle)
    print(f"| {what} | {name} | {times} | {missed} |", flush=True)
    return {"what": what, "side": name, "missed": missed, "turns": turns} | middle
