"""Reads an async stream on while the caller's check looks at what came."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Self

from midstream._rust.stream import Held, now_ns
from midstream.stream.alarm import running_loop
from midstream.stream.hold import is_async
from midstream.stream.session import Session

if TYPE_CHECKING:
    from asyncio import Future

__all__ = ["Moderation"]

AT_A_TIME = 8
"""Checks that run at a time."""
READ_AHEAD = 1 << 18
"""Bytes that wait before no more are read."""


class Moderation(AsyncIterator[Any]):
    """What passes of a stream whose text is held.

    It ends with the source once every check is done, and with a stop. Checks of several texts run at a time; what they let
    pass does so in order. Without asyncio they run one by one, and nothing is read meanwhile.

    Parameters
    ----------
    session : Session
    following : callable
        Gives the next item of the source, to be awaited.
    read : callable
        Reads an item and gives what of it passes.
    """

    def __init__(self, session: Session, following: Callable[[], Awaitable[Any]], read: Callable[[Any], Any]) -> None:
        session.inline = False
        self._session = session
        self._following = following
        self._read = read
        self._asyncio: Any = sys.modules["asyncio"] if running_loop() is not None else None
        self._coming: Future[Any] | None = None
        self._checks: dict[Future[Any], Held] = {}
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        while not self._session.over:
            passed = await (self._step() if self._asyncio is not None else self._step_alone())
            if passed is not None:
                return passed
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Ends what is under way."""
        under_way = [*self._checks, *([self._coming] if self._coming is not None else [])]
        self._checks, self._coming = {}, None
        for one in under_way:
            one.cancel()
        if under_way:
            await self._asyncio.gather(*under_way, return_exceptions=True)

    async def _step(self) -> Any:
        """Waits for the source or a check, and gives what passes then."""
        session = self._session
        while session.asked and len(self._checks) < AT_A_TIME:
            held = session.asked.popleft()
            self._checks[self._asyncio.ensure_future(self._verdict(held))] = held
        if self._ended and not (self._checks and session.held_bytes):
            await self.aclose()  # checks that took too long, where their text passed without them
            raise StopAsyncIteration
        if self._coming is None and not self._ended and session.held_bytes < READ_AHEAD:
            session.wait()
            self._coming = self._asyncio.ensure_future(self._following())
        awaited = [*self._checks, *([self._coming] if self._coming is not None else [])]
        due_ns = session.tick_at_ns
        timeout = None if due_ns is None else max(0, due_ns - now_ns()) / 1e9
        try:
            done, _ = await self._asyncio.wait(awaited, timeout=timeout, return_when="FIRST_COMPLETED")
        except BaseException as error:
            session.broke(error)
            raise
        judged = session.nothing() if done else session.tick()
        for check in [check for check in self._checks if check in done]:
            judged += session.judge(self._checks.pop(check), check)
        came = self._came() if self._coming in done and not session.over else None
        return judged + came if judged and came else judged or came

    def _came(self) -> Any:
        """What passes of the item that came, if anything does."""
        assert self._coming is not None, "the caller asks first"
        coming, self._coming = self._coming, None
        try:
            item = coming.result()
        except StopAsyncIteration:
            self._ended = True
            return self._session.ask_rest() or None
        except BaseException as error:
            self._session.broke(error)
            raise
        return self._passed(item)

    def _passed(self, item: Any) -> Any:
        passed = self._read(item)
        return passed if passed is item or passed else None

    async def _verdict(self, held: Held) -> Any:
        """What the check says; one that is not async runs in a thread, so that the loop does not wait for it."""
        moderate = self._session.moderate
        if is_async(moderate) or self._asyncio is None:
            verdict = moderate(held)
        else:
            verdict = await self._asyncio.to_thread(moderate, held)
        return await verdict if isawaitable(verdict) else verdict

    async def _step_alone(self) -> Any:
        session = self._session
        if session.asked:
            held = session.asked.popleft()
            return session.judge(held, await outcome(self._verdict(held))) or None
        if self._ended:
            raise StopAsyncIteration
        session.wait()
        try:
            item = await self._following()
        except StopAsyncIteration:
            self._ended = True
            return session.ask_rest() or None
        except BaseException as error:
            session.broke(error)
            raise
        return self._passed(item)


class Outcome:
    """What a check gave, or raised, as a future has it."""

    def __init__(self, verdict: Any = None, error: Exception | None = None) -> None:
        self._verdict = verdict
        self._error = error

    def result(self) -> Any:
        """The verdict."""
        if self._error is not None:
            raise self._error
        return self._verdict


async def outcome(checking: Awaitable[Any]) -> Outcome:
    """The outcome of a check."""
    try:
        return Outcome(await checking)
    except Exception as error:
        return Outcome(error=error)
