"""One recording's report: an object for programs, text and Markdown for people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from midstream.cli.terminal import printable
from midstream.stream import Finding, PaceSummary, Summary

__all__ = [
    "Row",
    "counted",
    "finding_object",
    "markdown",
    "report_object",
    "rows",
    "seconds",
    "table",
    "told_finding",
    "total",
]

ANOMALIES = (
    "after_end",
    "analysis_failed",
    "bad_json",
    "bad_utf8",
    "crc_mismatch",
    "duplicate_start",
    "index_gap",
    "limit",
    "too_deep",
    "unknown_event",
    "unterminated_event",
    "wrong_dialect",
)
USAGE = ("input", "output", "reasoning", "source")
PACE = (
    "first_byte_s",
    "first_event_s",
    "first_text_s",
    "gap_p50_s",
    "gap_p99_s",
    "longest_gap_s",
    "stalls",
    "tokens_per_s",
    "duration_s",
)
CALL = ("id", "name", "arguments", "valid_json", "complete")
FINDING = ("check", "kind", "action", "channel", "offset", "onset", "period", "score", "explanation")
ARGUMENTS_SHOWN = 200

Row = tuple[str, str, str]
"""Label, text, style."""


def report_object(
    file: str, summary: Summary | None, *, error: str | None = None, timed: bool = True, cut: bool = False
) -> dict[str, Any]:
    """The object of ``analyze --json``: keys in their order, unknown as None.

    Parameters
    ----------
    file : str
    summary : Summary, optional
        None where the file could not be read; `error` then says why.
    error : str, optional
    timed : bool
        Whether times are known.
    cut : bool
        The recording ends before the recorder saw the stream's end.
    """
    if summary is None:
        lists: dict[str, Any] = {"anomalies": {}, "channels": [], "tool_calls": [], "usage": None, "pace": None}
        head = {"file": file, "dialect": None, "framing": None, "bytes": None, "events": None, "error": error}
        ending: dict[str, Any] = {"ending": None, "ending_notes": [], "finish_reasons": [], "model": None}
        return head | ending | lists | {"findings": []}
    return {
        "file": file,
        "dialect": summary.dialect,
        "framing": summary.framing,
        "bytes": summary.bytes,
        "events": summary.events,
        "error": error,
        "ending": summary.ending,
        "ending_notes": summary.ending_notes + (["recording_cut"] if cut else []),
        "finish_reasons": summary.finish_reasons,
        "model": summary.model,
        "anomalies": dict.fromkeys(ANOMALIES, 0) | summary.anomalies,
        "channels": [
            {key: getattr(channel, key) for key in ("id", "kind", "characters")} for channel in summary.channels
        ],
        "tool_calls": [{key: getattr(call, key) for key in CALL} for call in summary.tool_calls],
        "usage": {key: getattr(summary.usage, key) for key in USAGE},
        "pace": pace_object(summary.pace) if timed else None,
        "findings": [finding_object(finding) for finding in summary.findings],
    }


def finding_object(finding: Finding) -> dict[str, Any]:
    """A finding as ``--json`` prints it."""
    return {key: getattr(finding, key) for key in FINDING}


def pace_object(pace: PaceSummary) -> dict[str, Any]:
    return {key: getattr(pace, key) for key in PACE}


def rows(report: dict[str, Any]) -> Iterator[Row]:
    """A report for people: rows of label, text and style."""
    if report["error"] is not None:
        yield "error", report["error"], "red"
        return
    notes = f" ({', '.join(report['ending_notes'])})" if report["ending_notes"] else ""
    yield "ending", report["ending"] + notes, "green" if report["ending"] == "complete" else "yellow"
    model = f", model {report['model']}" if report["model"] else ""
    amount = f"{counted(report['events'], 'event')}, {counted(report['bytes'], 'byte')}"
    yield "stream", f"{report['dialect']} over {report['framing']}{model}, {amount}", ""
    if report["finish_reasons"]:
        yield "finish", ", ".join(report["finish_reasons"]), ""
    for channel in report["channels"]:
        unit = "byte" if channel["kind"] == "audio" else "character"
        yield channel["kind"], f"{counted(channel['characters'], unit)} in {channel['id']}", ""
    if "agent_run" in report["ending_notes"]:
        yield from tools(report["tool_calls"])
    else:
        yield from ((("call", told_call(call), "" if call["complete"] else "yellow")) for call in report["tool_calls"])
    yield from usage_rows(report["usage"])
    if report["pace"]:
        yield from pace_rows(report["pace"])
    seen = [f"{name} {count:,}" for name, count in report["anomalies"].items() if count]
    if seen:
        yield "anomalies", ", ".join(seen), "yellow"
    for finding in report["findings"]:
        yield finding["action"], told_finding(finding), "red" if finding["action"] == "stop" else "yellow"


def tools(calls: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """How often each tool of a run was called."""
    if calls:
        counts = Counter(call["name"] for call in calls)
        told = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
        yield "calls", f"{len(calls):,}: {told}", ""
    if missing := sum(not call["complete"] for call in calls):
        yield "open", f"{counted(missing, 'call')} without a result", "yellow"


def told_call(call: dict[str, Any]) -> str:
    arguments = call["arguments"]
    if len(arguments) > ARGUMENTS_SHOWN:
        arguments = f"{arguments[:ARGUMENTS_SHOWN]}... ({len(arguments):,} characters)"
    state = "" if call["complete"] else ", cut: must not be executed"
    if call["complete"] and call["valid_json"] is False:
        state = ", arguments are not JSON"
    return f"{call['name'] or 'unnamed'} ({call['id']}{state}) {arguments}".rstrip()


def told_finding(finding: dict[str, Any]) -> str:
    """A finding in one line."""
    place = f" in {finding['channel']}" if finding["channel"] else ""
    unit = "step" if finding["check"] == "actions" else "character"
    place += f" at {unit} {finding['offset']:,}" if finding["offset"] is not None else ""
    return f"{finding['check']}/{finding['kind']}{place}: {finding['explanation']}"


def usage_rows(usage: dict[str, Any]) -> Iterator[Row]:
    if usage["source"] == "unknown":
        return
    known = [("input", "in"), ("output", "out"), ("reasoning", "for reasoning")]
    parts = [f"{usage[key]:,} {word}" for key, word in known if usage[key] is not None]
    yield "tokens", f"{', '.join(parts)} ({usage['source']})", ""


def pace_rows(pace: dict[str, Any]) -> Iterator[Row]:
    parts = []
    if pace["first_text_s"] is not None:
        parts.append(f"first text after {seconds(pace['first_text_s'])}")
    if pace["tokens_per_s"] is not None:
        parts.append(f"{pace['tokens_per_s']:.1f} tokens/s")
    if pace["gap_p50_s"] is not None:
        median, p99, longest = (seconds(pace[key]) for key in ("gap_p50_s", "gap_p99_s", "longest_gap_s"))
        parts.append(f"gaps {median} median, {p99} p99, {longest} longest")
    if pace["stalls"]:
        parts.append(counted(pace["stalls"], "stall"))
    if pace["duration_s"] is not None:
        parts.append(f"{seconds(pace['duration_s'])} in all")
    if parts:
        yield "pace", "; ".join(parts), ""


def seconds(value: float) -> str:
    """A time for people."""
    return f"{value:.1f} s" if value >= 10 else f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.0f} ms"


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def markdown(report: dict[str, Any]) -> str:
    """A report as a heading and a table."""
    return table(report["file"], rows(report))


def table(title: str, rows: Iterable[Row]) -> str:
    """Rows as Markdown: a heading and a table."""

    def cell(text: str) -> str:
        return printable(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")

    lines = [f"## {cell(title)}", "", "| | |", "| --- | --- |"]
    lines += [f"| {label} | {cell(text)} |" for label, text, _ in rows]
    return "\n".join(lines) + "\n"


def total(reports: Sequence[tuple[str | None, Sequence[str]]]) -> str:
    """One line over several reports, each given as its ending (None: not read) and the actions of its findings."""
    endings = Counter("not readable" if ending is None else ending for ending, _ in reports)
    ended = ", ".join(f"{count} {ending}" for ending, count in endings.most_common())
    found = [f"{sum(action in actions for _, actions in reports)} with {action}" for action in ("stop", "warn")]
    return "; ".join([f"{counted(len(reports), 'recording')}: {ended}", ", ".join(found)])
