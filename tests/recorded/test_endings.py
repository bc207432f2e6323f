"""Every recording, cut after every event and at random bytes, is complete exactly if the cut lies behind its semantic end."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from midstream.stream import Guard, Settings
from reference.endings import is_complete, marks

RANDOM_CUTS = 200


def framing_of(entry: dict[str, Any]) -> str:
    return "websocket-lines" if entry["framing"].startswith("websocket") else "auto"


def ending_of(body: bytes, entry: dict[str, Any]) -> str:
    # In shadow: a guard that stops a loop would halt the stream before its own end.
    guard = Guard(Settings(shadow=True), framing=framing_of(entry), content_type=entry["content_type"])
    guard.feed(body)
    return guard.finish("clean")[1].ending


def recordings(data: Path) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in (data / "streams" / "index.jsonl").read_text().splitlines()]
    # A notification of a tool server: it has no end of its own.
    return [entry for entry in entries if entry["api_format"] != "mcp-streamable-http"]


def test_a_cut_recording_is_complete_exactly_behind_its_semantic_end(data: Path) -> None:
    wrong = []
    for entry in recordings(data):
        path = data / "streams" / entry["file"]
        api_format = entry["api_format"]
        ends = marks(path, api_format, entry["framing"])
        body = path.read_bytes()
        cuts = {offset for offset, _ in ends} | {len(body)}
        cuts |= set(random.Random(entry["file"]).choices(range(len(body) + 1), k=RANDOM_CUTS))
        for cut in sorted(cuts):
            expected, seen = is_complete(ends, cut), ending_of(body[:cut], entry)
            if (seen == "complete") is not expected:
                wrong.append((entry["file"], cut, len(body), seen, expected))
    assert not wrong, f"{len(wrong)} cuts: {wrong[:20]}"


@pytest.mark.parametrize("close", ["clean", "abrupt"])
def test_a_close_of_either_kind_before_the_end_is_truncated(data: Path, close: str) -> None:
    path = data / "streams" / "openai-responses" / "openai-openai-responses-stream.sse"
    guard = Guard()
    guard.feed(path.read_bytes()[:2_000])
    assert guard.finish(close)[1].ending == "truncated"
