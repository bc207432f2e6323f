"""The streams that loop rules are judged on."""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midstream.stream import Guard, Settings

PROJECT = Path(__file__).resolve().parents[3]
LOOPS = PROJECT / "tests" / "loops"

_PIECE = re.compile(r"\s*(?:\w+|([!-/:-@\[-`{-~])\1*|[^\w\s])|\s+")


@dataclass(frozen=True)
class Stream:
    """One text channel with its label; offsets in characters."""

    name: str
    chunks: tuple[str, ...]
    kind: str
    onset: int | None = None
    period: int | None = None


def labelled(path: Path, *, with_ambiguous: bool = False) -> list[Stream]:
    """Streams of a file in ``tests/loops``."""
    return [
        Stream(row["id"], tuple(row["text"]), row["kind"], row["onset_char"], row["period_chars"])
        for row in _json_lines(path)
        if with_ambiguous or not row["ambiguous"]
    ]


def local_model(streams: Path) -> list[Stream]:
    """The recordings under ``local-model/``, with the labels of ``index.jsonl``."""
    return [
        Stream(row["file"], channel, loop["kind"], loop["onset_char"], loop["period_chars"])
        for row in _json_lines(streams / "index.jsonl")
        if (loop := row.get("loop"))
        for channel in _channels(streams / row["file"])
    ]


def recorded(streams: Path) -> list[Stream]:
    """Every channel of text, reasoning and refusal that a provider's recording holds: none of them loops."""
    return [
        Stream(row["file"], channel, "recorded")
        for row in _json_lines(streams / "index.jsonl")
        if not row.get("loop")
        for channel in _channels(streams / row["file"])
    ]


def files(count: int, kind: str) -> list[Stream]:
    """Source files or documents of this machine, as ``scripts/list_prose_and_code.py`` lists them.

    Parameters
    ----------
    count : int, >= 1
        How many at most.
    kind : {"source", "document"}
        A source is fed inside a code fence, a document as it is. One piece is a word, a run of one ASCII mark or another
        mark, with the space before it.
    """
    wanted = {"source": 0, "document": 0} | {kind: count}
    script = PROJECT / "scripts" / "list_prose_and_code.py"
    command = [sys.executable, script, "--sources", wanted["source"], "--documents", wanted["document"]]
    listed = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return [
        Stream(row["name"], tuple(piece[0] for piece in _PIECE.finditer(_fenced(row))), kind)
        for row in map(json.loads, listed.stdout.splitlines())
    ]


def _fenced(row: dict[str, Any]) -> str:
    return f"```\n{row['text']}\n```\n" if row["fence"] else str(row["text"])


def _channels(path: Path) -> Iterator[tuple[str, ...]]:
    guard, channels = Guard(Settings(shadow=True)), dict[str, list[str]]()
    decisions = [guard.feed(line) for line in path.read_bytes().splitlines(keepends=True)]
    for event in itertools.chain(*(decision.events for decision in [*decisions, guard.finish()[0]])):
        if event.kind in ("text", "reasoning", "refusal") and event.channel and event.text:
            channels.setdefault(event.channel, []).append(event.text)
    yield from map(tuple, channels.values())


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
