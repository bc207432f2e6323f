"""The lines of MidStream's own format of recordings."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from midstream.stream.arrivals import Chunk

__all__ = ["VERSION", "chunk_line", "end_line", "header_line", "written"]

VERSION = 1


def header_line(
    *,
    dialect: str | None,
    framing: str | None,
    provider: str | None,
    model: str | None,
    from_request: bool = True,
    **asked: Any,
) -> dict[str, Any]:
    """The first line: what is known of the stream."""
    return {
        "midstream_recording": VERSION,
        "format": None if dialect in ("auto", "opaque") else dialect,
        "framing": None if framing == "auto" else framing,
        "provider": provider,
        "model": model,
        **({} if from_request else {"from_request": False}),
        **{key: value for key, value in asked.items() if value is not None},
    }


def chunk_line(chunk: Chunk) -> dict[str, Any]:
    """The line of a chunk: text where it is UTF-8, else base64."""
    line: dict[str, Any] = {"t": chunk.t_ns}
    try:
        line["s"] = chunk.data.decode()
    except UnicodeDecodeError:
        line["b"] = base64.b64encode(chunk.data).decode()
    return line | ({"d": "out"} if chunk.direction == "out" else {})


def end_line(t_ns: int | None, end: str, usage: Mapping[str, Any] | None, **more: Any) -> dict[str, Any]:
    """The last line: how the stream closed, and when."""
    return {"t": t_ns, "end": end, "usage": usage, **{key: value for key, value in more.items() if value}}


def written(line: Mapping[str, Any]) -> bytes:
    """A line as it stands in the file."""
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace") + b"\n"
