"""One line around a stream: the guard beside it."""

import os
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from inspect import iscoroutine
from typing import Any, BinaryIO, Literal, Protocol, TypeVar, overload

from midstream._rust.stream import Finding, Guard, Summary
from midstream.errors import StateError
from midstream.stream.body import guard_response, is_response, session_of
from midstream.stream.entered import AsyncEntered, Entered
from midstream.stream.hold import Moderate, check_moderate
from midstream.stream.reactions import Reactions
from midstream.stream.record import Record
from midstream.stream.recorded import place_for, session_with
from midstream.stream.session import check_guard, guard_of
from midstream.stream.settings import SettingsOrFile
from midstream.stream.upstream import as_given, is_of_litellm
from midstream.stream.watched import AsyncWatched, EitherWatched, Guarded, Watched, summary_of

__all__ = ["summary", "watch"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

ACCEPTED = (
    "a stream of the openai or anthropic SDK, or an iterator, sync or async, of str, bytes, dicts or pydantic models"
)


class HasResponse(Protocol):
    """A stream of an SDK that shows the HTTP response it reads."""

    @property
    def response(self) -> "HttpResponse": ...


class HttpResponse(Protocol):
    """A response of httpx2 or httpx."""

    @property
    def status_code(self) -> int: ...
    @property
    def is_stream_consumed(self) -> bool: ...


class BothWays(Protocol[T_co]):
    """An iterator that is an async iterator as well."""

    def __next__(self) -> T_co: ...
    async def __anext__(self) -> T_co: ...


S = TypeVar("S", bound=HasResponse)
OnFinding = Callable[[Finding], object]
OnStop = Literal["raise", "end", "error", "finish"]
OnTruncated = Literal["raise", "flag"]
Recorded = str | os.PathLike[str] | BinaryIO | Record


@overload
def watch(
    stream: S,
    guard: SettingsOrFile | Guard | None = None,
    *,
    on_finding: OnFinding | None = None,
    on_stop: OnStop = "raise",
    on_truncated: OnTruncated = "raise",
    record: Recorded | None = None,
    moderate: Moderate | None = None,
) -> S: ...
@overload
def watch(
    stream: AbstractContextManager[S],
    guard: SettingsOrFile | Guard | None = None,
    *,
    on_finding: OnFinding | None = None,
    on_stop: OnStop = "raise",
    on_truncated: OnTruncated = "raise",
    record: Recorded | None = None,
    moderate: Moderate | None = None,
) -> Entered[S]: ...
@overload
def watch(
    stream: AbstractAsyncContextManager[S],
    guard: SettingsOrFile | Guard | None = None,
    *,
    on_finding: OnFinding | None = None,
    on_stop: OnStop = "raise",
    on_truncated: OnTruncated = "raise",
    record: Recorded | None = None,
    moderate: Moderate | None = None,
) -> AsyncEntered[S]: ...
@overload
def watch(
    stream: BothWays[T],
    guard: SettingsOrFile | Guard | None = None,
    *,
    on_finding: OnFinding | None = None,
    on_stop: OnStop = "raise",
    on_truncated: OnTruncated = "raise",
    record: Recorded | None = None,
    moderate: Moderate | None = None,
) -> EitherWatched[T]: ...
@overload
def watch(
    stream: AsyncIterable[T],
    guard: SettingsOrFile | Guard | None = None,
    *,
    on_finding: OnFinding | None = None,
    on_stop: OnStop = "raise",
    on_truncated: OnTruncated = "raise",
    record: Recorded | None = None,
    moderate: Moderate | None = None,
) -> AsyncWatched[T]: ...
@overload
def watch(
    stream: Iterator[T],
    guard: SettingsOrFile | Guard | None = None,
    *,
    on_finding: OnFinding | None = None,
    on_stop: OnStop = "raise",
    on_truncated: OnTruncated = "raise",
    record: Recorded | None = None,
    moderate: Moderate | None = None,
) -> Watched[T]: ...
def watch(
    stream: Any,
    guard: SettingsOrFile | Guard | None = None,
    *,
    on_finding: OnFinding | None = None,
    on_stop: OnStop = "raise",
    on_truncated: OnTruncated = "raise",
    record: Recorded | None = None,
    moderate: Moderate | None = None,
) -> Any:
    """Put a guard around a stream that you have.

    Parameters
    ----------
    stream : SDK stream or iterator
        A stream of the openai or anthropic SDK that has a ``response``, before its first item: the same object comes
        back, with its type, its methods and its exceptions. Anthropic's ``.stream()`` may be handed in before it is
        entered. Or an iterator, sync or async, of str, bytes, dicts or pydantic models: a `Watched` or `AsyncWatched`
        comes back, and an `EitherWatched` of what goes both ways. Streams of ollama, google-genai, LangChain and LiteLLM
        are such iterators. For openai's ``.stream()`` helpers use `wrap`.
    guard : Settings, path of a guard file, or Guard, optional
        What to look for; the default settings where left out. Settings serve any number of streams, a Guard one.
    on_finding : callable, optional
        Called with every finding when it is made, those that are only observed included. What it raises reaches the
        reader after the item that was found, and the stream is closed.
    on_stop : {"raise", "end", "error", "finish"}
        What follows the item at which the guard stopped the stream: `GuardStopped`, or the end. ``error`` and ``finish``
        write the end into the bytes that your SDK reads: as the format's own error, which the SDK raises as its own, or
        as an answer that reached its length (``length``, ``max_tokens``). Iterators of other items than bytes have
        none. Where none can be written, and where the reasoning alone was ended, `GuardStopped` is raised.
    on_truncated : {"raise", "flag"}
        What follows where the stream closes before its semantic end: `StreamTruncated`, or only the summary's word.
    record : path, binary file or Record, optional
        Where the stream is recorded as it arrives, with its times, and without secrets: those of the built-in rules and
        of the settings' own are replaced. `Record` tells of folders, templates and request bodies.
    moderate : callable, optional
        The check that text waits for where the settings have a `Hold`: it takes a `Held`, and gives True or None to let it
        pass, False or a reason to stop the stream. Around an async stream it may be async, and the stream is read on
        meanwhile; one that is not async then runs in a thread. What it raises stops the stream and reaches the reader.

    Returns
    -------
    the same object, Watched or AsyncWatched

    Raises
    ------
    TypeError
        For what is no stream, a coroutine that was not awaited among it.
    StateError
        If the stream was read already, or the Guard watches another.
    InputError
        For a word that is not allowed, or a place where nothing can be recorded; with the first item where its text would have to be redacted and it is neither
        text nor bytes: dicts and models are not changed.

    Notes
    -----
    When the guard stops a stream, its connection is closed before the item that fired is delivered. A stall is found
    while waiting by asyncio, and with the next item otherwise. Time that you take between items is no stall. A body
    with a content encoding is decoded for the guard, and loses that header. A recording is written by a
    thread of its own; one that cannot be written any more ends with a `RuntimeWarning`, and the stream goes on.

    Examples
    --------
    >>> for piece in watch(iter(["All ", "is well."])):
    ...     print(piece, end="|")
    All |is well.|
    """
    reactions = Reactions(on_finding=on_finding, on_stop=on_stop, on_truncated=on_truncated, moderate=moderate)
    guard = check_guard(guard)
    place = place_for(record, guard, many=False)
    if iscoroutine(stream):
        raise TypeError("stream is a coroutine: await it, then watch what it gives")
    response = getattr(stream, "response", None)
    if is_response(response):
        guard_response(response, guard, reactions, asynchronous=has(stream, "__aiter__"), place=place)
        return stream
    if is_helper(stream):
        raise TypeError("stream is a helper of openai, which shows no response: watch the client, with midstream.wrap")
    if (entered := entered_class(stream)) is not None:
        check_moderate(guard, reactions, asynchronous=entered is AsyncEntered)
        told: Any = {"on_finding": on_finding, "on_stop": on_stop, "on_truncated": on_truncated}
        told |= {"record": record, "moderate": moderate}
        return entered(stream, lambda given: watch(given, guard, **told))
    watched = watched_class(stream)
    check_moderate(guard, reactions, asynchronous={Watched: False, AsyncWatched: True}.get(watched))
    session = session_with(guard_of(guard, reactions), reactions, place, guard)
    if is_of_litellm(stream):
        session.read_as(as_given(stream))
    return watched(stream, session)


def entered_class(stream: object) -> type[Any] | None:
    """What stands for a context manager that is no iterator itself."""
    if has(stream, "__iter__") or has(stream, "__aiter__"):
        return None
    if has(stream, "__aenter__"):
        return AsyncEntered
    return Entered if has(stream, "__enter__") else None


def has(thing: object, method: str) -> bool:
    """Whether the class of this thing has the method; one that is set to None is there to say no."""
    return getattr(type(thing), method, None) is not None


def watched_class(stream: object) -> type[Any]:
    """What stands for an iterator, by the ways in which it can be iterated."""
    if isinstance(stream, (str, bytes, bytearray, memoryview, dict)):
        raise TypeError(f"stream is {type(stream).__name__}, which is no stream: use midstream.check for finished text")
    ways = (has(stream, "__iter__"), has(stream, "__aiter__"))
    if ways == (True, True):
        return EitherWatched
    if not any(ways):
        raise TypeError(f"stream is {type(stream).__name__}, allowed: {ACCEPTED}")
    return Watched if ways[0] else AsyncWatched


def is_helper(stream: object) -> bool:
    """Whether this is what openai's ``.stream()`` methods give: their events hold the text twice."""
    return type(stream).__module__.startswith("openai.lib.streaming")


def summary(stream: object) -> Summary:
    """Sum up a watched stream after its end.

    Parameters
    ----------
    stream : SDK stream, Watched, AsyncWatched or HTTP response
        What `watch` gave, or a stream of a client that `wrap` or a `Transport` guards.

    Returns
    -------
    Summary

    Raises
    ------
    StateError
        While the stream runs, or where no guard watches it.

    Examples
    --------
    >>> pieces = watch(iter(["All ", "is well."]))
    >>> "".join(pieces)
    'All is well.'
    >>> summary(pieces).ending
    'complete'
    """
    if isinstance(stream, Guarded):
        return stream.summary
    # openai's helpers keep the response to themselves.
    for response in (stream, getattr(stream, "response", None), getattr(stream, "_response", None)):
        session = session_of(response)
        if session is not None:
            return summary_of(session)
    raise StateError(f"no guard watches this {type(stream).__name__}")
