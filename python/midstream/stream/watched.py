"""Iterators of text, bytes or events with a guard beside them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from midstream._rust.stream import Arrived, Summary
from midstream.errors import InputError, StateError
from midstream.stream.alarm import Alarm
from midstream.stream.moderation import Moderation
from midstream.stream.session import Session
from midstream.stream.upstream import upstream

__all__ = ["AsyncWatched", "EitherWatched", "Watched"]

T = TypeVar("T")


class Guarded:
    """What the watched iterators share: a source, its session, and what is known of it."""

    def __init__(self, source: Any, session: Session) -> None:
        self._source = source
        self._session = session
        self._manager: Any = None
        self._open = True

    @property
    def text(self) -> str:
        """The answer's text so far."""
        return self._session.text

    @property
    def summary(self) -> Summary:
        """The stream after its end.

        Raises
        ------
        StateError
            While it runs.
        """
        return summary_of(self._session)


class Watched(Guarded, Iterator[T], Generic[T]):
    """An iterator whose items pass a guard; `watch` makes it.

    Items pass unchanged, each before the next is read; where text is redacted or held a piece passes once
    that is decided. When the guard stops the stream its source is closed; the item that fired is delivered, and the
    next step raises `GuardStopped`, or ends.
    """

    def __init__(self, source: Any, session: Session) -> None:
        super().__init__(source, session)
        self._items: Iterator[T] | None = None
        self._following: Callable[[], T | Arrived] = self._first

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        session = self._session
        while not session.over:
            try:
                came = self._following()
            except StopIteration:
                session.finish("clean")
                if rest := session.take_rest():
                    return rest  # type: ignore[no-any-return]
                session.end()
                raise
            except BaseException as error:
                session.broke(error)
                raise
            if type(came) is not Arrived:
                return came
            passed = self._settled(came)
            if passed is came.item or passed:
                return passed
        self._release()
        if rest := session.take_rest():
            return rest  # type: ignore[no-any-return]
        session.end()
        raise StopIteration

    def _first(self) -> Arrived:
        self._session.wait()
        self._items = iter(self._source)
        return Arrived(next(self._items))

    def _settled(self, came: Arrived) -> T:
        """What passes of an item with which more is to be done."""
        try:
            passed: T = self._session.settle(came)
        except (InputError, TypeError):
            self.close()
            raise
        if self._session.over:
            self._release()
        elif self._items is not None:
            self._following = self._session.following(self._items)
        return passed

    def close(self) -> None:
        """Closes the source; the stream counts as left by its consumer, unless it had ended."""
        self._release()
        self._session.leave()

    def __enter__(self) -> Self:
        self._manager = self._source if hasattr(type(self._source), "__enter__") else None
        if self._manager is not None:
            self._source = self._manager.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._manager is not None:
            self._manager.__exit__(kind, error, trace)
        self.close()

    def _release(self) -> None:
        if not self._open:
            return
        self._open = False
        try:
            if self._items is not self._source:
                close(self._items)
            close(self._source)
        except Exception as error:
            if not self._session.over:
                raise
            self._session.close_failed(error)


class AsyncWatched(Guarded, AsyncIterator[T], Generic[T]):
    """An async iterator whose items pass a guard; `watch` makes it.

    As `Watched`; a stall is found while waiting, and where it is to stop the stream the waiting step raises.
    """

    def __init__(self, source: Any, session: Session) -> None:
        super().__init__(source, session)
        self._coming: AsyncIterator[T] | None = None
        self._to_come: Callable[[], Awaitable[T]] = self._first_to_come
        self._take: Callable[[T], T | Arrived | None] = Arrived
        self._alarm: Alarm | None = None
        self._moderation: Moderation | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        session = self._session
        while not session.over:
            alarm = self._alarm
            if alarm is None:
                if session.holds:
                    return await self._moderated()
                alarm = self._alarm = Alarm(session)
            alarm.arm()
            try:
                item = await self._to_come()
            except StopAsyncIteration:
                return await self._end()
            except BaseException as error:
                if alarm.rang_for(error) or (session.is_over() and isinstance(error, Exception)):
                    return await self._end()
                session.broke(error)
                raise
            came = self._take(item)
            if type(came) is Arrived:
                passed = await self._asettled(came)
                if passed is item or passed:
                    return passed
            elif came is not None:
                return came
        return await self._end()

    async def _asettled(self, came: Arrived) -> T:
        """What passes of an item with which more is to be done."""
        try:
            passed: T = self._session.settle(came)
        except (InputError, TypeError):
            await self.aclose()
            raise
        if self._session.over:
            await self._arelease()
        else:
            self._take = self._session.taking()
        return passed

    async def _moderated(self) -> T:
        session = self._session
        if self._moderation is None:
            self._moderation = Moderation(session, lambda: self._to_come(), session.push)
        try:
            passed: T = await anext(self._moderation)
        except StopAsyncIteration:
            return await self._end()
        except (InputError, TypeError):
            await self.aclose()
            raise
        if session.over:
            await self._arelease()
        return passed

    def _first_to_come(self) -> Awaitable[T]:
        self._coming = aiter(self._source)
        self._to_come = self._coming.__anext__
        return self._to_come()

    async def aclose(self) -> None:
        """Closes the source; the stream counts as left by its consumer, unless it had ended."""
        await self._arelease()
        self._session.leave()

    async def __aenter__(self) -> Self:
        self._manager = self._source if hasattr(type(self._source), "__aenter__") else None
        if self._manager is not None:
            self._source = await self._manager.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._manager is not None:
            await self._manager.__aexit__(kind, error, trace)
        await self.aclose()

    async def _end(self) -> T:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._session.over:
            await self._arelease()
        self._session.finish("clean")
        if rest := self._session.take_rest():
            return rest  # type: ignore[no-any-return]
        self._session.end()
        raise StopAsyncIteration

    async def _arelease(self) -> None:
        if not self._open:
            return
        self._open = False
        if self._alarm is not None:
            self._alarm.cancel()
        if self._moderation is not None:
            await self._moderation.aclose()
        try:
            if self._coming is not self._source:
                await aclose(self._coming)
            await aclose(self._source)
        except Exception as error:
            if not self._session.over:
                raise
            self._session.close_failed(error)


class EitherWatched(Watched[T], AsyncWatched[T]):
    """A watched iterator of a source that can be iterated both ways; go one of them."""


def summary_of(session: Session) -> Summary:
    """The summary of a session that is over."""
    if session.summary is None:
        raise StateError("the stream has not ended, so there is no summary yet: read it to its end, or close it")
    return session.summary


def close(source: Any) -> None:
    """Closes what can be closed."""
    left_open = upstream(source)
    if callable(method := getattr(source, "close", None)):
        method()
    for beneath in left_open:
        close(beneath)


async def aclose(source: Any) -> None:
    """Closes what can be closed: async iterators of SDKs call it either way."""
    left_open = upstream(source)
    method = getattr(source, "aclose", None) or getattr(source, "close", None)
    closing: Any = method() if callable(method) else None
    if hasattr(closing, "__await__"):
        await closing
    for beneath in left_open:
        await aclose(beneath)
