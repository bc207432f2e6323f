"""Recorded streams: read, written, played again."""

import base64
import binascii
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from midstream._files import replacing
from midstream._rust.stream import Guard, Summary
from midstream.errors import InputError, RecordingError
from midstream.stream.arrivals import BLOCK, Chunk, Times, checked, chunks_of, is_time, times_beside, times_within
from midstream.stream.masked import without_secrets, without_secrets_of_url
from midstream.stream.session import EITHER, settings_of
from midstream.stream.settings import Settings, SettingsOrFile

__all__ = ["Chunk", "Recording", "RecordingReader", "replay"]

VERSION = 1
LONGEST_LINE = 64 << 20
"""Bytes of one line of our own format."""
CLOSES = ("clean", "abrupt", "client_left", "stopped", "gave_up")


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

    def __post_init__(self) -> None:
        if not isinstance(self.chunks, Sequence):
            raise TypeError(f"chunks is {type(self.chunks).__name__}, allowed: a sequence of Chunk")
        chunks = tuple(checked(chunk, f"chunks[{at}]") for at, chunk in enumerate(self.chunks))
        Guard(dialect=self.dialect, framing=self.framing)  # names what is wrong
        for name, kinds in (("provider", str), ("model", str), ("url", str), ("request", Mapping), ("usage", Mapping)):
            if not isinstance(value := getattr(self, name), kinds | None):
                raise TypeError(f"{name} is {type(value).__name__}, allowed: {kinds.__name__} or None")
        if self.end is not None and (not isinstance(self.end, str) or self.end not in CLOSES):
            raise InputError(f"end is {self.end!r:.40}, allowed are {', '.join(CLOSES)} and None")
        if not is_time(self.end_ns):
            raise InputError(f"end_ns is {self.end_ns!r:.40}, allowed are integers of 64 bits and None")
        object.__setattr__(self, "chunks", chunks)
        object.__setattr__(self, "url", None if self.url is None else without_secrets_of_url(self.url))
        object.__setattr__(self, "request", without_secrets(self.request))

    @property
    def complete(self) -> bool:
        """Whether the recorder saw the end; without it the recording was cut."""
        return self.end is not None

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes) -> Self:
        """Read a recording of any kind.

        Parameters
        ----------
        source : path or bytes
            MidStream's own JSONL, or a raw body: server-sent events, JSON lines, lines of WebSocket frames, AWS event
            stream, text. ``NAME.times.json`` beside ``NAME.sse`` gives times; so do messages that hold their own.

        Raises
        ------
        RecordingError
            For a line that cannot be read; ``.line`` counts from 1.
        InputError
            For a path that no file can have.
        OSError
            Where the file cannot be opened.
        """
        with io.BytesIO(source) if isinstance(source, bytes) else named(source, "source").open("rb") as file:
            reader = RecordingReader(file, path=None if isinstance(source, bytes) else Path(source))
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
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write MidStream's own JSONL, as a whole or not at all.

        Raises
        ------
        InputError
            For a path that no file can have.
        OSError
            Where the file cannot be written.
        """
        with replacing(named(path, "path")) as file:
            for line in self.lines():
                file.write(
                    json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
                    + b"\n"
                )

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines of MidStream's own JSONL."""
        told = {"provider": self.provider, "model": self.model}
        asked = {"url": self.url, "request": self.request}
        yield {
            "midstream_recording": VERSION,
            "format": None if self.dialect == "auto" else self.dialect,
            "framing": None if self.framing == "auto" else self.framing,
            **told,
            **{key: value for key, value in asked.items() if value is not None},
        }
        for chunk in self.chunks:
            line: dict[str, Any] = {"t": chunk.t_ns}
            try:
                line["s"] = chunk.data.decode()
            except UnicodeDecodeError:
                line["b"] = base64.b64encode(chunk.data).decode()
            yield line | ({"d": "out"} if chunk.direction == "out" else {})
        if self.end is not None:
            yield {"t": self.end_ns, "end": self.end, "usage": self.usage}

    def __repr__(self) -> str:
        cut = "" if self.complete else ", cut"
        size = sum(len(chunk.data) for chunk in self.chunks)
        return f"Recording({self.dialect} over {self.framing}, {len(self.chunks)} chunks, {size} bytes{cut})"


class RecordingReader:
    """Reads a recording chunk by chunk in bounded memory; iterate over it once.

    Parameters
    ----------
    file : binary file
        Needs `read` and `readline` only, so a pipe will do.
    path : Path, optional
        Where it stands, to find its times.

    Attributes
    ----------
    header : dict
        The first line of our own format, else empty.
    framing, dialect : str
        ``auto`` where the file does not say.
    from_request : bool
        Times count from the request, not from the first chunk.
    timed : bool
        Whether a chunk had a time, known after the last.
    end, end_ns, usage
        As `Recording` has them, known after the last chunk.
    """

    def __init__(self, file: BinaryIO, *, path: Path | None = None) -> None:
        self.file = io.BufferedReader(Front(file), BLOCK)
        self.path = path
        head = self.file.peek(BLOCK)
        self.header = own_header(head)
        self.times: Times | None = None
        if not self.header:
            self.times = (times_beside(path) if path else None) or times_within(head)
        self.from_request = bool(self.header) or (self.times is not None and self.times.listed_ns is not None)
        self.framing = self.header.get("framing") or "auto"
        self.dialect = self.header.get("format") or "auto"
        self.timed = False
        self.end: str | None = None if self.header else "clean"
        self.end_ns: int | None = None
        self.usage: Mapping[str, Any] | None = None

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self.own_chunks() if self.header else chunks_of(self.file, self.times):
            self.timed = self.timed or chunk.t_ns is not None
            yield chunk

    def own_chunks(self) -> Iterator[Chunk]:
        """The chunks of MidStream's own format."""
        self.file.readline()
        number = 1
        while line := self.file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise RecordingError(f"line {number} is longer than {LONGEST_LINE >> 20} MiB", line=number)
            if not line.strip():
                continue
            if self.end is not None:
                raise RecordingError(f"line {number} comes after the last line, which tells the end", line=number)
            try:
                chunk = self.own_line(parsed(line), number)
            except RecordingError:
                raise
            except ValueError as error:
                if not line.endswith(b"\n"):
                    return  # the recorder was interrupted while it wrote
                raise RecordingError(f"line {number} is not JSON: {reason(error)}", line=number) from error
            if chunk is not None:
                yield chunk

    def own_line(self, line: Any, number: int) -> Chunk | None:
        """The chunk that a line holds; None for the last line."""

        def wrong(what: str) -> RecordingError:
            return RecordingError(f"line {number} {what}", line=number)

        if not isinstance(line, dict):
            raise wrong("is no JSON object")
        at = line.get("t")
        if not is_time(at):
            raise wrong(f"has t = {at!r:.40}, allowed are integers of nanoseconds and null")
        if "end" in line:
            if line["end"] not in CLOSES:
                raise wrong(f"has end = {line['end']!r}, allowed are {', '.join(CLOSES)}")
            self.end, self.end_ns, self.usage = line["end"], at, line.get("usage")
            return None
        direction = line.get("d", "in")
        if direction not in ("in", "out"):
            raise wrong(f'has d = {direction!r}, allowed are "in" and "out"')
        match line:
            case {"s": str(text)}:
                try:
                    return Chunk(at, text.encode(), direction)
                except UnicodeEncodeError:
                    raise wrong("holds half a surrogate pair in s") from None
            case {"b": str(text)}:
                try:
                    return Chunk(at, base64.b64decode(text, validate=True), direction)
                except binascii.Error as error:
                    raise wrong(f"has no base64 in b: {error}") from None
            case _:
                raise wrong('has neither "s", "b" nor "end"')


class Front(io.RawIOBase):
    """Any binary file as raw input, so that a buffer in front of it can look ahead."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self.file.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def replay(recording: Recording | RecordingReader, guard: SettingsOrFile | Guard | None = None) -> Summary:
    """Play a recording to a guard, chunk by chunk with its times.

    Parameters
    ----------
    recording : Recording or RecordingReader
        `Recording.load` reads one from a file.
    guard : Settings, path of a guard file, or Guard, optional
        What to look for; the default settings where left out. Under ``shadow`` the recording is read to its end, and
        findings say what a live guard would have done.

    Returns
    -------
    Summary
        Its times are unknown where the recording has none.

    Raises
    ------
    TypeError
        For what is no recording.

    Notes
    -----
    What the client sent over a socket is left out: a guard watches what comes in. A recording that was cut counts as
    an abrupt close.
    """
    if not isinstance(recording, Recording | RecordingReader):
        raise TypeError(f"recording is {type(recording).__name__}, allowed: Recording; Recording.load reads a file")
    if not isinstance(guard, Guard):
        guard = settings_of(guard, EITHER)
    dialect, framing, from_request = recording.dialect, recording.framing, True
    if isinstance(recording, RecordingReader):
        from_request = recording.from_request
    chunks = iter(recording) if isinstance(recording, RecordingReader) else iter(recording.chunks)
    first = next(chunks, None)
    timed = first is not None and first.t_ns is not None
    if not isinstance(guard, Guard):
        guard = Guard(guard, dialect=dialect, framing=framing, started_ns=0 if timed and from_request else None)
    now_ns = 0
    while first is not None:
        now_ns = now_ns if first.t_ns is None else first.t_ns
        if first.direction == "in":
            guard.feed(first.data, now_ns)
        first = next(chunks, None)
    if recording.end_ns is not None:
        now_ns = recording.end_ns
        guard.tick(now_ns)  # a stall at the end
    return guard.finish(recording.end or "abrupt", now_ns)[1]


def first_look(chunks: Sequence[Chunk], framing: str, dialect: str) -> Summary:
    """What a guard makes of the first bytes."""
    guard, seen = Guard(Settings(shadow=True), framing=framing, dialect=dialect), 0
    for chunk in chunks:
        if chunk.direction == "in":
            guard.feed(chunk.data, 0)
            seen += len(chunk.data)
        if seen >= 2 * BLOCK:
            break
    return guard.finish("clean", 0)[1]


def named(path: str | os.PathLike[str], argument: str) -> Path:
    """The path, where a file can have it."""
    try:
        if b"\0" in os.fsencode(path):
            raise ValueError("embedded null byte")
    except ValueError as error:
        raise InputError(f"{argument} is {os.fspath(path)!r:.80}, which no file is named: {error}") from error
    return Path(path)


def own_header(head: bytes) -> dict[str, Any]:
    """The first line of MidStream's own format; empty for any other file."""
    line = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    if b'"midstream_recording"' not in line:
        return {}
    try:
        header = parsed(line)
    except ValueError:
        return {}
    if not isinstance(header, dict) or "midstream_recording" not in header:
        return {}
    if header["midstream_recording"] != VERSION:
        version = header["midstream_recording"]
        raise RecordingError(f"line 1 names version {version!r} of the format, this program reads {VERSION}", line=1)
    for key in ("format", "framing", "provider", "model", "url"):
        if not isinstance(header.get(key), str | None):
            raise RecordingError(f"line 1 has {key} = {header[key]!r}, allowed are strings and null", line=1)
    return header


def reason(error: ValueError) -> str:
    """What is wrong with a line of JSON, and where in it."""
    return f"{error.msg.lower()} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)


def parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except RecursionError:
        raise ValueError("nested too deep") from None
