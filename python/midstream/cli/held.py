"""What a file holds: a recording, the streams of a cassette, or runs of agents."""

from collections.abc import Iterator

from midstream.cli.progress import Progress
from midstream.cli.sources import Source
from midstream.cli.terminal import complain
from midstream.errors import RecordingError
from midstream.stream import Recording, Trace
from midstream.stream.arrivals import BLOCK
from midstream.stream.compressed import bare_name
from midstream.stream.files import buffered
from midstream.stream.reader import RecordingReader, is_cassette, is_trace
from midstream.stream.trace import MOST

__all__ = ["Held", "held_in"]

IN_YAML = (".yaml", ".yml")
Held = Recording | RecordingReader | Trace


def held_in(source: Source, progress: Progress) -> Iterator[tuple[str, Held]]:
    """What a source holds, each with its name: of several in one file, behind a ``#`` which it is, from 0.

    Raises
    ------
    OSError
        Where it cannot be opened.
    RecordingError, MissingExtra
        Where it cannot be read.
    """
    with source.open() as file:
        front = buffered(progress.watch(file), source.name)
        head = front.peek(BLOCK)
        if is_cassette(head, "" if source.found else source.name):
            found: list[tuple[int, Held]] = []
            responses = Recording._in_cassette(front)
            found += [(at, recording) for at, (recording, is_stream) in enumerate(responses) if is_stream]
            if not found:
                raise RecordingError(f"none of the cassette's {len(responses)} responses is a stream", line=None)
            yield from named(source.name, found)
        elif is_trace(head):
            traces = [part for trace in Trace.load_all(front.read(MOST + 1)) for part in with_parts(trace)]
            yield from named(source.name, list(enumerate(traces)))
        elif source.found and bare_name(source.name).endswith(IN_YAML):
            complain(f"no recording, left out: {source.name}")
        else:
            yield source.name, RecordingReader(front, path=source.path)


def named(name: str, found: list[tuple[int, Held]]) -> Iterator[tuple[str, Held]]:
    if len(found) == 1:
        yield name, found[0][1]
        return
    for at, held in found:
        yield f"{name}#{at}", held


def with_parts(trace: Trace) -> Iterator[Trace]:
    """A run, and those that it gave work to."""
    yield trace
    for part in trace.parts:
        yield from with_parts(part)
