"""The body of an HTTP response with a guard beside it, for httpx2 and httpx."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from functools import cache
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from midstream.errors import StateError
from midstream.stream.alarm import Alarm
from midstream.stream.hold import check_moderate
from midstream.stream.moderation import Moderation
from midstream.stream.reactions import Reactions
from midstream.stream.record import Place
from midstream.stream.recorded import session_with
from midstream.stream.session import Session, guard_of

__all__ = ["guard_response", "is_response", "library_of", "session_of"]

SESSIONS: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()
"""By response, the session that reads its body."""


def library_of(thing: object) -> ModuleType | None:
    """The HTTP library whose class this is, or is derived from."""
    roots = [base.__module__.partition(".")[0] for base in type(thing).__mro__]
    name = next((root for root in roots if root in ("httpx2", "httpx")), "")
    return sys.modules.get(name)


def is_response(thing: object) -> bool:
    """Whether this is a response of httpx2 or httpx."""
    library = library_of(thing)
    return library is not None and isinstance(thing, library.Response)


def session_of(response: object) -> Session | None:
    """The session that reads the body of this response."""
    return SESSIONS.get(response) if is_response(response) else None


def guard_response(
    response: Any,
    guard: object,
    reactions: Reactions,
    *,
    asynchronous: bool,
    started_ns: int | None = None,
    place: Place | None = None,
) -> None:
    """Puts a guard between a response and its body, before the first read.

    A body with a content encoding is decoded here, and its header goes: the guard has to see what the consumer sees.

    Raises
    ------
    StateError
        Where the body was read already, or the guard is in use.
    """
    library = library_of(response)
    assert library is not None, "callers ask is_response first"
    check_moderate(guard, reactions, asynchronous=asynchronous)
    give_back(response)
    if response.is_stream_consumed or response.is_closed:
        raise StateError("the stream was read or closed already; watch it before the first item")
    headers = response.headers
    known = {"content_type": headers.get("content-type"), "http_status": response.status_code, "started_ns": started_ns}
    session = session_with(guard_of(guard, reactions, **known), reactions, place, guard, response=response, **known)
    if started_ns is not None:
        session.started()
    body = guarded_class(library, asynchronous)
    response.stream = body(decoded(response, library, asynchronous), session)
    SESSIONS[response] = session


def give_back(response: Any) -> None:
    """A response that was made with its content, as test transports make them, is read from its stream again."""
    if "_content" in vars(response):
        del response._content
        response.is_stream_consumed = response.is_closed = False
        vars(response).pop("_decoder", None)


def decoded(response: Any, library: ModuleType, asynchronous: bool) -> Any:
    """The body as the consumer is to see it: a second response of the same library undoes the content encoding."""
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.strip().lower() in ("", "identity"):
        return response.stream
    inner = library.Response(response.status_code, headers={"content-encoding": encoding}, stream=response.stream)
    for header in ("content-encoding", "content-length"):
        response.headers.pop(header, None)
    return AsyncDecoded(inner) if asynchronous else Decoded(inner)


@cache
def guarded_class(library: ModuleType, asynchronous: bool) -> type:
    """A guarded body that this library takes for a byte stream of its own."""
    ours, theirs = (AsyncBody, library.AsyncByteStream) if asynchronous else (Body, library.SyncByteStream)
    return type(ours.__name__, (ours, theirs), {"__doc__": ours.__doc__})


class Wrapped:
    """What stands for another object, and has its other attributes: SDKs keep theirs on a body."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:  # those of the wrapped object
        if name == "_inner":
            raise AttributeError(name)
        return getattr(self._inner, name)


class Decoded(Wrapped):
    """A body without its content encoding."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._inner.iter_bytes())

    def close(self) -> None:
        self._inner.close()

    def __getattr__(self, name: str) -> Any:  # those of the encoded body
        return getattr(super().__getattr__("stream"), name)


class AsyncDecoded(Wrapped):
    """A body without its content encoding."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[bytes] = aiter(self._inner.aiter_bytes())
        return chunks

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __getattr__(self, name: str) -> Any:  # those of the encoded body
        return getattr(super().__getattr__("stream"), name)


class Body(Wrapped):
    """A body with a guard beside it."""

    def __init__(self, inner: Any, session: Session) -> None:
        super().__init__(inner)
        self._session = session
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        session = self._session
        if session.is_over():
            self._release()
            session.finish("clean")
            session.end()
            return
        session.wait()
        try:
            for chunk in self._inner:
                passed = session.feed(chunk)
                if session.over:
                    self._release()
                    if passed:
                        yield passed
                    break
                if passed:
                    yield passed
                session.wait()
        except GeneratorExit:
            raise
        except BaseException as error:
            session.broke(error)
            raise
        if session.over:
            self._release()
        session.finish("clean")
        if rest := session.take_rest():
            yield rest
        session.end()

    def close(self) -> None:
        self._release()
        self._session.leave()

    def _release(self) -> None:
        """Closes the upstream, once."""
        if self._open:
            self._open = False
            try:
                self._inner.close()
            except Exception as error:
                if not self._session.over:
                    raise
                self._session.close_failed(error)


class AsyncBody(Wrapped):
    """A body with a guard beside it, for asyncio and whatever else the library runs on."""

    def __init__(self, inner: Any, session: Session) -> None:
        super().__init__(inner)
        self._session = session
        self._open = True
        self._moderation: Moderation | None = None
        self._iterators = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        session = self._session
        if session.is_over():
            await self._release()
            session.finish("clean")
            session.end()
            return
        if session.holds:
            async for passed in self._moderated():
                yield passed
            return
        alarm = Alarm(session)
        chunks = aiter(self._inner)
        alarm.arm()
        try:
            async for chunk in chunks:
                passed = session.feed(chunk)
                if session.over:
                    await self._release()
                    if passed:
                        yield passed
                    break
                if passed:
                    yield passed
                alarm.arm()
        except GeneratorExit:
            raise
        except BaseException as error:
            if not alarm.rang_for(error) and not (session.over and isinstance(error, Exception)):
                session.broke(error)
                raise
        finally:
            alarm.cancel()
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        if session.over:
            await self._release()
        session.finish("clean")
        if rest := session.take_rest():
            yield rest
        session.end()

    async def _moderated(self) -> AsyncGenerator[bytes]:
        """What passes of held text. SDKs read a body on from a second iterator, and what was read ahead is only here."""
        session = self._session
        if self._moderation is None:
            self._moderation = Moderation(session, aiter(self._inner).__anext__, session.feed)
        moderation = self._moderation
        self._iterators += 1
        this = self._iterators
        try:
            async for passed in moderation:
                if session.over:
                    await self._release()
                yield passed
        finally:
            if this == self._iterators:
                await moderation.aclose()
        if session.over:
            await self._release()
        session.finish("clean")
        if rest := session.take_rest():
            yield rest
        session.end()

    async def aclose(self) -> None:
        await self._release()
        self._session.leave()

    async def _release(self) -> None:
        """Closes the upstream, once."""
        if self._open:
            self._open = False
            # Nothing may read from a connection that is closed.
            if self._moderation is not None:
                await self._moderation.aclose()
            try:
                await self._inner.aclose()
            except Exception as error:
                if not self._session.over:
                    raise
                self._session.close_failed(error)
