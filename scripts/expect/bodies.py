"""A recorded body to its payloads, read line by line."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Payload(NamedTuple):
    """One event as the provider sent it."""

    name: str
    value: Any
    sent: bool = False


def payloads(path: Path, framing: str) -> list[Payload]:
    body = path.read_bytes()
    if framing.startswith("aws"):
        return list(aws(body))
    text = body.decode("utf-8")
    if framing == "sse":
        return list(sse(text))
    lines = (line for line in text.splitlines() if line.strip())
    if framing.startswith("websocket"):
        frames = (json.loads(line) for line in lines)
        return [Payload("", parsed(frame["data"]), frame["direction"] == "sent") for frame in frames]
    return [Payload("", parsed(line)) for line in lines]


def parsed(value: Any) -> Any:
    """JSON where the text is JSON, else the text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def sse(text: str) -> Iterator[Payload]:
    for block in text.replace("\r\n", "\n").split("\n\n"):
        name, data = "", []
        for line in block.split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if data:
            yield Payload(name, parsed("\n".join(data)))


def aws(body: bytes) -> Iterator[Payload]:
    at = 0
    while at < len(body):
        total, header_bytes, _ = struct.unpack_from(">III", body, at)
        headers = {}
        here = at + 12
        while here < at + 12 + header_bytes:
            length = body[here]
            key = body[here + 1 : here + 1 + length].decode()
            here += 1 + length
            if body[here] != 7:
                raise ValueError(f"header {key} is no string")
            (size,) = struct.unpack_from(">H", body, here + 1)
            headers[key] = body[here + 3 : here + 3 + size].decode()
            here += 3 + size
        payload = body[at + 12 + header_bytes : at + total - 4].decode()
        yield Payload(headers.get(":event-type", ""), parsed(payload))
        at += total
