"""Print what a gateway adds to streams: MidStream's, LiteLLM's proxy, and a reverse proxy of hyper alone as the floor.

    python benches/peers/gateway [--rounds N] [--quick] [--without-litellm] [--record]

Provider, proxy and clients are processes of their own on this machine. A chunk carries the time when the provider sent it,
and chunks are sent by the clock, however late the one before was. The sides take turns, so that load on the machine meets
all of them. What a side adds is its percentile less that of the provider asked directly in the same round; a figure is the
median over the rounds. `--record` keeps the figures as JSON in benches/record.

The peer is installed into .cache/peers once. Linux alone: times and memory of processes are read from /proc.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import ends
import latency
import memory
import saturation
import sides
import viewers

PROJECT = Path(__file__).resolve().parents[3]
RECORD = PROJECT / "benches" / "record"


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description="What a gateway adds to streams, in tables.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="streams of 2 seconds in place of 8")
    parser.add_argument("--without-litellm", action="store_true", help="leave the peer out")
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS], help="one of the tables")
    parser.add_argument("--record", action="store_true", help="keep the figures in benches/record")
    options = parser.parse_args()
    build = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "midstream-gateway-load"]
    subprocess.run(build, cwd=PROJECT, check=True)
    peer = None if options.without_litellm else sides.LITELLM
    seconds = 2.0 if options.quick else 8.0
    print(f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, ", end="")
    print(f"midstream {version('midstream')}{f', {peer}' if peer else ''}, {options.rounds} rounds", flush=True)
    figures = {}
    with sides.running(PROJECT, with_peer=peer is not None) as members:
        for part in PARTS:
            if options.only in (None, part.__name__):
                figures[part.__name__] = part.measured(members, options.rounds, seconds)
    if options.record:
        keep(figures, peer)


PARTS = (latency, ends, memory, saturation, viewers)


def keep(figures: dict[str, object], peer: str | None) -> None:
    """Write a record with what it was measured on."""
    now = datetime.now(UTC)
    head = {
        "date": f"{now:%Y-%m-%d}",
        "command": " ".join(["python benches/peers/gateway", *sys.argv[1:]]),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {"midstream": version("midstream"), "peer": peer},
    }
    RECORD.mkdir(exist_ok=True)
    path = RECORD / f"gateway-{now:%Y-%m-%d}.json"
    path.write_text(json.dumps(head | figures, indent=1) + "\n", encoding="utf-8")


def processor() -> str:
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


if __name__ == "__main__":
    main()
