"""``midstream analyze``: one report per recording."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from cyclopts import Parameter

from midstream._files import replacing
from midstream.cli.agent_runs import agent_report
from midstream.cli.exits import DONE, FINDINGS, INPUT, USAGE, Failure, refuse_options
from midstream.cli.guard_file import settings_from
from midstream.cli.held import held_in
from midstream.cli.progress import Progress
from midstream.cli.report import markdown, report_object, rows, total
from midstream.cli.sources import Source, sources
from midstream.cli.terminal import Printer, complain, json_line, reason
from midstream.errors import InputError, MissingExtra, RecordingError
from midstream.stream import Guard, Recording, Settings, Trace, replay
from midstream.stream.reader import RecordingReader

__all__ = ["FailOn", "Form", "analyze", "destination", "reaches", "told_format"]

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
    schema: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Report on recorded streams: their end, what they held, what a guard finds.

    Every recording is read to its end. A file that cannot be read is reported,
    and the rest goes on. For example:

        midstream analyze answer.sse
        midstream analyze --json recordings > reports.jsonl
        midstream analyze --fail-on stop "*.ndjson"

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
    schema : bool
        Print the JSON schema of the report and end.
    """
    if schema:
        print(resources.files("midstream.cli").joinpath("analyze.schema.json").read_text(encoding="utf-8"), end="")
        return DONE
    refuse_options(files, analyze)
    if not files:
        raise Failure("no recording named; name files, folders, or - for standard input", USAGE)
    Guard(dialect=dialect, framing=framing)  # names what is misspelt before anything is read
    settings = replace(settings_from(guard), shadow=True, hold=None)
    named = list(sources(files))
    form = "json" if json else form
    outcomes = []
    with destination(output) as file, Progress("reading", sum(source.size for source in named)) as progress:
        printer = Printer(file)
        for source in named:
            for report in examined(source, settings, dialect, framing, progress):
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
    if not outcomes or any(ending is None for ending, _ in outcomes):
        return INPUT
    return FINDINGS if any(reaches(fail_on, actions) for _, actions in outcomes) else DONE


def examined(
    source: Source, settings: Settings, dialect: str, framing: str, progress: Progress
) -> Iterator[dict[str, Any]]:
    """The reports of what a source holds; one that cannot be read has its `error`."""
    name = source.name.encode(errors="surrogateescape").decode(errors="replace")
    if source.error is not None:
        yield report_object(name, None, error=source.error)
        return
    try:
        for name, held in held_in(source, progress):
            name = name.encode(errors="surrogateescape").decode(errors="replace")
            if isinstance(held, Trace):
                yield agent_report(name, held, settings)
                continue
            yield stream_report(name, told_format(held, dialect, framing), settings)
    except OSError as error:
        yield report_object(name, None, error=reason(error))
    except (RecordingError, InputError, MissingExtra, ValueError) as error:
        yield report_object(name, None, error=str(error))


def told_format(held: Recording | RecordingReader, dialect: str, framing: str) -> Recording | RecordingReader:
    """The recording, in the format that was named."""
    told: dict[str, Any] = {name: said for name, said in (("dialect", dialect), ("framing", framing)) if said != "auto"}
    if isinstance(held, Recording):
        return replace(held, **told)
    for name, said in told.items():
        setattr(held, name, said)
    return held


def stream_report(name: str, held: Recording | RecordingReader, settings: Settings) -> dict[str, Any]:
    """The report of one stream."""
    summary = replay(held, settings)
    if summary.looks_like is not None:
        told = f"{summary.bytes:,} bytes were read as {summary.dialect} and look like {summary.looks_like}"
        complain(f"{told}; name that, or leave --dialect out: {name}")
    timed = held.timed if isinstance(held, RecordingReader) else any(chunk.t_ns is not None for chunk in held.chunks)
    return report_object(name, summary, timed=timed, cut=held.end is None)


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
def destination(output: Path | None) -> Iterator[BinaryIO | None]:
    """The file to write the report to; None for standard output."""
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
        raise (Failure(said) if opened else Failure(f"{said}; name another --output", USAGE)) from error
