"""Responses in cassettes of VCR, in Python or Ruby."""

import base64
import binascii
import importlib
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

from midstream.errors import MissingExtra, RecordingError
from midstream.stream.compressed import MAGIC as ZSTD
from midstream.stream.compressed import whole
from midstream.stream.transport import ARRAY_PATH, STREAMED

__all__ = ["Interaction", "interactions_in"]

MOST = 256 << 20
"""Bytes of a cassette, and of one body when it is unfolded."""
GZIP = b"\x1f\x8b"


class Interaction(NamedTuple):
    """One response with what was asked."""

    line: int
    """Where it begins."""
    url: str | None
    status: int | None
    content_type: str
    body: bytes
    request: Mapping[str, Any] | None
    """What was sent, where that is JSON."""

    @property
    def host(self) -> str | None:
        """Who was asked."""
        return urlsplit(self.url or "").hostname

    @property
    def is_stream(self) -> bool:
        """Whether it says that it is a stream, or was asked for as one."""
        asked = (self.request or {}).get("stream") is True or urlsplit(self.url or "").path.endswith(ARRAY_PATH)
        is_answer = self.status is None or self.status < 400
        return self.content_type.partition(";")[0].strip().lower() in STREAMED or (asked and is_answer)


def interactions_in(file: BinaryIO) -> list[Interaction]:
    """What a cassette holds, in its order.

    Raises
    ------
    RecordingError
        For what is damaged; ``.line`` is that of the interaction, where it is not that of the file's error.
    MissingExtra
        For YAML where no package reads it.
    """
    data = file.read(MOST + 1)
    if len(data) > MOST:
        raise RecordingError(f"line 1 begins a cassette of more than {MOST >> 20} MiB", line=1)
    held, lines = from_json(data) if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else from_yaml(data)
    if held is None:
        raise RecordingError("line 1 begins no cassette: it has no interactions", line=1)
    if not isinstance(held, list):
        raise RecordingError("line 1 begins a cassette whose interactions are no list", line=1)
    return [interaction(one, lines[at] if at < len(lines) else 1) for at, one in enumerate(held)]


def from_json(data: bytes) -> tuple[Any, list[int]]:
    try:
        cassette = json.loads(data)
    except json.JSONDecodeError as error:
        said = f"line {error.lineno} is not JSON: {error.msg.lower()} at column {error.colno}"
        raise RecordingError(said, line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"line 1 begins JSON that cannot be read: {error}", line=1) from error
    return listed(cassette), []


def from_yaml(data: bytes) -> tuple[Any, list[int]]:
    """The interactions, and the line at which each begins. Only plain values are made: a safe loader."""
    yaml = reader_of_yaml()
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(data)
        try:
            node = loader.get_single_node()
            cassette = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        said = str(getattr(error, "problem", None) or error).splitlines()[0].lower()
        raise RecordingError(f"line {line} is not YAML of plain values: {said}", line=line) from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"line 1 begins YAML that cannot be read: {error}", line=1) from error
    lines = [one.start_mark.line + 1 for one in nodes_in(node)]
    return listed(cassette), lines


def nodes_in(node: Any) -> Iterator[Any]:
    for key, value in node.value if isinstance(getattr(node, "value", None), list) else []:
        if key.value in ("interactions", "http_interactions") and isinstance(value.value, list):
            yield from value.value


def listed(cassette: Any) -> Any:
    if not isinstance(cassette, dict):
        return None
    return cassette.get("interactions", cassette.get("http_interactions"))


def reader_of_yaml() -> Any:
    """PyYAML.

    Raises
    ------
    MissingExtra
        Where it is not installed.
    """
    try:
        return importlib.import_module("yaml")
    except ImportError as error:
        raise MissingExtra("a cassette is YAML: pip install 'midstream[vcr]'", extra="vcr", name="yaml") from error


def interaction(held: Any, line: int) -> Interaction:
    """One interaction of any of VCR's layouts."""

    def wrong(what: str) -> RecordingError:
        return RecordingError(f"line {line} begins an interaction {what}", line=line)

    if not isinstance(held, dict) or not isinstance(response := held.get("response"), dict):
        raise wrong("without a response")
    request = held.get("request")
    request = request if isinstance(request, dict) else {}
    status = response.get("status", response.get("status_code"))
    status = status.get("code") if isinstance(status, dict) else status
    headers = headers_of(response.get("headers"))
    try:
        body = bytes_of(response["body"] if "body" in response else response.get("content"))
        body = decoded(body, headers.get("content-encoding", ""))
        asked = bytes_of(request.get("body"))
    except (ValueError, zlib.error, EOFError) as error:
        raise wrong(f"whose body cannot be read: {error}") from error
    url = request.get("uri")
    try:
        urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        url = None
    return Interaction(
        line=line,
        url=url if isinstance(url, str) else None,
        status=status if isinstance(status, int) else None,
        content_type=headers.get("content-type", ""),
        body=body,
        request=object_of(asked),
    )


def headers_of(headers: Any) -> dict[str, str]:
    """Headers by their names in lower case; of several values the first."""
    if not isinstance(headers, dict):
        return {}
    firsts = {name: value[0] if isinstance(value, list) and value else value for name, value in headers.items()}
    return {str(name).lower(): value for name, value in firsts.items() if isinstance(value, str)}


def bytes_of(body: Any) -> bytes:
    """The bytes of a body: text, bytes, base64, or one of those below its name."""
    if isinstance(body, dict):
        if isinstance(text := body.get("base64_string"), str | bytes):
            try:
                return base64.b64decode(text)
            except binascii.Error as error:
                raise ValueError(f"no base64: {error}") from error
        body = body.get("string")
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode(errors="replace")
    if not isinstance(body, bytes):
        raise ValueError(f"{type(body).__name__}, allowed are text and bytes")
    return body


def decoded(body: bytes, encoding: str) -> bytes:
    """The body without its content encodings; one that was undone before it was recorded stays."""
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        if name in ("gzip", "x-gzip") and body.startswith(GZIP):
            body = inflated(body, zlib.MAX_WBITS | 16)
        elif name == "deflate" and body[:1] == b"\x78":
            body = inflated(body, zlib.MAX_WBITS)
        elif name == "zstd" and body.startswith(ZSTD):
            body = whole(body, MOST)
        elif name == "br":
            body = unbrotlied(body)
    return body


def inflated(body: bytes, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    out = unpacker.decompress(body, MOST)
    if unpacker.unconsumed_tail:
        raise ValueError(f"it unfolds to more than {MOST >> 20} MiB")
    if not unpacker.eof:
        raise EOFError("it was cut")
    return out


def unbrotlied(body: bytes) -> bytes:
    """Brotli's bytes unfolded; text that was unfolded before stays."""
    for name in ("brotli", "brotlicffi"):
        try:
            library: Any = importlib.import_module(name)
        except ImportError:
            continue
        try:
            out: bytes = library.decompress(body)
        except library.error:
            return body
        return out
    try:
        body.decode()
    except UnicodeDecodeError:
        raise ValueError("it is packed by brotli: pip install brotli") from None
    return body


def object_of(body: bytes) -> Mapping[str, Any] | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
