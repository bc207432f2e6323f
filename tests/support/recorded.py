"""Recorded bodies as they came over HTTP, by file."""

import json
import re
from pathlib import Path

from bodies import DONE, sse

__all__ = ["of_format", "of_kind"]

TYPE = re.compile(r'"type": ?"([a-z_.]+)"')
FORMATS = {"openai-chat": "chat", "openai-responses": "responses", "anthropic-messages": "messages"}


def of_kind(data: Path, kind: str) -> dict[str, bytes]:
    """The recorded bodies of a format as server-sent events, by file."""
    found = {}
    for line in (data / "streams" / "index.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if FORMATS.get(entry["api_format"]) == kind:
            body = (data / "streams" / entry["file"]).read_bytes()
            found[entry["file"]] = body if entry["file"].endswith(".sse") else framed(body, kind)
    return found


def framed(lines: bytes, kind: str) -> bytes:
    """Lines of JSON as the events they were recorded from; one that is no JSON stays as it is."""
    texts = [line for line in lines.decode().splitlines() if line.strip()]
    body = b"".join(sse(text, None if kind == "chat" else TYPE.search(text)[1]) for text in texts)
    return body + (DONE if kind == "chat" else b"")


def of_format(data: Path, api_format: str) -> dict[str, bytes]:
    """The recorded bodies of a format as they came over HTTP, by file."""
    entries = map(json.loads, (data / "streams" / "index.jsonl").read_text(encoding="utf-8").splitlines())
    files = [entry["file"] for entry in entries if entry["api_format"] == api_format]
    bodies = {file: (data / "streams" / file).read_bytes() for file in files}
    if api_format == "gemini":
        lines = {file: body.decode().splitlines() for file, body in bodies.items() if file.endswith(".jsonl")}
        bodies |= {file: b"".join(sse(line) for line in given if line.strip()) for file, given in lines.items()}
    return bodies
