"""Transports that guard every stream of an HTTP client."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from midstream._rust.stream import now_ns
from midstream.stream.body import guard_response, library_of
from midstream.stream.hold import Moderate, check_moderate
from midstream.stream.reactions import Reactions
from midstream.stream.recorded import place_for
from midstream.stream.session import settings_of
from midstream.stream.settings import SettingsOrFile
from midstream.stream.watch import OnFinding, OnStop, OnTruncated, Recorded

if TYPE_CHECKING:
    from httpx2 import AsyncBaseTransport, BaseTransport, Request, Response
else:
    AsyncBaseTransport = BaseTransport = object

__all__ = ["AsyncTransport", "Transport"]

STREAMED = (
    "application/json-lines",
    "application/json-seq",
    "application/jsonl",
    "application/jsonlines",
    "application/ndjson",
    "application/stream+json",
    "application/vnd.amazon.eventstream",
    "application/x-json-stream",
    "application/x-jsonlines",
    "application/x-ndjson",
    "text/event-stream",
)
"""Content types of streams."""
ARRAY_PATH = ":streamGenerateContent"
"""Gemini answers requests of such a path with a JSON array, element by element, unless asked for events."""


ASKS = re.compile(rb'"stream"\s*:\s*true')
"""In a request's JSON; inside a string the quotes have backslashes."""


def is_stream(response: Any, request: Any) -> bool:
    """Whether the response says that it is a stream, or was asked for as one: not every server says so."""
    header: str = response.headers.get("content-type", "")
    if header.partition(";")[0].strip().lower() in STREAMED:
        return True
    return response.status_code < 400 and asks_for_stream(request)


def asks_for_stream(request: Any) -> bool:
    """Whether a request wants its answer in pieces."""
    path: str = request.url.path
    if path.endswith(ARRAY_PATH):
        return True
    try:
        return ASKS.search(request.content) is not None
    except RuntimeError:
        return False  # an upload that streams: it is gone, and was no request of an SDK for text


class Guarding:
    """What both transports share."""

    def __new__(cls, inner: Any, *_: object, **__: object) -> Self:
        library = library_of(inner)
        if library is None:
            raise TypeError(f"inner is {type(inner).__name__}, allowed: a transport of httpx2 or httpx")
        ours: Any = cls
        made: Self = object.__new__(transport_class(ours, library))
        return made

    def __init__(
        self,
        inner: Any,
        guard: SettingsOrFile | None = None,
        *,
        on_finding: OnFinding | None = None,
        on_stop: OnStop = "raise",
        on_truncated: OnTruncated = "raise",
        record: Recorded | None = None,
        moderate: Moderate | None = None,
    ) -> None:
        self._inner = inner
        self._guard = settings_of(guard)
        self._reactions = Reactions(
            on_finding=on_finding, on_stop=on_stop, on_truncated=on_truncated, moderate=moderate
        )
        check_moderate(self._guard, self._reactions, asynchronous=isinstance(self, AsyncTransport))
        self._place = place_for(record, self._guard, many=True)

    def _watch(self, response: Any, request: Any, started_ns: int, *, asynchronous: bool) -> None:
        if is_stream(response, request):
            response.request = request  # as the client does next: a recording tells whom was asked
            known: Any = {"asynchronous": asynchronous, "started_ns": started_ns, "place": self._place}
            guard_response(response, self._guard, self._reactions, **known)


class Transport(Guarding, BaseTransport):
    """A transport of httpx2 or httpx that puts a guard beside every streamed response.

    A response is streamed if its content type says so (server-sent events, JSON lines, an AWS event stream), or if its
    request asked for a stream: by ``"stream": true`` or Gemini's ``streamGenerateContent``. Others, such as answers in one
    piece, pass as they are, unread. Findings, stops and truncated streams are told as by `watch`; `summary` takes the
    response or the SDK's stream.

    Parameters
    ----------
    inner : transport
        What does the work, ``httpx2.HTTPTransport()`` for example; its library's client takes this transport.
    guard : Settings or path of a guard file, optional
    on_finding, on_stop, on_truncated, moderate
        As for `watch`.
    record : path or Record, optional
        A folder, or a template with ``{number}``, for a recording of every stream; else as for `watch`. A file that
        cannot be opened is told by a `RuntimeWarning`.

    Raises
    ------
    TypeError
        If `inner` is no transport of httpx2 or httpx.
    StateError
        For a Guard, which serves one stream.

    Examples
    --------
    >>> import httpx2
    >>> client = httpx2.Client(transport=Transport(httpx2.HTTPTransport()))
    """

    def handle_request(self, request: "Request") -> "Response":
        """Sends a request; the time to the first byte counts from here."""
        started_ns = now_ns()
        response: Response = self._inner.handle_request(request)
        self._watch(response, request, started_ns, asynchronous=False)
        return response

    def close(self) -> None:
        """Closes the inner transport."""
        self._inner.close()


class AsyncTransport(Guarding, AsyncBaseTransport):
    """The async twin of `Transport`.

    Parameters
    ----------
    inner : transport
        What does the work, ``httpx2.AsyncHTTPTransport()`` for example.
    guard : Settings or path of a guard file, optional
    on_finding, on_stop, on_truncated, moderate
        As for `watch`.
    record : path or Record, optional
        A folder, or a template with ``{number}``, for a recording of every stream; else as for `watch`. A file that
        cannot be opened is told by a `RuntimeWarning`.
    """

    async def handle_async_request(self, request: "Request") -> "Response":
        """Sends a request; the time to the first byte counts from here."""
        started_ns = now_ns()
        response: Response = await self._inner.handle_async_request(request)
        self._watch(response, request, started_ns, asynchronous=True)
        return response

    async def aclose(self) -> None:
        """Closes the inner transport."""
        await self._inner.aclose()


@cache
def transport_class(ours: Any, library: Any) -> Any:
    """The transport that this library takes for one of its own."""
    theirs = library.BaseTransport if issubclass(ours, Transport) else library.AsyncBaseTransport
    return type(ours.__name__, (ours, theirs), {"__doc__": ours.__doc__, "__module__": ours.__module__})
