"""What `midstream.watch` costs a chunk over the bare iterator of each SDK: `python benches/python/watch.py`.

Bare and watched runs take turns, so that load on the machine meets both; the medians and their difference are
printed in microseconds a chunk. The bodies come from memory, one event a chunk, and hold random words.
"""

import asyncio
import platform
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.metadata import version
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
HEADERS = {"content-type": "text/event-stream"}


class Chunks(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body in memory."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)

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


def read(stream: Any) -> None:
    for _ in stream:
        pass


def timed(open_stream: Callable[[], Any], watched: bool) -> float:
    """Microseconds a chunk of one run."""
    stream = open_stream()
    if watched:
        stream = midstream.watch(stream)
    started = time.thread_time_ns()
    read(stream)
    return (time.thread_time_ns() - started) / 1e3 / CHUNKS


def timed_async(watched: bool) -> float:
    async def main() -> float:
        http = httpx2.AsyncClient(transport=transport(bodies.chat(words())))
        client = openai.AsyncOpenAI(api_key="k", http_client=http)
        stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        if watched:
            stream = midstream.watch(stream)
        started = time.thread_time_ns()
        async for _ in stream:
            pass
        return (time.thread_time_ns() - started) / 1e3 / CHUNKS

    return asyncio.run(main())


def report(name: str, run: Callable[[bool], float]) -> None:
    run(True)
    pairs = [(run(False), run(True)) for _ in range(ROUNDS)]
    bare, watched = (statistics.median(side) for side in zip(*pairs, strict=True))
    costs = sorted(watched - bare for bare, watched in pairs)
    spread = f"{costs[len(costs) // 4]:.2f} to {costs[-len(costs) // 4]:.2f}"
    print(f"{name:28} {bare:8.2f} {watched:8.2f} {statistics.median(costs):8.2f}   {spread}")


def main() -> None:
    sdks = ", ".join(f"{name} {version(name)}" for name in ("openai", "anthropic", "httpx2"))
    print(
        f"{platform.machine()}, CPython {platform.python_version()}, {sdks}; {CHUNKS} chunks, {ROUNDS} rounds each way"
    )
    print(f"{'us a chunk':28} {'bare':>8} {'watched':>8} {'cost':>8}   quartiles")
    for open_stream in (openai_chat, openai_responses, anthropic_messages, fragments):
        report(open_stream.__name__, lambda watched, open_stream=open_stream: timed(open_stream, watched))
    report("openai_chat_async", timed_async)


if __name__ == "__main__":
    main()
