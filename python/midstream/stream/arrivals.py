"""When the bytes of a raw body arrived, where that is known."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

from midstream.errors import InputError, RecordingError

__all__ = ["BLOCK", "Chunk", "Times", "checked", "chunks_of", "is_time", "times_beside", "times_within"]

BLOCK = 1 << 16
"""Bytes read at once."""
LONGEST = 1 << 20
"""Bytes of one event kept together; a longer one is given out in pieces."""
SECOND = 1_000_000_000


class Chunk(NamedTuple):
    """Bytes as they arrived."""

    t_ns: int | None
    """When, in nanoseconds; from the request on where that is known, else from the first chunk on."""
    data: bytes
    direction: Literal["in", "out"] = "in"
    """``out`` for what the client sent over a socket."""


def checked(given: object, where: str) -> Chunk:
    """The chunk that is given as one or as a tuple, with its data as bytes."""
    if not isinstance(given, tuple) or len(given) not in (2, 3):
        raise TypeError(f"{where} is {type(given).__name__}, allowed: Chunk(t_ns, data, direction)")
    chunk = Chunk(*given)
    if not is_time(chunk.t_ns):
        raise InputError(f"{where}.t_ns is {chunk.t_ns!r:.40}, allowed are integers of 64 bits and None")
    if not isinstance(chunk.data, (bytes, bytearray, memoryview)):
        raise TypeError(f"{where}.data is {type(chunk.data).__name__}, allowed: bytes")
    if not isinstance(chunk.direction, str) or chunk.direction not in ("in", "out"):
        raise InputError(f'{where}.direction is {chunk.direction!r:.40}, allowed are "in" and "out"')
    return chunk._replace(data=bytes(chunk.data))


def is_time(t_ns: object) -> bool:
    """Whether this is a time in nanoseconds, or unknown."""
    return t_ns is None or (type(t_ns) is int and -(1 << 63) <= t_ns < 1 << 63)


class Times(NamedTuple):
    """Where the times of a body are taken from."""

    listed_ns: Iterable[int] | None
    """One a message, from the request on; None where every message holds its own."""


def times_beside(path: Path) -> Times | None:
    """The times in ``NAME.times.json`` beside ``NAME.sse``: seconds from the request to each ``data:`` line."""
    beside = path.with_name(f"{path.stem}.times.json")
    if beside == path or not beside.is_file():
        return None
    try:
        times = json.loads(beside.read_bytes())
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{beside.name} is not JSON: {error}", line=1) from error
    numbers = isinstance(times, list) and all(type(time) in (int, float) and 0 <= time < 1e9 for time in times)
    if not numbers:
        raise RecordingError(f"{beside.name} does not hold a list of seconds", line=1)
    for at, (earlier, later) in enumerate(pairwise(times), 1):
        if later < earlier:
            told = f"[{at}] is {later}, less than the {earlier} before: time does not go back"
            raise RecordingError(f"{beside.name}{told}", line=None)
    return Times([round(time * SECOND) for time in times])


def times_within(head: bytes) -> Times | None:
    """Whether the first message of a body that begins with `head` tells when it was made."""
    for line in head.split(b"\n"):
        payload = line.removeprefix(b"\xef\xbb\xbf").removeprefix(b"data:").strip()
        if payload.startswith(b"{"):
            return None if moment(payload) is None else Times(None)
    return None


def chunks_of(body: BinaryIO, times: Times | None) -> Iterator[Chunk]:
    """The chunks of a raw body: blocks where no times are known, else one a message with its time."""
    if times is None:
        while block := body.read(BLOCK):
            yield Chunk(None, block)
        return
    clock = Clock(times)
    event = bytearray()
    while piece := body.readline(BLOCK):
        event += piece
        if len(event) >= LONGEST or (piece.endswith(b"\n") and clock.ends_chunk(event, piece)):
            yield Chunk(clock.now_ns, bytes(event))
            event.clear()
    if event:
        clock.ends_chunk(event, bytes(event))
        yield Chunk(clock.now_ns, bytes(event))


class Clock:
    """Tells the time of each message of a body."""

    def __init__(self, times: Times) -> None:
        self.now_ns = 0
        self.listed = None if times.listed_ns is None else iter(times.listed_ns)
        self.origin_ns: int | None = None
        self.data_seen = False

    def ends_chunk(self, event: bytearray, line: bytes) -> bool:
        """Whether the message that `event` holds ends with `line`; then the time is that of the message.

        A line of JSON is a message, and so is everything up to a blank line behind ``data:``.
        """
        if line.startswith(b"data:"):
            self.data_seen = True
            self.advance(line[5:])
            return False
        if line.lstrip()[:1] in (b"{", b"["):
            self.advance(line)
            return True
        ended = self.data_seen and not line.strip()
        self.data_seen = self.data_seen and not ended
        return ended

    def advance(self, payload: bytes) -> None:
        if self.listed is not None:
            following = next(self.listed, None)
            if following is None:
                raise RecordingError("the list of times is shorter than the recording", line=None)
            self.now_ns = following
            return
        made_ns = moment(payload)
        if made_ns is not None:
            self.origin_ns = made_ns if self.origin_ns is None else self.origin_ns
            self.now_ns = max(self.now_ns, made_ns - self.origin_ns)


INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)")


def moment(payload: bytes) -> int | None:
    """When a message says that it was made, in nanoseconds since 1970.

    Ollama and watsonx say ``created_at``, xAI ``chunk.created``.
    """
    if b'"created' not in payload:
        return None
    try:
        message: Any = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    chunk = message.get("chunk")
    said = chunk.get("created") if isinstance(chunk, dict) else message.get("created_at")
    found = INSTANT.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        return None
    try:
        seconds = int(datetime.fromisoformat(found[1] + found[3]).timestamp())
    except ValueError:
        return None
    return seconds * SECOND + int((found[2] or "0").ljust(9, "0")[:9])
