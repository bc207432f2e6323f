"""Measures guards on this machine."""

import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from midstream import __version__
from midstream.stream import Ending, Guard, Pace, Recording, Redact, Repeat, Settings

__all__ = ["Cell", "machine", "measured"]

UNITS = 4_000
"""Tokens or events of one round."""
ROUNDS = 7
"""The median counts: a machine has other work too. They take turns, so that such work meets all rows."""
PASSES_S = 0.5
"""How long chunks of the recording are timed, for each row."""
MOST_CHUNKS = 20_000
OFF = Settings(
    ending=Ending(action="off"), pace=Pace(stall="off"), repeat=Repeat(exact="off", counter="off", near="off")
)
FINDS = Repeat(exact="observe", counter="observe", near="observe", counter_stop_copies="off")
"""Every check runs, and none stops the recording before its end."""
ROWS = {
    "observe only": OFF,
    "all checks": Settings(repeat=FINDS),
    "all checks, built-in rules": Settings(repeat=FINDS, redact=Redact(rules=("built_in",))),
}


class Cell(NamedTuple):
    """One row of the table: what is on, and its figures."""

    checks: str
    text_tokens_per_s: float
    text_spread: tuple[float, float]
    """Slowest and fastest round."""
    sse_events_per_s: float
    sse_spread: tuple[float, float]
    feed_p50_us: float
    feed_p99_us: float


def measured(recording: Recording) -> list[Cell]:
    """The rows of the table, in a few seconds."""
    words = tokens()
    events = [event(word) for word in words]
    texts: dict[str, list[float]] = {name: [] for name in ROWS}
    raws: dict[str, list[float]] = {name: [] for name in ROWS}
    for _ in range(ROUNDS):
        for name, settings in ROWS.items():
            texts[name].append(rate(words, Guard(settings).push))
            raws[name].append(rate(events, Guard(settings).feed))
    chunks = [chunk.data for chunk in recording.chunks if chunk.direction == "in"][:MOST_CHUNKS]
    cells = []
    for name, settings in ROWS.items():
        p50, p99 = latency(chunks, settings, recording)
        text, raw = texts[name], raws[name]
        cell = Cell(
            checks=name,
            text_tokens_per_s=statistics.median(text),
            text_spread=(min(text), max(text)),
            sse_events_per_s=statistics.median(raw),
            sse_spread=(min(raw), max(raw)),
            feed_p50_us=p50,
            feed_p99_us=p99,
        )
        cells.append(cell)
    return cells


def tokens() -> list[str]:
    """Random words in pieces of four characters, the same each time: text that no check finds anything in."""
    draw = random.Random(7)
    words = ("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(UNITS))
    prose = " ".join(words)
    return [prose[at : at + 4] for at in range(0, 4 * UNITS, 4)]


def event(word: str) -> bytes:
    """A chat event with one token, as OpenAI sends it."""
    choice = {"index": 0, "delta": {"content": word}, "logprobs": None, "finish_reason": None}
    head = {"id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012", "object": "chat.completion.chunk", "created": 1763750000}
    more = {"model": "gpt-5-2025-08-07", "service_tier": "default", "system_fingerprint": None}
    return b"data: " + json.dumps(head | more | {"choices": [choice]}, separators=(",", ":")).encode() + b"\n\n"


def rate(items: Iterable[Any], read: Callable[[Any], object]) -> float:
    """Items read in a second of this thread: what else runs on the machine does not count."""
    started_ns = time.thread_time_ns()
    for item in items:
        read(item)
    return UNITS * 1e9 / max(1, time.thread_time_ns() - started_ns)


def latency(chunks: list[bytes], settings: Settings, recording: Recording) -> tuple[float, float]:
    """Half of the chunks, and 99 of 100, took no longer than this many microseconds."""
    took_ns: list[int] = []
    until_ns = time.perf_counter_ns() + int(PASSES_S * 1e9)
    while not took_ns or time.perf_counter_ns() < until_ns:
        guard = Guard(settings, dialect=recording.dialect, framing=recording.framing)
        for chunk in chunks:
            before_ns = time.perf_counter_ns()
            guard.feed(chunk)
            took_ns.append(time.perf_counter_ns() - before_ns)
    took_ns.sort()
    return took_ns[len(took_ns) // 2] / 1e3, took_ns[len(took_ns) * 99 // 100] / 1e3


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "midstream": __version__,
    }


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
