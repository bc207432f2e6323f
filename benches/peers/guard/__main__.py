"""Print one table: what MidStream's guard reads in a second, beside the package `ai2070-l0` and bare loops.

    python benches/peers/guard [--rounds N] [--record]

Every side reads the same tokens, one after the other, in processes of their own that take turns, so that load on the
machine meets all of them. A figure is the median over the rounds, with the lowest and the highest. Times are those that
the process had a core. `--record` keeps the table as JSON in benches/record.

The peer is installed into .cache/peers once; the WebAssembly module must have been built by `make wasm`, else its line is
left out, aloud.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[2]
CACHE = PROJECT / ".cache" / "peers"
TOKENS = CACHE / "tokens.json"
RECORD = PROJECT / "benches" / "record"
L0 = "ai2070-l0==0.21.1"
RUST = PROJECT / "target" / "release"


@dataclass(frozen=True)
class Side:
    """A program that prints `units seconds p50_ns p99_ns` of one round."""

    name: str
    unit: str
    command: tuple[str | Path, ...]
    bar: float | None = None
    """Units a second."""
    p99_bar_us: float | None = None
    p50_bar_us: float | None = None


@dataclass(frozen=True)
class Figure:
    """What the rounds of one side gave."""

    name: str
    unit: str
    per_second: float
    lowest: float
    highest: float
    p50_us: float
    p99_us: float
    bar: float | None
    p50_bar_us: float | None
    p99_bar_us: float | None


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description="MidStream's guard beside its peers, one table.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--record", action="store_true", help="keep the figures in benches/record")
    options = parser.parse_args()
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--locked", "-p", "midstream-throughput"], cwd=PROJECT, check=True
    )
    CACHE.mkdir(parents=True, exist_ok=True)
    TOKENS.write_text(printed(RUST / "throughput", "tokens"), encoding="utf-8")
    tokens = json.loads(TOKENS.read_text(encoding="utf-8"))
    print(f"{platform.machine()}, {platform.system()}, CPython {platform.python_version()}, ", end="")
    print(f"midstream {version('midstream')}, {L0}, {datetime.now(UTC):%Y-%m-%d}")
    print(f"tokens of {statistics.mean(map(len, tokens)):.1f} characters, {options.rounds} rounds\n")
    rows = figures(tuple(sides()), options.rounds)
    table(rows)
    held = json.loads(printed(RUST / "memory"))
    print("\n| memory of a stream | bytes | bar |\n|---|---|---|")
    for row in held:
        print(f"| {row['name']} | {row['bytes']:,} | {row['bar']:,} |")
    print()
    sys.stdout.flush()
    watched = printed(sys.executable, PROJECT / "benches" / "python" / "watch.py")
    print(watched)
    if options.record:
        keep({"figures": [asdict(row) for row in rows], "memory": held, "watch": watched.splitlines()})


def sides() -> Iterator[Side]:
    """Every side, in the order of the table."""
    rust = RUST / "throughput"
    yield Side("Rust: text, no check", "token", (rust, "text_observe"))
    yield Side("Rust: text, all checks", "token", (rust, "text_all"))
    yield Side("Rust: text, all checks, 20 rules", "token", (rust, "text_all_20_rules"), 3e6)
    yield Side("Rust: SSE, no check", "event", (rust, "sse_observe"))
    yield Side("Rust: SSE, all checks", "event", (rust, "sse_all"))
    yield Side("Rust: SSE, all checks, 20 rules", "event", (rust, "sse_all_20_rules"), 1e6, p99_bar_us=5)
    yield Side("Rust: 20 rules, text whole", "byte", (rust, "rules_20_whole"), 100e6)
    yield Side("Rust: 20 rules, by tokens", "byte", (rust, "rules_20_tokens"))
    ours = (sys.executable, HERE / "ours.py", TOKENS)
    yield Side("Python: bare loop", "token", (*ours, "bare"))
    yield Side("Python: push, all checks, 20 rules", "token", (*ours, "push"))
    yield Side("Python: feed, 30 bytes", "delta", (*ours, "feed"), p50_bar_us=3)
    yield Side("Python: watch, all checks, 20 rules", "token", (*ours, "watch"))
    yield Side("Python: watch, async", "token", (*ours, "watch_async"))
    l0 = (peer(), HERE / "l0_side.py", TOKENS)
    yield Side("ai2070-l0: nothing on", "token", (*l0, "core"))
    yield Side("ai2070-l0: guardrails", "token", (*l0, "guardrails"))
    yield Side("ai2070-l0: guardrails, drift, checkpoints", "token", (*l0, "full"))
    if (PROJECT / "target" / "wasm" / "midstream.js").exists():
        node = PROJECT / "scripts" / "node.sh"
        yield Side("WebAssembly in Node: text checks", "token", (node, HERE / "page.mjs", TOKENS), 1e6)
    else:
        print("no WebAssembly module: `make wasm` builds it", file=sys.stderr)


def peer() -> Path:
    """The interpreter of the environment that has the peer."""
    home = CACHE / L0.replace("==", "-")
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", L0], check=True)
    return python


def figures(members: tuple[Side, ...], rounds: int) -> list[Figure]:
    """The sides' figures, measured in turns."""
    seen: dict[str, list[tuple[float, float, float]]] = {side.name: [] for side in members}
    for _ in range(rounds):
        for side in members:
            units, seconds, p50_ns, p99_ns = map(float, printed(*side.command).split())
            seen[side.name].append((units / seconds, p50_ns / 1e3, p99_ns / 1e3))
    return [figure(side, seen[side.name]) for side in members]


def figure(side: Side, rounds: list[tuple[float, float, float]]) -> Figure:
    """One side's rounds as one row."""
    rates, p50, p99 = zip(*rounds, strict=True)
    middle, bars = statistics.median, (side.bar, side.p50_bar_us, side.p99_bar_us)
    return Figure(side.name, side.unit, middle(rates), min(rates), max(rates), middle(p50), middle(p99), *bars)


def table(rows: list[Figure]) -> None:
    """Print the rows, and ours by the peer's."""
    print("| side | a second | lowest to highest | bar | p50 us | p99 us | bar |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        spread = f"{short(row.lowest)} to {short(row.highest)}"
        latency = f"p50 {row.p50_bar_us:g}" if row.p50_bar_us else f"p99 {row.p99_bar_us:g}" if row.p99_bar_us else ""
        bar = short(row.bar) if row.bar else ""
        calls = f"{row.p50_us:.2f} | {row.p99_us:.2f}" if row.p99_us else " | "
        print(f"| {row.name} | {short(row.per_second)} {row.unit}s | {spread} | {bar} | {calls} | {latency} |")
    rate = {row.name: row.per_second for row in rows}
    full, guardrails = rate["ai2070-l0: guardrails, drift, checkpoints"], rate["ai2070-l0: guardrails"]
    print("\n| Python against ai2070-l0, bar 10 | guardrails | guardrails, drift, checkpoints |\n|---|---|---|")
    for name in rate:
        if name.startswith("Python: ") and name.split()[1].strip(",") in ("push", "watch"):
            print(f"| {name.removeprefix('Python: ')} | {rate[name] / guardrails:.1f} | {rate[name] / full:.1f} |")


def short(value: float) -> str:
    """Three digits and a unit."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def printed(*command: str | Path) -> str:
    """What a program prints."""
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def keep(figures: dict[str, object]) -> None:
    """Write a record with what it was measured on."""
    now = datetime.now(UTC)
    head = {
        "date": f"{now:%Y-%m-%d}",
        "command": "python benches/peers/guard --record",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {"python": platform.python_version(), "midstream": version("midstream"), "peer": L0},
    }
    RECORD.mkdir(exist_ok=True)
    path = RECORD / f"guard-{now:%Y-%m-%d}.json"
    path.write_text(json.dumps(head | figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
