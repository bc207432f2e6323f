"""Run 1,000 streams at once through the gateway for 20 minutes, and look for what it does not give back.

    python benches/peers/gateway/soak.py [--minutes N] [--streams N]

Clients come and go: they read to the end, leave before the first byte or in mid-stream, and read texts that loop until
they are stopped. It fails where a stream ended in no way that was meant, where memory or descriptors grow after a warm-up,
and where the gateway's metrics and the clients do not agree on how many streams there were. Linux alone, as the benchmark.
"""

import argparse
import json
import subprocess
import time
import urllib.request
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sides import PORT, Side, started

PROJECT = Path(__file__).resolve().parents[3]
EVERY_S = 5.0
WARM = 0.55
"""The share of the run in which memory may grow: finished streams are kept for ten minutes."""
MAY_GROW = 1.10
"""Times the most that was held behind the warm-up, before the middle of the rest: what allocators do."""


def main() -> None:
    """Run, print a line now and then, and fail aloud."""
    parser = argparse.ArgumentParser(description="A long run of the gateway.")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--streams", type=int, default=1000)
    options = parser.parse_args()
    build = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "midstream-gateway-load"]
    subprocess.run(build, cwd=PROJECT, check=True)
    load = PROJECT / "target" / "release" / "gateway-load"
    with (
        started("provider", [load, "mock", PORT]) as mock,
        started("gateway", [load, "gateway", PORT, mock.port, "all"]) as gateway,
    ):
        descriptors_before = descriptors(gateway)
        command = [str(load), "churn", str(gateway.port), str(options.streams), str(options.minutes * 60)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as clients:
            samples = watch(gateway, clients)
            told: dict[str, int] = json.loads(clients.communicate()[0])
        left = settled(gateway, descriptors_before)
        problems = [*of_clients(told), *of_memory(samples), *of_metrics(gateway, told)]
        if left > descriptors_before:
            problems.append(f"{left} descriptors are open, {descriptors_before} were before")
    print(f"clients: {json.dumps(told)}")
    if problems:
        raise SystemExit("soak: " + "; ".join(problems))
    print("soak: no stream was lost, nothing grew")


SETTLES_WITHIN_S = 150
"""Connections to the provider are kept for 90 seconds."""


def settled(gateway: Side, before: int) -> int:
    """The descriptors that are open once those of the run had time to go."""
    until = time.monotonic() + SETTLES_WITHIN_S
    while (left := descriptors(gateway)) > before and time.monotonic() < until:
        time.sleep(EVERY_S)
    return left


def watch(gateway: Side, clients: "subprocess.Popen[str]") -> list[int]:
    """Memory of the gateway, until the clients are done."""
    samples: list[int] = []
    began = time.monotonic()
    while clients.poll() is None:
        samples.append(gateway.resident())
        if len(samples) % 12 == 1:
            minutes = (time.monotonic() - began) / 60
            running = metric(gateway, "midstream_streams_active")
            mib = samples[-1] / (1 << 20)
            print(
                f"{minutes:5.1f} min: {mib:.0f} MiB, {descriptors(gateway)} descriptors, {running:.0f} streams",
                flush=True,
            )
        time.sleep(EVERY_S)
    return samples


def of_clients(told: dict[str, int]) -> list[str]:
    """What clients saw that was not meant."""
    return [f"{told['broken']} of {told['asked']} streams ended as none should"] if told["broken"] else []


def of_memory(samples: list[int]) -> list[str]:
    """Whether memory grew on."""
    rest = samples[int(len(samples) * WARM) :]
    middle = len(rest) // 2
    early, late = max(rest[:middle], default=0), max(rest[middle:], default=0)
    if late <= early * MAY_GROW:
        return []
    return [f"memory grew from {early >> 20} to {late >> 20} MiB in the second half"]


def of_metrics(gateway: Side, told: dict[str, int]) -> list[str]:
    """What the gateway counted otherwise than its clients."""
    problems = []
    if running := metric(gateway, "midstream_streams_active"):
        problems.append(f"{running:.0f} streams still run")
    if (counted := metric(gateway, "midstream_streams")) != told["asked"]:
        problems.append(f"{counted:.0f} streams were counted, {told['asked']} asked for")
    if (booked := metric(gateway, "midstream_usage_records")) != counted:
        problems.append(f"{booked:.0f} upstreams were booked for {counted:.0f} streams of one each")
    return problems


def metric(gateway: Side, name: str) -> float:
    """The sum of a metric over its labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return sum(
        sample.value
        for family in families
        if family.name == name
        for sample in family.samples
        if not sample.name.endswith("_created")
    )


def descriptors(gateway: Side) -> int:
    """Files and sockets that it has open."""
    return sum(1 for _ in Path(f"/proc/{gateway.process.pid}/fd").iterdir())


if __name__ == "__main__":
    main()
