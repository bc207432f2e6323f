"""What commands share that report on recordings: the files, their format, and what cannot be read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import resources
from typing import Any, TypeVar

from midstream.cli.exits import DONE, USAGE, Failure, refuse_options
from midstream.cli.held import Held, held_in
from midstream.cli.progress import Progress
from midstream.cli.sources import Source, sources
from midstream.cli.terminal import reason
from midstream.errors import InputError, MissingExtra, RecordingError
from midstream.stream import Guard, Recording
from midstream.stream.reader import RecordingReader

__all__ = ["named_sources", "printed_schema", "reports", "told_format"]

T = TypeVar("T")


def printed_schema(command: str) -> int:
    """Print the JSON schema of a command's report; the exit code."""
    print(resources.files("midstream.cli").joinpath(f"{command}.schema.json").read_text(encoding="utf-8"), end="")
    return DONE


def named_sources(files: Iterable[str], command: Callable[..., Any], dialect: str, framing: str) -> list[Source]:
    """The recordings that the words of a command name; what is misspelt is told before anything is read."""
    words = list(files)
    refuse_options(words, command)
    if not words:
        raise Failure("no recording named; name files, folders, or - for standard input", USAGE)
    Guard(dialect=dialect, framing=framing)
    return list(sources(words))


def reports(
    source: Source, progress: Progress, report: Callable[[str, Held], T], unread: Callable[[str, str], T]
) -> Iterator[T]:
    """A report of each thing that a source holds; what cannot be read is told by `unread`, with its name and why."""
    name = shown(source.name)
    if source.error is not None:
        yield unread(name, source.error)
        return
    try:
        for own_name, held in held_in(source, progress):
            name = shown(own_name)
            yield report(name, held)
    except OSError as error:
        yield unread(name, reason(error))
    except (RecordingError, InputError, MissingExtra, ValueError) as error:
        yield unread(name, str(error))


def shown(name: str) -> str:
    """The name of a file as text that UTF-8 can hold."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def told_format(held: Recording | RecordingReader, dialect: str, framing: str) -> Recording | RecordingReader:
    """The recording, in the format that was named."""
    told: dict[str, Any] = {name: said for name, said in (("dialect", dialect), ("framing", framing)) if said != "auto"}
    if isinstance(held, Recording):
        return replace(held, **told)
    for name, said in told.items():
        setattr(held, name, said)
    return held
