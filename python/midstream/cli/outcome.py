"""What a replay found, for programs and for people."""

from collections.abc import Iterator
from typing import Any

from midstream.cli.report import Row, counted, finding_object, seconds, table, told_finding
from midstream.stream import Decided, Recording, Replay, Summary
from midstream.stream.reader import RecordingReader
from midstream.stream.replaying import characters

__all__ = ["markdown_of", "outcome_object", "rows_of", "told_decided"]

USAGE = ("input", "output", "reasoning", "source")
EMPTY: dict[str, Any] = {"dialect": None, "framing": None, "model": None, "times": None, "recorded": None}
UNPLAYED: dict[str, Any] = {"replayed": None, "decisions": [], "stop": None, "saved": None}
COLOURS = {"observe": "", "stop": "red", "end_reasoning": "red"}


def outcome_object(
    file: str,
    guard: str,
    seen: Replay | None,
    *,
    held: Recording | RecordingReader | None = None,
    error: str | None = None,
) -> dict[str, Any]:
    """The object of ``replay --json``: keys in their order, unknown as None."""
    head = {"file": file, "guard": guard, "error": error}
    if seen is None or held is None:
        return head | EMPTY | UNPLAYED
    decisions = [decided_object(decided) for decided in seen.decided]
    return head | {
        "dialect": seen.recorded.dialect,
        "framing": seen.recorded.framing,
        "model": seen.recorded.model,
        "times": seen.times,
        "recorded": side(seen.recorded, seen)
        | {
            "closed": held.end,
            "findings": [recorded_finding(found) for found in held.findings],
        },
        "replayed": side(seen.summary, seen),
        "decisions": decisions,
        "stop": None if seen.stop is None else decided_object(seen.stop),
        "saved": seen.saved._asdict(),
    }


def side(summary: Summary, seen: Replay) -> dict[str, Any]:
    """One of the two runs."""
    passed = summary.bytes if seen.stop is None or summary is seen.recorded else seen.stop.byte
    return {
        "ending": summary.ending,
        "bytes": passed,
        "characters": characters(summary),
        "duration_s": summary.pace.duration_s if seen.times else None,
        "usage": {key: getattr(summary.usage, key) for key in USAGE},
    }


def recorded_finding(found: Any) -> dict[str, Any]:
    """What a recording tells of a finding of its own."""
    return {key: found.get(key) for key in ("check", "kind", "action", "channel", "offset")}


def decided_object(decided: Decided) -> dict[str, Any]:
    """A decision as ``--json`` prints it."""
    at_s = None if decided.at_ns is None else decided.at_ns / 1e9
    return {"at_s": at_s, "byte": decided.byte, "step": None} | finding_object(decided.finding)


def told_decided(decided: Decided) -> str:
    """A decision in one line, for whoever waits."""
    return f"{decided.finding.action}: {told(decided_object(decided))}"


def told(decided: dict[str, Any]) -> str:
    when = "" if decided["at_s"] is None else f"after {seconds(decided['at_s'])}, "
    where = f"at byte {decided['byte']:,}" if decided["step"] is None else f"at step {decided['step']:,}"
    return f"{when}{where}: {told_finding(decided)}"


def rows_of(report: dict[str, Any]) -> Iterator[Row]:
    """A report for people: rows of label, text and style."""
    if report["error"] is not None:
        yield "error", report["error"], "red"
        return
    model = f", model {report['model']}" if report["model"] else ""
    times = {"even": ", times made even", "recorded": "", None: ", no times"}[report["times"]]
    yield "stream", f"{report['dialect']} over {report['framing']}{model}{times}", ""
    recorded, replayed = report["recorded"], report["replayed"]
    yield "recorded", run(recorded) + closed(recorded), ""
    for found in recorded["findings"]:
        place = f" at character {found['offset']:,}" if found["offset"] is not None else ""
        yield "then", f"{found['action']}: {found['check']}/{found['kind']}{place}", ""
    yield "guard", report["guard"], ""
    yield "replayed", run(replayed), "green" if replayed["ending"] == "complete" else "yellow"
    for decided in report["decisions"]:
        yield decided["action"], told(decided), COLOURS.get(decided["action"], "yellow")
    saved = report["saved"]
    if report["stop"] is None:
        yield "saved", "nothing: the guard would not have stopped it", ""
    else:
        amount = f"{counted(saved['characters'], 'character')} and about {counted(saved['tokens'], 'token')}"
        yield "saved", f"{amount} ({saved['rule']})", "green"


def run(side: dict[str, Any]) -> str:
    parts = [side["ending"], counted(side["bytes"], "byte"), counted(side["characters"], "character")]
    if side["usage"]["output"] is not None:
        parts.append(f"{counted(side['usage']['output'], 'token')} out ({side['usage']['source']})")
    if side["duration_s"] is not None:
        parts.append(seconds(side["duration_s"]))
    return ", ".join(parts)


def closed(recorded: dict[str, Any]) -> str:
    """How the recording says that its stream closed."""
    match recorded["closed"]:
        case "clean":
            return ""
        case None:
            return "; the recording was cut"
        case how:
            return f"; closed: {how.replace('_', ' ')}"


def markdown_of(report: dict[str, Any]) -> str:
    """A report as a heading and a table."""
    return table(report["file"], rows_of(report))
