"""One round of MidStream from Python: `ours.py TOKENS bare|push|feed|watch|watch_async`."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

from midstream.stream import Guard, Redact, Settings, watch

TIMES = 10
"""How often the tokens are read."""
RULES = Settings(redact=Redact(rules=("built_in",)))
DELTA = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n'


def timed(step: Callable[[object], object], inputs: list[object]) -> tuple[float, list[int]]:
    """Seconds for all inputs, and nanoseconds for each in a pass of its own."""
    began = time.thread_time_ns()
    for given in inputs:
        step(given)
    seconds = (time.thread_time_ns() - began) / 1e9
    calls, clock = [], time.perf_counter_ns
    for given in inputs:
        before = clock()
        step(given)
        calls.append(clock() - before)
    return seconds, calls


def read(items: Iterable[object]) -> float:
    """Seconds that an iterator takes to its end."""
    began = time.thread_time_ns()
    for _ in items:
        pass
    return (time.thread_time_ns() - began) / 1e9


async def read_async(tokens: list[str]) -> float:
    """The same for an asynchronous one."""

    async def source() -> AsyncIterator[str]:
        for token in tokens:
            yield token

    watched = watch(source(), RULES, on_truncated="flag")
    began = time.thread_time_ns()
    async for _ in watched:
        pass
    return (time.thread_time_ns() - began) / 1e9


def once(tokens: list[str]) -> Iterator[str]:
    """A stream of text."""
    yield from tokens


def main() -> None:
    """One round."""
    path, name = sys.argv[1:]
    tokens: list[str] = json.loads(Path(path).read_text(encoding="utf-8")) * TIMES
    calls = [0]
    if name == "bare":
        seconds = read(once(tokens))
    elif name == "push":
        seconds, calls = timed(Guard(RULES).push, list(tokens))
    elif name == "feed":
        # Pieces of 30 bytes, as a socket might give them.
        body = b"".join(DELTA % token.encode() for token in tokens[: len(tokens) // TIMES])
        pieces = [body[at : at + 30] for at in range(0, len(body), 30)]
        seconds, calls = timed(Guard(RULES).feed, list(pieces))
        tokens = [""] * len(pieces)
    elif name == "watch":
        seconds = read(watch(once(tokens), RULES, on_truncated="flag"))
    else:
        seconds = asyncio.run(read_async(tokens))
    calls.sort()
    print(len(tokens), seconds, calls[len(calls) // 2], calls[len(calls) * 99 // 100])


if __name__ == "__main__":
    main()
