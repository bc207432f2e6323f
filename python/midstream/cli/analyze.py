"""``midstream analyze``: one report per recording."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from cyclopts import Parameter

from midstream._files import replacing
from midstream.cli.agent_runs import agent_report
from midstream.cli.exits import DONE, FINDINGS, INPUT, USAGE, Failure
from midstream.cli.guard_file import settings_from
from midstream.cli.held import Held
from midstream.cli.picture import Picture
from midstream.cli.progress import Progress
from midstream.cli.recordings import named_sources, printed_schema, reports, told_format
from midstream.cli.report import markdown, report_object, rows, total
from midstream.cli.terminal import Printer, complain, json_line, reason
from midstream.stream import Recording, Settings, Trace, replay
from midstream.stream.reader import RecordingReader
from midstream.stream.rules import shown_under

__all__ = ["FailOn", "Form", "analyze", "destination", "reaches"]

Form = Literal["text", "json", "markdown"]
FailOn = Literal["warn", "stop", "never"]
STRENGTH = {
    name: strength
    for strength, name in enumerate(
        ("pass", "observe", "warn", "hint", "reroute", "end_reasoning", "redact", "hold", "stop")
    )
}


def analyze(
    *files: Annotated[str, Parameter(allow_leading_hyphen=True)],
    form: Annotated[Form, Parameter("--format")] = "text",
    json: Annotated[bool, Parameter(negative="")] = False,
    output: Path | None = None,
    fail_on: FailOn = "never",
    guard: Path | None = None,
    dialect: str = "auto",
    framing: str = "auto",
    plot: Path | None = None,
    schema: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Report on recorded streams: their end, what they held, what a guard finds.

    Every recording is read to its end. A file that cannot be read is reported,
    and the rest goes on. For example:

        midstream analyze answer.sse
        midstream analyze --json recordings > reports.jsonl
        midstream analyze --fail-on stop "*.ndjson"
        midstream analyze --plot pace.svg answer.sse

    Parameters
    ----------
    files : str
        Recordings, folders of them, patterns, or - for standard input.
    form : str
        How the report is printed.
    json : bool
        Short for --format json: one object a line.
    output : Path
        Write the report to this file, as a whole or not at all.
    fail_on : str
        End with exit code 1 where a finding asks for this or more.
    guard : Path
        The guard file. Default: the default settings.
    dialect : str
        The provider's format, where it is not to be detected.
    framing : str
        How the body is cut, where it is not to be detected.
    plot : Path
        Draw each stream's pace and findings into this .png, .svg or .pdf.
    schema : bool
        Print the JSON schema of the report and end.
    """
    if schema:
        return printed_schema("analyze")
    named = named_sources(files, analyze, dialect, framing)
    settings = replace(settings_from(guard), shadow=True, hold=None)
    picture = None if plot is None else Picture(plot)
    examination = Examination(settings, dialect, framing, picture)
    form = "json" if json else form
    outcomes = []
    with destination(output) as file, Progress("reading", sum(source.size for source in named)) as progress:
        printer = Printer(file)
        for source in named:
            for report in reports(source, progress, examination.report, examination.unread):
                progress.pause()
                if source.found and of_no_format(report):
                    complain(f"no recording, left out: {source.name}")
                    continue
                if report["error"] is not None:
                    complain(f"{report['error']}: {source.name}")
                show(report, form, printer)
                outcomes.append((report["ending"], [finding["action"] for finding in report["findings"]]))
        if form == "text" and len(outcomes) > 1:
            printer.line(total(outcomes))
    if picture is not None:
        with destination(picture.path, "--plot") as drawing:
            picture.write(drawing)
    if not outcomes or any(ending is None for ending, _ in outcomes):
        return INPUT
    return FINDINGS if any(reaches(fail_on, actions) for _, actions in outcomes) else DONE


WRITTEN = ("finish_reasons", "model", "tool_calls")
"""Keys of a report whose texts are the stream's."""


class Examination:
    """Reports on what sources hold."""

    def __init__(self, settings: Settings, dialect: str, framing: str, picture: Picture | None) -> None:
        self.settings = settings
        self.dialect = dialect
        self.framing = framing
        self.picture = picture

    def report(self, name: str, held: Held) -> dict[str, Any]:
        """The report of one stream, or of an agent's run."""
        if isinstance(held, Trace):
            return agent_report(name, held, self.settings)
        held = told_format(held, self.dialect, self.framing)
        summary = replay(held, self.settings)
        if summary.looks_like is not None:
            told = f"{summary.bytes:,} bytes were read as {summary.dialect} and look like {summary.looks_like}"
            complain(f"{told}; name that, or leave --dialect out: {name}")
        known = isinstance(held, RecordingReader) and held.timed
        timed = known or (isinstance(held, Recording) and any(chunk.t_ns is not None for chunk in held.chunks))
        report = report_object(name, summary, timed=timed, cut=held.end is None)
        report |= shown_under(self.settings, {key: report[key] for key in WRITTEN})
        if self.picture is not None and not of_no_format(report):
            self.picture.add(name, summary)
        return report

    @staticmethod
    def unread(name: str, error: str) -> dict[str, Any]:
        """The report of what cannot be read."""
        return report_object(name, None, error=error)


def show(report: dict[str, Any], form: Form, printer: Printer) -> None:
    if form == "json":
        printer.write(json_line(report))
    elif form == "markdown":
        printer.write(markdown(report) + "\n")
    else:
        printer.report(report["file"], rows(report))


def of_no_format(report: dict[str, Any]) -> bool:
    """Whether a file holds JSON of no provider: a listing, settings, results."""
    return "unknown_format" in report["ending_notes"] and report["framing"] in ("json-array", "ndjson")


def reaches(fail_on: FailOn, actions: list[str]) -> bool:
    """Whether an action is `fail_on` or stronger."""
    return fail_on != "never" and any(STRENGTH[action] >= STRENGTH[fail_on] for action in actions)


@contextmanager
def destination(output: Path | None, option: str = "--output") -> Iterator[BinaryIO | None]:
    """The file that an option names to write to; None for standard output."""
    if output is None:
        yield None
        return
    opened = False
    try:
        with replacing(output) as file:
            opened = True
            yield file
    except OSError as error:
        said = f"cannot write {output}: {reason(error)}"
        raise (Failure(said) if opened else Failure(f"{said}; name another {option}", USAGE)) from error
