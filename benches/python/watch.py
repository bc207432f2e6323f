"""What `midstream.watch` costs a chunk over the bare iterator of each SDK: `python benches/python/watch.py`.

A bare and a watched stream are open side by side and read in turns, so that load on the machine meets both. Printed are
the medians over all turns, and the median difference of two turns that followed each other, in microseconds a chunk:
what a stream costs once, to open and to close, is not in it. The bodies come from memory, one event a chunk, and hold
random words.
"""

import asyncio
import platform
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.metadata import version
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai

import midstream

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

import bodies

CHUNKS = 3_000
ROUNDS = 21
"""Pairs of streams."""
TURN = 10
"""Chunks that a stream is read by before the other has its turn: few, so that most turns are not interrupted."""
HEADERS = {"content-type": "text/event-stream"}


class Chunks(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body in memory, read once as a connection is: openai's async stream reads on behind the end mark."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = iter(chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk


def transport(chunks: list[bytes]) -> httpx2.MockTransport:
    return httpx2.MockTransport(lambda _: httpx2.Response(200, headers=HEADERS, stream=Chunks(chunks)))


def words() -> list[str]:
    draw = random.Random(7)
    return ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) + " " for _ in range(CHUNKS)]


def openai_chat() -> Any:
    client = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport(bodies.chat(words()))))
    return client.chat.completions.create(model="m", messages=[], stream=True)


def openai_responses() -> Any:
    client = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport(bodies.responses(words()))))
    return client.responses.create(model="m", input="Hi", stream=True)


def anthropic_messages() -> Any:
    http = httpx2.Client(transport=transport(bodies.messages(words())))
    client = anthropic.Anthropic(api_key="k", http_client=http)
    return client.messages.create(model="m", max_tokens=9, messages=[], stream=True)


def fragments() -> Any:
    return iter(words())


async def openai_chat_async() -> Any:
    http = httpx2.AsyncClient(transport=transport(bodies.chat(words())))
    client = openai.AsyncOpenAI(api_key="k", http_client=http)
    return await client.chat.completions.create(model="m", messages=[], stream=True)


def read(items: Iterator[object]) -> bool:
    """Reads one turn; false where the stream ended."""
    return sum(1 for _ in islice(items, TURN)) == TURN


async def read_async(items: AsyncIterator[object]) -> bool:
    """Reads one turn; false where the stream ended."""
    left = TURN
    async for _ in items:
        left -= 1
        if not left:
            return True
    return False


def turns(open_stream: Callable[[], Any]) -> list[tuple[float, float]]:
    """Microseconds a chunk, bare and watched, turn by turn."""
    bare, watched = iter(open_stream()), iter(midstream.watch(open_stream()))
    times = [time.thread_time_ns()]
    while read(bare):
        times.append(time.thread_time_ns())
        read(watched)
        times.append(time.thread_time_ns())
    return paired(times)


async def turns_async(open_stream: Callable[[], Any]) -> list[tuple[float, float]]:
    """Microseconds a chunk, bare and watched, turn by turn."""
    bare, watched = aiter(await open_stream()), aiter(midstream.watch(await open_stream()))
    times = [time.thread_time_ns()]
    while await read_async(bare):
        times.append(time.thread_time_ns())
        await read_async(watched)
        times.append(time.thread_time_ns())
    return paired(times)


def paired(times: list[int]) -> list[tuple[float, float]]:
    """The turns between these moments, two by two."""
    spent = [(after - before) / 1e3 / TURN for before, after in pairwise(times)]
    return list(zip(spent[::2], spent[1::2], strict=True))


def report(name: str, run: Callable[[], list[tuple[float, float]]]) -> None:
    run()
    pairs = [pair for _ in range(ROUNDS) for pair in run()]
    bare, watched = (statistics.median(side) for side in zip(*pairs, strict=True))
    low, cost, high = statistics.quantiles((watched - bare for bare, watched in pairs), n=4)
    print(f"{name:28} {bare:8.2f} {watched:8.2f} {cost:8.2f}   {low:.2f} to {high:.2f}")


def main() -> None:
    sdks = ", ".join(f"{name} {version(name)}" for name in ("openai", "anthropic", "httpx2"))
    print(f"{platform.machine()}, CPython {platform.python_version()}, {sdks}; {CHUNKS} chunks, {ROUNDS} rounds")
    print(f"{'us a chunk':28} {'bare':>8} {'watched':>8} {'cost':>8}   quartiles")
    for open_stream in (openai_chat, openai_responses, anthropic_messages, fragments):
        report(open_stream.__name__, lambda open_stream=open_stream: turns(open_stream))
    report(openai_chat_async.__name__, lambda: asyncio.run(turns_async(openai_chat_async)))


if __name__ == "__main__":
    main()
