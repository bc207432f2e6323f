"""Reads recordings chunk by chunk."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from midstream._rust.stream import Guard
from midstream.errors import InputError, RecordingError
from midstream.stream.arrivals import BLOCK, Chunk, Times, chunks_of, is_time, times_beside, times_within
from midstream.stream.compressed import bare_name
from midstream.stream.files import buffered
from midstream.stream.lines import VERSION
from midstream.stream.masked import without_secrets_of_url

__all__ = ["CLOSES", "RecordingReader", "is_cassette", "is_trace", "parsed", "reason"]

EARLIEST_NS = -(1 << 63)
LONGEST_LINE = 64 << 20
"""Bytes of one line of our own format."""
IN_YAML = re.compile(rb"(\s|#[^\n]*\n|---\s)*(version|recorded_with|(http_)?interactions):")
OWN = re.compile(rb'\s*\{\s*"midstream_recording"\s*:')
IN_JSON = re.compile(rb'\s*\{\s*"(version|recorded_with|(http_)?interactions)"\s*:')
YAML = (".yaml", ".yml")
IN_TRACE = re.compile(rb'\s*\{\s*("schema_version"\s*:\s*"ATIF-|"trace_id"\s*:)')
ATIF = re.compile(rb'\s*\{.*"schema_version"\s*:\s*"ATIF-', re.DOTALL)
CLOSES = ("clean", "abrupt", "client_left", "stopped", "gave_up")


class RecordingReader:
    """Reads a recording chunk by chunk in bounded memory; iterate over it once.

    Parameters
    ----------
    file : binary file
        Needs `read` only, so a pipe will do. One that zstd compressed is told from its first bytes.
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
    end, end_ns, usage, findings, left_out
        As `Recording` has them, known after the last chunk.
    """

    def __init__(self, file: BinaryIO, *, path: Path | None = None) -> None:
        self.file = buffered(file)
        self.path = path
        head = self.file.peek(BLOCK)
        self.header = own_header(head)
        self.times: Times | None = None
        if not self.header:
            self.times = (times_beside(path.with_name(bare_name(path.name))) if path else None) or times_within(head)
        self.from_request = self.times is not None and self.times.listed_ns is not None
        if self.header:
            self.from_request = self.header.get("from_request") is not False
        self.framing = self.header.get("framing") or "auto"
        self.dialect = self.header.get("format") or "auto"
        self.timed = False
        self.end: str | None = None if self.header else "clean"
        self.end_ns: int | None = None
        self.usage: Mapping[str, Any] | None = None
        self.findings: Sequence[Mapping[str, Any]] = ()
        self.left_out: str | None = None

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self.own_chunks() if self.header else chunks_of(self.file, self.times):
            self.timed = self.timed or chunk.t_ns is not None
            yield chunk

    def own_chunks(self) -> Iterator[Chunk]:
        """The chunks of MidStream's own format."""
        self.file.readline()
        number, timed, last_ns = 1, 1, EARLIEST_NS
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
            at_ns = self.end_ns if chunk is None else chunk.t_ns
            if at_ns is not None:
                if at_ns < last_ns:
                    told = f"less than the {last_ns} of line {timed}: time does not go back"
                    raise RecordingError(f"line {number} has t = {at_ns}, {told}", line=number)
                timed, last_ns = number, at_ns
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
            usage, findings, left_out = line.get("usage"), line.get("findings", []), line.get("left_out")
            if not isinstance(usage, dict | None) or not isinstance(left_out, str | None):
                raise wrong("has a usage that is no object, or a left_out that is no string")
            if not isinstance(findings, list) or not all(isinstance(finding, dict) for finding in findings):
                raise wrong("has findings that are no list of objects")
            self.end, self.end_ns, self.usage = line["end"], at, usage
            self.findings, self.left_out = findings, left_out
            return None
        direction = line.get("d", "in")
        if direction not in ("in", "out"):
            raise wrong(f'has d = {direction!r}, allowed are "in" and "out"')
        match line:
            case {"s": _, "b": _}:
                raise wrong('has both "s" and "b"')
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


def is_cassette(head: bytes, name: str = "") -> bool:
    """Whether a file of this name that begins like this is a cassette of VCR, perhaps a damaged one."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    if IN_JSON.match(head):
        return b'interactions"' in head
    if bare_name(name).lower().endswith(YAML):
        return True
    return IN_YAML.match(head) is not None and b"interactions:" in head


def is_trace(head: bytes) -> bool:
    """Whether a file that begins like this holds runs of agents."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    return IN_TRACE.match(head) is not None or ATIF.match(head) is not None


def own_header(head: bytes) -> dict[str, Any]:
    """The first line of MidStream's own format; empty for any other file."""
    line = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    if b'"midstream_recording"' not in line:
        return {}
    try:
        header = parsed(line)
    except ValueError as error:
        if not OWN.match(line):
            return {}
        raise RecordingError(f"line 1 is not JSON: {reason(error)}", line=1) from error
    if not isinstance(header, dict) or "midstream_recording" not in header:
        return {}
    if header["midstream_recording"] != VERSION:
        version = header["midstream_recording"]
        raise RecordingError(f"line 1 names version {version!r} of the format, this program reads {VERSION}", line=1)
    for key in ("format", "framing", "provider", "model", "url"):
        if not isinstance(header.get(key), str | None):
            raise RecordingError(f"line 1 has {key} = {header[key]!r}, allowed are strings and null", line=1)
    if not isinstance(header.get("request"), dict | None):
        raise RecordingError(f"line 1 has request = {header['request']!r:.40}, allowed are objects and null", line=1)
    try:
        Guard(dialect=header.get("format") or "auto", framing=header.get("framing") or "auto")
        without_secrets_of_url(header.get("url") or "")
    except InputError as error:
        raise RecordingError(f"line 1: {error}", line=1) from error
    return header


def reason(error: ValueError) -> str:
    """What is wrong with a line of JSON, and where in it."""
    return f"{error.msg.lower()} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)


def parsed(line: bytes) -> Any:
    """What a line of JSON says.

    Raises
    ------
    ValueError
        For what is no JSON, or is nested too deep.
    """
    try:
        return json.loads(line)
    except RecursionError:
        raise ValueError("nested too deep") from None
