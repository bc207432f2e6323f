"""The chunks of a recording, at the speed at which they are played."""

import io
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Literal

from midstream.stream.arrivals import BLOCK, Chunk, Times, chunks_of
from midstream.stream.reader import RecordingReader
from midstream.stream.recording import Recording

__all__ = ["EVEN_NS", "Player"]

EVEN_NS = 20_000_000
"""From one message to the next, where a recording without times is played at a speed."""
TURN_S = 0.005
PIECE = 64
"""Bytes of a body without lines that stand for one message."""
IN_LINES = ("auto", "ndjson", "sse", "websocket-lines")


class Player:
    """Gives what came in, chunk by chunk; with a speed it waits before each.

    Parameters
    ----------
    recording : Recording or RecordingReader
    speed : float, optional
        1 is real time. None waits for nothing.

    Attributes
    ----------
    times : {"recorded", "even"} or None
        Where the chunks' times come from.
    dialect, framing, from_request
        As the recording has them.
    """

    def __init__(self, recording: Recording | RecordingReader, speed: float | None) -> None:
        self.dialect, self.framing = recording.dialect, recording.framing
        self.from_request = recording.from_request
        self.speed = speed
        self.times: Literal["recorded", "even"] | None = None
        chunks = iter(recording) if isinstance(recording, RecordingReader) else iter(recording.chunks)
        incoming = (chunk for chunk in chunks if chunk.direction == "in")
        first = next(incoming, None)
        self.chunks: Iterator[Chunk] = iter(()) if first is None else itertools.chain([first], incoming)
        if first is not None and first.t_ns is not None:
            self.times = "recorded"
        elif speed is not None:
            self.times = "even"
            self.chunks = even(self.chunks, self.framing)

    def __iter__(self) -> Iterator[Chunk]:
        for wait_s, chunk in self.waits():
            if wait_s > 0:
                time.sleep(wait_s)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        """The same for an event loop, which goes on meanwhile; at once too it gets a turn every few milliseconds."""
        import asyncio  # takes a while

        turn_s = time.monotonic()
        for wait_s, chunk in self.waits():
            if wait_s > 0 or time.monotonic() - turn_s > TURN_S:
                await asyncio.sleep(max(0.0, wait_s))
                turn_s = time.monotonic()
            yield chunk

    def waits(self) -> Iterator[tuple[float, Chunk]]:
        """Each chunk with the seconds to wait before it."""
        started_s = time.monotonic()
        for chunk in self.chunks:
            wait_s = 0.0
            if self.speed is not None and chunk.t_ns is not None:
                wait_s = chunk.t_ns / 1e9 / self.speed - (time.monotonic() - started_s)
            yield wait_s, chunk

    def hurry(self) -> None:
        """Wait no more."""
        self.speed = None


def even(chunks: Iterable[Chunk], framing: str) -> Iterator[Chunk]:
    """The same bytes, a message a chunk, with even times."""
    body = io.BufferedReader(Joined(chunks), BLOCK)
    if framing in IN_LINES:
        steps = itertools.count(EVEN_NS, EVEN_NS)
        yield from chunks_of(body, Times(steps))
        return
    for at_ns in itertools.count(EVEN_NS, EVEN_NS):
        if not (piece := body.read(PIECE)):
            return
        yield Chunk(at_ns, piece)


class Joined(io.RawIOBase):
    """The bytes of chunks as raw input."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self.chunks = iter(chunks)
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.rest:
            following = next(self.chunks, None)
            if following is None:
                return 0
            self.rest = following.data
        block, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(block)] = block
        return len(block)
