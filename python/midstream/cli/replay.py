"""``midstream replay``: what a guard would have decided on a recording."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from midstream.cli.agent_runs import agent_outcome
from midstream.cli.analyze import FailOn, Form, destination, reaches
from midstream.cli.exits import DONE, FINDINGS, INPUT, USAGE, Failure
from midstream.cli.guard_file import settings_from
from midstream.cli.held import Held
from midstream.cli.outcome import markdown_of, outcome_object, rows_of, told_decided
from midstream.cli.progress import Progress
from midstream.cli.recordings import named_sources, printed_schema, reports, told_format
from midstream.cli.terminal import Printer, complain, json_line
from midstream.stream import Chunk, Decided, Recording, Replay, Settings, Trace
from midstream.stream.reader import RecordingReader
from midstream.stream.rules import shown_under

__all__ = ["replay"]


def replay(
    *files: Annotated[str, Parameter(allow_leading_hyphen=True)],
    guard: Path | None = None,
    speed: float | None = None,
    form: Annotated[Form, Parameter("--format")] = "text",
    json: Annotated[bool, Parameter(negative="")] = False,
    output: Path | None = None,
    fail_on: FailOn = "never",
    dialect: str = "auto",
    framing: str = "auto",
    schema: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Play recordings to a guard: what it would have decided, when, and the tokens it would have saved.

    Beside it stands what was decided when the recording was made. Tokens saved
    are an estimate, and their rule is told. For example:

        midstream replay answer.jsonl --guard guard.toml
        midstream replay answer.jsonl --guard guard.toml --speed 1
        midstream replay --json recordings --guard guard.toml

    Parameters
    ----------
    files : str
        Recordings, folders of them, patterns, or - for standard input.
    guard : Path
        The guard file. Default: the default settings.
    speed : float
        1 plays in real time, 2 twice as fast. Default: at once.
    form : str
        How the report is printed.
    json : bool
        Short for --format json: one object a line.
    output : Path
        Write the report to this file, as a whole or not at all.
    fail_on : str
        End with exit code 1 where a decision asks for this or more.
    dialect : str
        The provider's format, where it is not to be detected.
    framing : str
        How the body is cut, where it is not to be detected.
    schema : bool
        Print the JSON schema of the report and end.
    """
    if schema:
        return printed_schema("replay")
    named = named_sources(files, replay, dialect, framing)
    if speed is not None and not 0 < speed < float("inf"):
        raise Failure(f"--speed is {speed:g}; allowed is above 0: 1 is real time", USAGE)
    run = Run(settings_from(guard), "default settings" if guard is None else str(guard), speed, dialect, framing)
    form = "json" if json else form
    actions, read, failed = list[str](), 0, False
    with destination(output) as file, Progress("playing", sum(source.size for source in named)) as progress:
        printer, run.progress = Printer(file), progress
        for source in named:
            for report in reports(source, progress, run.report, run.unread):
                progress.pause()
                if report["error"] is not None:
                    failed = True
                    complain(f"{report['error']}: {source.name}")
                show(report, form, printer)
                read += 1
                actions += [decided["action"] for decided in report["decisions"]]
    if failed or not read:
        return INPUT
    return FINDINGS if reaches(fail_on, actions) else DONE


class Run:
    """Plays recordings to guards of the same settings."""

    def __init__(self, settings: Settings, name: str, speed: float | None, dialect: str, framing: str) -> None:
        self.settings = settings
        self.name = name
        self.speed = speed
        self.dialect = dialect
        self.framing = framing
        self.progress = Progress("playing", 0)

    def report(self, name: str, held: Held) -> dict[str, Any]:
        """The report of one stream, or of an agent's run."""
        if isinstance(held, Trace):
            return agent_outcome(name, self.name, held, self.settings)
        held = told_format(held, self.dialect, self.framing)
        if self.speed is not None:
            # A damaged line is told before the first second is played.
            held = Recording.of(held) if isinstance(held, RecordingReader) else held
            self.progress.begin(sum(len(chunk.data) for chunk in held.chunks if chunk.direction == "in"))
        seen = Replay.of(held, self.settings, speed=self.speed, on_decided=self.tell, on_chunk=self.advance)
        if seen.times == "even":
            complain(f"no times in this recording, so messages are played evenly: {name}")
        outcome = outcome_object(name, self.name, seen, held=held)
        return outcome | {"model": shown_under(self.settings, outcome["model"])}

    def unread(self, name: str, error: str) -> dict[str, Any]:
        """The report of what cannot be read."""
        return outcome_object(name, self.name, None, error=error)

    def advance(self, chunk: Chunk) -> None:
        """In real time it is playing that takes long, and not reading."""
        if self.speed is not None:
            self.progress.advance(len(chunk.data))

    def tell(self, decided: Decided) -> None:
        """Show a decision when it is made, to whoever waits for it."""
        if self.speed is not None:
            self.progress.pause()
            complain(told_decided(decided))


def show(report: dict[str, Any], form: Form, printer: Printer) -> None:
    if form == "json":
        printer.write(json_line(report))
    elif form == "markdown":
        printer.write(markdown_of(report) + "\n")
    else:
        printer.report(report["file"], rows_of(report))
