"""Recorded streams: read, and written as a whole."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypeVar

from midstream._rust.stream import Guard, Summary
from midstream.errors import InputError
from midstream.stream.arrivals import BLOCK, Chunk, checked, is_time
from midstream.stream.files import opened, saving
from midstream.stream.lines import chunk_line, end_line, header_line, written
from midstream.stream.masked import without_secrets, without_secrets_of_url
from midstream.stream.reader import CLOSES, RecordingReader, is_cassette
from midstream.stream.settings import Settings

if TYPE_CHECKING:
    from midstream.stream.cassette import Interaction

__all__ = ["Chunk", "Recording"]

R = TypeVar("R")
KINDS = {"provider": str, "model": str, "url": str, "request": Mapping, "usage": Mapping, "left_out": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One response body with the times of its chunks.

    Parameters
    ----------
    chunks : sequence of Chunk
        ``(t_ns, data, direction)`` each; ``t_ns`` counts from the request, None where it is not known.
    framing, dialect : str
        As `Guard` takes them; ``auto`` where they are not known.
    provider, model : str, optional
    url : str, optional
        Values of its query and a user's name or password in it are replaced by ``***``.
    request : mapping, optional
        The body that was sent, where you want it kept; values of keys that name a secret are replaced by ``***``.
    end : str, optional
        How the stream closed, in the words of `Guard.finish`; None where the recording was cut before that.
    end_ns : int, optional
        When it closed.
    usage : mapping, optional
        Token counts as the provider reported them.
    from_request : bool
        Times count from the request; else from when the stream was first watched.
    findings : sequence of mappings
        What was found while it was recorded.
    left_out : str, optional
        Why text is missing: secrets in it could not have been found.

    Raises
    ------
    InputError
        For a time, a direction, an end, a format or a URL that is not allowed.
    TypeError
        For a field of another type.

    Examples
    --------
    >>> recording = Recording(chunks=[Chunk(0, b"data: [DONE]")], framing="sse", dialect="openai-chat")
    >>> recording
    Recording(openai-chat over sse, 1 chunks, 12 bytes)
    >>> recording.complete
    True
    """

    chunks: Sequence[Chunk]
    framing: str = "auto"
    dialect: str = "auto"
    provider: str | None = None
    model: str | None = None
    url: str | None = None
    request: Mapping[str, Any] | None = None
    end: str | None = "clean"
    end_ns: int | None = None
    usage: Mapping[str, Any] | None = None
    from_request: bool = True
    findings: Sequence[Mapping[str, Any]] = ()
    left_out: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.chunks, Sequence):
            raise TypeError(f"chunks is {type(self.chunks).__name__}, allowed: a sequence of Chunk")
        chunks = tuple(checked(chunk, f"chunks[{at}]") for at, chunk in enumerate(self.chunks))
        Guard(dialect=self.dialect, framing=self.framing)  # names what is wrong
        for name, kind in KINDS.items():
            if not isinstance(value := getattr(self, name), kind | None):
                raise TypeError(f"{name} is {type(value).__name__}, allowed: {kind.__name__} or None")
        if not isinstance(self.from_request, bool):
            raise TypeError(f"from_request is {type(self.from_request).__name__}, allowed: True or False")
        if not isinstance(self.findings, Sequence) or not all(isinstance(found, Mapping) for found in self.findings):
            raise TypeError(f"findings is {self.findings!r:.40}, allowed: a sequence of mappings")
        if self.end is not None and (not isinstance(self.end, str) or self.end not in CLOSES):
            raise InputError(f"end is {self.end!r:.40}, allowed are {', '.join(CLOSES)} and None")
        if not is_time(self.end_ns):
            raise InputError(f"end_ns is {self.end_ns!r:.40}, allowed are integers of 64 bits and None")
        check_order(chunks, self.end_ns)
        object.__setattr__(self, "chunks", chunks)
        object.__setattr__(self, "url", None if self.url is None else without_secrets_of_url(self.url))
        object.__setattr__(self, "request", without_secrets(self.request))

    @property
    def complete(self) -> bool:
        """Whether the recorder saw the end; without it the recording was cut."""
        return self.end is not None

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes, *, index: int | None = None) -> Self:
        """Read a recording of any kind.

        Parameters
        ----------
        source : path or bytes
            MidStream's own JSONL, or a raw body: server-sent events, JSON lines, lines of WebSocket frames, AWS event
            stream, text; compressed by zstd or not. ``NAME.times.json`` beside ``NAME.sse`` gives times; so do messages
            that hold their own. Or a cassette of VCR.
        index : int, optional
            Which response of a cassette, from 0. Default: its only stream.

        Raises
        ------
        RecordingError
            For a line that cannot be read; ``.line`` counts from 1.
        InputError
            For a path that no file can have, or an `index` that no response has.
        MissingExtra
            Where a package is needed that is not installed.
        OSError
            Where the file cannot be opened.
        """
        with opened(source) as front:
            if is_cassette(front.peek(BLOCK), name_of(source)):
                return chosen(cls._in_cassette(front), index)
            if index not in (None, 0):
                raise InputError(f"index is {index}, and this recording is one, not a cassette")
            return cls.of(RecordingReader(front, path=path_of(source)))

    @classmethod
    def load_all(cls, source: str | os.PathLike[str] | bytes) -> list[Self]:
        """Read the streams of a cassette; of any other recording the only one.

        Parameters
        ----------
        source : path or bytes
            As for `load`, which tells what is raised.

        Returns
        -------
        list of Recording
            Of a cassette's responses those that are streams, in its order.
        """
        with opened(source) as front:
            if is_cassette(front.peek(BLOCK), name_of(source)):
                return [recording for recording, is_stream in cls._in_cassette(front) if is_stream]
            return [cls.of(RecordingReader(front, path=path_of(source)))]

    @classmethod
    def of(cls, reader: RecordingReader) -> Self:
        """The whole of what a reader reads; `load` tells what is raised."""
        chunks = tuple(reader)
        framing, dialect = reader.framing, reader.dialect
        if "auto" in (framing, dialect):
            seen = first_look(chunks, framing, dialect)
            framing, dialect = seen.framing, seen.dialect
        return cls(
            chunks=chunks,
            framing=framing,
            dialect=dialect,
            provider=reader.header.get("provider"),
            model=reader.header.get("model"),
            url=reader.header.get("url"),
            request=reader.header.get("request"),
            end=reader.end,
            end_ns=reader.end_ns,
            usage=reader.usage,
            from_request=reader.from_request or not reader.timed,
            findings=tuple(reader.findings),
            left_out=reader.left_out,
        )

    @classmethod
    def _in_cassette(cls, file: BinaryIO) -> list[tuple[Self, bool]]:
        """The responses of a cassette, each with whether it is a stream."""
        from midstream.stream.cassette import interactions_in  # needed by few

        return [(cls._of(held), held.is_stream) for held in interactions_in(file)]

    @classmethod
    def _of(cls, held: "Interaction") -> Self:
        chunks = [Chunk(None, held.body)] if held.body else []
        seen = first_look(chunks, "auto", "auto", content_type=held.content_type or None)
        asked = held.request or {}
        model = asked.get("model", seen.model)
        return cls(
            chunks=chunks,
            framing=seen.framing,
            dialect=seen.dialect,
            provider=held.host,
            model=model if isinstance(model, str) else None,
            url=held.url,
            request=held.request,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write MidStream's own JSONL, as a whole or not at all; compressed where the name ends in ``.zst``.

        Raises
        ------
        InputError
            For a path that no file can have.
        OSError
            Where the file cannot be written.
        """
        with saving(path) as file:
            for line in self.lines():
                file.write(written(line))

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines of MidStream's own JSONL."""
        yield header_line(
            dialect=self.dialect,
            framing=self.framing,
            provider=self.provider,
            model=self.model,
            from_request=self.from_request,
            url=self.url,
            request=self.request,
        )
        for chunk in self.chunks:
            yield chunk_line(chunk)
        if self.end is not None:
            yield end_line(self.end_ns, self.end, self.usage, findings=list(self.findings), left_out=self.left_out)

    def __repr__(self) -> str:
        cut = "" if self.complete else ", cut"
        size = sum(len(chunk.data) for chunk in self.chunks)
        return f"Recording({self.dialect} over {self.framing}, {len(self.chunks)} chunks, {size} bytes{cut})"


def path_of(source: str | os.PathLike[str] | bytes) -> Path | None:
    """Where a recording stands."""
    return Path(source) if isinstance(source, str | os.PathLike) else None


def name_of(source: str | os.PathLike[str] | bytes) -> str:
    path = path_of(source)
    return path.name if path is not None else ""


def check_order(chunks: Sequence[Chunk], end_ns: int | None) -> None:
    """Refuse times that go back."""
    timed = [(f"chunks[{at}].t_ns", chunk.t_ns) for at, chunk in enumerate(chunks)] + [("end_ns", end_ns)]
    known = [(where, t_ns) for where, t_ns in timed if t_ns is not None]
    for (before, earlier_ns), (where, t_ns) in pairwise(known):
        if t_ns < earlier_ns:
            raise InputError(f"{where} is {t_ns}, less than the {earlier_ns} of {before}: time does not go back")


def chosen(found: list[tuple[R, bool]], index: int | None) -> R:
    """The response of a cassette that is asked for."""
    if index is not None:
        if type(index) is not int or not 0 <= index < len(found):
            raise InputError(f"index is {index!r:.40}, and the cassette holds {len(found)} responses, from 0 on")
        return found[index][0]
    streams = [at for at, (_, is_stream) in enumerate(found) if is_stream]
    if len(streams) != 1:
        which = f"index={', '.join(map(str, streams[:9]))}" if streams else "index=0" if found else "another file"
        raise InputError(f"the cassette holds {len(streams)} streams among {len(found)} responses: name {which}")
    return found[streams[0]][0]


def first_look(chunks: Sequence[Chunk], framing: str, dialect: str, *, content_type: str | None = None) -> Summary:
    """What a guard makes of the first bytes."""
    known = {"framing": framing, "dialect": dialect, "content_type": content_type}
    guard, seen = Guard(Settings(shadow=True), **known), 0  # type: ignore[arg-type]
    for chunk in chunks:
        if chunk.direction == "in":
            guard.feed(chunk.data, 0)
            seen += len(chunk.data)
        if seen >= 2 * BLOCK:
            break
    return guard.finish("clean", 0)[1]
