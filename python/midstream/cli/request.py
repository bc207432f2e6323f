"""One streamed response over HTTP."""

import json
import os
from collections.abc import AsyncGenerator
from ipaddress import ip_address
from typing import Any, Self

import httpx2

from midstream.cli.endpoints import Asked
from midstream.cli.exits import INPUT, USAGE, Failure
from midstream.cli.live import NO_ANSWER
from midstream.cli.terminal import complain
from midstream.stream import Summary
from midstream.stream.masked import without_secrets_of_url

__all__ = ["Response"]

CONNECT_S = 10.0
REASON_SHOWN = 300
MESSAGE_READ = 1 << 16
HEAD = 4096
"""Bytes kept of a body, to tell what it is where it is no answer."""

STREAM = (b":", b"data:", b"event:", b"id:", b"retry:")
"""How server-sent events begin."""


class Response:
    """The answer to a request, while it streams.

    Parameters
    ----------
    client : httpx2.AsyncClient
    response : httpx2.Response
    name : str
    """

    def __init__(self, client: httpx2.AsyncClient, response: httpx2.Response, name: str) -> None:
        self.client = client
        self.response = response
        self.name = name
        self.content_type: str | None = response.headers.get("content-type")
        self.stopped = False
        self.failed = False
        self.head = b""

    @classmethod
    async def started(cls, asked: Asked) -> Self:
        """Send the request and read the head of its answer.

        Raises
        ------
        Failure
            Where there is no server, it refuses, or it answers with anything but a stream.
        """
        name = without_secrets_of_url(asked.url)
        client = made(asked.url)
        try:
            request = client.build_request("POST", asked.url, headers=asked.headers, json=asked.body)
            response = await client.send(request, stream=True)
            await refuse_errors(response, asked, name)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            await client.aclose()
            raise Failure(f"no URL: {name}: {error}", USAGE) from error
        except httpx2.DecodingError as error:
            await client.aclose()
            raise Failure(f"the body is not compressed as its header says: {reason(error)}: {name}", INPUT) from error
        except httpx2.TransportError as error:
            await client.aclose()
            raise Failure(f"cannot reach {name}: {reason(error)}; check --base-url and the server", INPUT) from error
        except BaseException:
            await client.aclose()
            raise
        return cls(client, response, name)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. A connection that breaks ends it, and says so."""
        try:
            async for chunk in self.response.aiter_bytes():
                if chunk:
                    self.head += chunk[: HEAD - len(self.head)]
                    yield chunk
        except httpx2.TransportError as error:
            self.failed = True
            complain(f"the connection broke: {reason(error)}: {self.name}")
        except httpx2.DecodingError as error:
            self.failed = True
            complain(f"the body is not compressed as its header says: {reason(error)}: {self.name}")

    async def stop(self) -> None:
        """Close the connection, so that the server stops."""
        if not self.stopped:
            self.stopped = True
            await self.response.aclose()
            await self.client.aclose()

    async def close(self) -> str:
        """How the body ended."""
        return "abrupt" if self.failed else "clean"

    def fault(self, summary: Summary, error: str | None) -> str | None:
        """What the provider said went wrong, or what came in place of an answer."""
        if error is not None and summary.ending == "failed":
            return f"the provider reported an error{shown(error)}: {self.name}"
        if summary.looks_like is not None:
            return (
                f"the server answered in {summary.looks_like} and not in {summary.dialect}: {self.name}; "
                f"name --dialect {summary.looks_like}"
            )
        is_none = summary.ending in ("failed", "truncated") or "unknown_format" in summary.ending_notes
        if not is_none or summary.finish_reasons or answered(summary):
            return None
        head = self.head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if not head:
            return f"the server answered with nothing: {self.name}; check --base-url, --dialect and --model"
        if head[:1] == b"<":
            return f"the server answered with HTML instead of an answer: {self.name}; check the path of --base-url"
        if head[:1] in b"{[":
            said = message(head)
            return f"the server answered with JSON instead of an answer{said}: {self.name}; check --base-url, --dialect"
        if not head.startswith(STREAM):
            said = shown(head.decode(errors="replace"))
            return f"the server answered with text instead of an answer{said}: {self.name}; check --base-url"
        return f"the stream ended before anything of an answer came: {self.name}"


def made(url: str) -> httpx2.AsyncClient:
    """A client with the proxies and certificates that the environment names."""
    try:
        here = is_loopback(httpx2.URL(url).host)
    except httpx2.InvalidURL as error:
        raise Failure(f"--base-url is no URL: {reason(error)}", USAGE) from error
    try:
        return httpx2.AsyncClient(timeout=httpx2.Timeout(None, connect=CONNECT_S), trust_env=not here)
    except ImportError as error:
        raise Failure("the environment names a SOCKS proxy, and the package socksio is missing", USAGE) from error
    except OSError as error:
        raise Failure(f"cannot read certificates: {reason(error)}; check SSL_CERT_FILE, SSL_CERT_DIR", USAGE) from error
    except ValueError as error:
        raise Failure(f"the environment names a proxy that is none: {reason(error)}", USAGE) from error


async def refuse_errors(response: httpx2.Response, asked: Asked, name: str) -> None:
    status = f"{response.status_code} {response.reason_phrase}".rstrip()
    if response.status_code == 200:
        if response.headers.get("content-type", "").startswith("text/html"):
            raise Failure(f"the server answered with HTML instead of a stream: {name}; check the path of --base-url")
        return
    said = message(await beginning(response))
    if response.has_redirect_location:
        place = without_secrets_of_url(response.headers["location"])
        raise Failure(f"the server answered {status} and names {place}: {name}; name that place as --base-url")
    match response.status_code:
        case 401 | 403 if asked.key_name:
            todo = f"check {asked.key_name}" if asked.key else f"set {asked.key_name}"
            raise Failure(f"the server refused the key with {status}{said}: {name}; {todo}")
        case 404 | 405:
            raise Failure(f"the server answered {status}{said}: {name}; check --base-url, --dialect and --model")
        case 429:
            raise Failure(f"the server answered {status}{said}: {name}; wait, or name another key")
        case _:
            raise Failure(f"the server answered {status}{said}: {name}")


async def beginning(response: httpx2.Response) -> bytes:
    """As much of the body as a message may need."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MESSAGE_READ:
            break
    return body


def message(body: bytes) -> str:
    """What the provider says about an error, in one line."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for key in ("error", "message"):
        told = told.get(key, told) if isinstance(told, dict) else told
    return shown(told) if isinstance(told, str) else ""


def shown(said: str) -> str:
    """Somebody else's words, in one line."""
    return f" ({' '.join(said.split())[:REASON_SHOWN]})" if said.strip() else ""


def answered(summary: Summary) -> bool:
    """Whether anything of an answer came; plain text is none."""
    return bool(summary.tool_calls) or any(channel.id != NO_ANSWER for channel in summary.channels)


def reason(error: BaseException) -> str:
    """What happened, in the words of the system where it was the cause."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return (os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)).lower()
        group = getattr(cause, "exceptions", None)
        cause = group[0] if group else cause.__cause__ or cause.__context__
    return " ".join(str(error).split()).lower() or type(error).__name__


def is_loopback(host: str) -> bool:
    """Whether a proxy of the environment is of no use."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
