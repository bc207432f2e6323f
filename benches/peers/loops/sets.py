"""The streams that loop rules are judged on."""

import hashlib
import itertools
import json
import re
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midstream.stream import Guard, Settings

PROJECT = Path(__file__).resolve().parents[3]
LOOPS = PROJECT / "tests" / "loops"

_SOURCES = {".c", ".h", ".js", ".py", ".rs", ".sh"}
_DOCUMENTS = {".md", ".rst", ".txt"}
_LARGEST = 200_000
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
    """Source files or documents of the locked crates and of Python's library, package after package in turn.

    Parameters
    ----------
    count : int, >= 1
        How many at most.
    kind : {"source", "document"}
        A source is fed inside a code fence, a document as it is. One piece is a word, a run of one ASCII mark or another
        mark, with the space before it.
    """
    suffixes = _SOURCES if kind == "source" else _DOCUMENTS
    packages = [_by_digest(package, suffixes) for package in _packages()]
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*packages))
    streams: list[Stream] = []
    for path in rounds:
        text = None if path is None else _text(path)
        if text:
            fenced = f"```\n{text}\n```\n" if kind == "source" else text
            streams.append(Stream(path.name, tuple(piece[0] for piece in _PIECE.finditer(fenced)), kind))
            if len(streams) == count:
                break
    return streams


def _channels(path: Path) -> Iterator[tuple[str, ...]]:
    guard, channels = Guard(Settings(shadow=True)), dict[str, list[str]]()
    decisions = [guard.feed(line) for line in path.read_bytes().splitlines(keepends=True)]
    for event in itertools.chain(*(decision.events for decision in [*decisions, guard.finish()[0]])):
        if event.kind in ("text", "reasoning", "refusal") and event.channel and event.text:
            channels.setdefault(event.channel, []).append(event.text)
    yield from map(tuple, channels.values())


def _packages() -> list[Path]:
    """Folders of the locked crates, and the parts of Python's library."""
    told = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1"], cwd=PROJECT, check=True, capture_output=True
    )
    crates = [Path(crate["manifest_path"]).parent for crate in json.loads(told.stdout)["packages"] if crate["source"]]
    library = Path(sysconfig.get_paths()["stdlib"])
    return sorted(crates) + sorted(library.iterdir())


def _by_digest(package: Path, suffixes: Iterable[str]) -> Sequence[Path]:
    """Files of a package in an order that no one chose."""
    paths = [package] if package.is_file() else package.rglob("*")
    chosen = [path for path in paths if path.suffix in suffixes and path.is_file()]
    return sorted(chosen, key=lambda path: hashlib.sha256(path.name.encode()).digest() + bytes(path))


def _text(path: Path) -> str | None:
    if path.stat().st_size > _LARGEST:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
