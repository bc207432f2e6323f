"""One round of the package `ai2070-l0`: `l0_side.py TOKENS core|guardrails|full`. Runs in an environment of its own.

`guardrails` are those its guide recommends; `full` is what its table of figures calls the full stack, with checkpoints and
the detection of drift, which is where it looks for repetition.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import l0

TOKENS = 2_000
"""Tokens of a stream, as in its own figures: what it costs grows with the length of an answer."""


class Text:
    """Reads a stream of text, as its guide shows for a source of one's own."""

    name = "text"

    def detect(self, _stream: Any) -> bool:
        return False

    async def wrap(self, stream: AsyncIterator[str], _options: Any = None) -> AsyncIterator[l0.AdaptedEvent[None]]:
        async for text in stream:
            yield l0.AdaptedEvent(event=l0.Event(type=l0.EventType.TOKEN, text=text), raw_chunk=None)
        yield l0.AdaptedEvent(event=l0.Event(type=l0.EventType.COMPLETE), raw_chunk=None)


def options(name: str) -> dict[str, Any]:
    """What is on."""
    on: dict[str, Any] = {}
    if name != "core":
        on["guardrails"] = l0.Guardrails.recommended()
    if name == "full":
        on |= {"drift_detector": l0.DriftDetector(), "continue_from_last_good_token": True}
    return on


async def read(tokens: list[str], on: dict[str, Any]) -> int:
    """How many tokens came out."""

    async def source() -> AsyncIterator[str]:
        for token in tokens:
            yield token

    stream = await l0.run(stream=source, adapter=Text(), **on)
    return sum([1 async for event in stream if event.is_token])


def main() -> None:
    """One round, after one that is not timed."""
    path, name = sys.argv[1:]
    tokens: list[str] = json.loads(Path(path).read_text(encoding="utf-8"))[:TOKENS]
    asyncio.run(read(tokens, options(name)))
    began = time.thread_time_ns()
    units = asyncio.run(read(tokens, options(name)))
    print(units, (time.thread_time_ns() - began) / 1e9, 0, 0)


if __name__ == "__main__":
    main()
