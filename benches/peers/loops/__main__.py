"""Print one table: published loop rules and MidStream's own guard on the same streams.

    python benches/peers/loops [--data DIR] [--files N]

A cell of a loop kind is `found (median delay)`: characters that arrived after the end of the second copy, of the streams
found. `!n` counts streams where the rule fired before the first repeat began. A cell of streams without a loop counts the
false alarms. Streams whose label is open to doubt are left out.
"""

import argparse
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rules import FILE_RULES, RULES, Rule
from sets import LOOPS, PROJECT, Stream, files, labelled, local_model, recorded

import midstream
from midstream.stream import Guard, Settings

KINDS = ("exact", "counter", "near", "none-progression", "none")


def guarded(actions: Sequence[str]) -> Rule:
    """MidStream's guard with its default settings, as a rule that fires at the first of `actions`."""

    def fires(chunks: Sequence[str]) -> int | None:
        guard = Guard(Settings())
        for chunk in chunks:
            for finding in guard.push(chunk).findings:
                if finding.check == "repeat" and finding.action in actions:
                    return finding.offset
        return None

    return fires


OURS = {
    "MidStream: stops": guarded(["stop"]),
    "MidStream: stops and warnings": guarded(["stop", "warn"]),
}


def main() -> None:
    """Read the sets, print the table."""
    parser = argparse.ArgumentParser(description="Published loop rules and MidStream's guard, one table.")
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("MIDSTREAM_DATA", PROJECT.parent / "shared" / "data")
    )
    parser.add_argument("--files", type=int, default=2000, help="source files, and as many documents")
    options = parser.parse_args()
    columns = dict(_columns(Path(options.data) / "streams", options.files))
    print(f"midstream {midstream.__version__}, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}\n")
    print("| rule | " + " | ".join(f"{title} {len(streams)}" for title, streams in columns.items()) + " |")
    print("|---|" + "---|" * len(columns))
    for name in RULES | OURS:
        cells = [cell(rules_for(streams)[name], streams) for streams in columns.values()]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def rules_for(streams: Sequence[Stream]) -> dict[str, Rule]:
    """The rules, by name, as they read streams of this kind."""
    files = streams and streams[0].kind in ("document", "source")
    return (FILE_RULES if files else RULES) | OURS


def _columns(streams: Path, count: int) -> Iterable[tuple[str, list[Stream]]]:
    sets = {"judge": labelled(LOOPS / "loops-judge.jsonl")}
    if streams.is_dir():
        sets = {"recorded runs": local_model(streams)} | sets
    for title, members in sets.items():
        for kind in KINDS:
            if of_kind := [stream for stream in members if stream.kind == kind]:
                yield f"{title}: {kind}", of_kind
    if streams.is_dir():
        yield "recorded channels", recorded(streams)
    if count:
        yield "source files", files(count, "source")
        yield "documents", files(count, "document")


def cell(rule: Rule, streams: Iterable[Stream]) -> str:
    """How often the rule fires on streams of one kind, and how late."""
    found, early, delays = 0, 0, []
    for stream in streams:
        offset = rule(stream.chunks)
        if offset is None:
            continue
        found += 1
        if stream.onset is not None and offset <= stream.onset:
            early += 1
        elif stream.onset is not None and stream.period is not None:
            delays.append(offset - stream.onset - stream.period)
    return f"{found}" + (f" ({statistics.median(delays):+.0f})" if delays else "") + (f" !{early}" if early else "")


if __name__ == "__main__":
    main()
