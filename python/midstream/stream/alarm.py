"""Tells a waiting coroutine that its stream went quiet."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from midstream._rust.stream import now_ns
from midstream.stream.session import Session

if TYPE_CHECKING:
    import asyncio

__all__ = ["Alarm"]


SETTLED = 2
"""Waits that a timer is set for anew."""


class Alarm:
    """A timer of the event loop that ticks a session while its reader waits.

    Where the decision is a stop, the waiting task is cancelled, and `rang_for` takes the cancellation back. There is
    one timer at most, and an item only moves it where it has to ring earlier. Without asyncio nothing rings.
    """

    __slots__ = (
        "_cancelling",
        "_current_task",
        "_due_ns",
        "_loop",
        "_rang",
        "_session",
        "_set_for",
        "_task",
        "_timer",
        "arm",
    )

    def __init__(self, session: Session) -> None:
        self._session = session
        self._loop = running_loop()
        self._current_task: Any = None
        if self._loop is not None and session.ends_while_waiting:
            self._current_task = sys.modules["asyncio"].current_task
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._due_ns = 0
        self._cancelling = 0
        # From the first item on a deadline only moves away, so that the timer of the second wait rings early enough.
        self._set_for = 0 if self._loop is not None else SETTLED
        self._rang = False
        self.arm: Callable[[], None] = self._arm
        """The reader is about to wait. When the wait is over the timer stays, and rings to no one."""

    def _arm(self) -> None:
        self._session.wait()
        if self._current_task is not None:
            self._task = self._current_task()
        elif self._set_for >= SETTLED:
            self.arm = self._session.wait
        if self._set_for < SETTLED:
            due_ns = self._session.tick_at_ns
            if due_ns is not None:
                self._set_for += 1
                if self._timer is None or due_ns < self._due_ns:
                    self._set(due_ns)

    def cancel(self) -> None:
        """There will be no more waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._rang and self._task is not None:
            self._task.uncancel()

    def rang_for(self, error: BaseException) -> bool:
        """Whether this is the cancellation that the alarm asked for; it is taken back then."""
        if not self._rang or self._task is None or type(error).__name__ != "CancelledError":
            return False
        self._rang = False
        return self._task.uncancel() <= self._cancelling

    def _set(self, due_ns: int) -> None:
        assert self._loop is not None, "without a loop nothing is set"
        if self._timer is not None:
            self._timer.cancel()
        self._due_ns = due_ns
        self._timer = self._loop.call_later(max(0, due_ns - now_ns()) / 1e9, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._set_for = 1
        self.arm = self._arm
        if self._session.is_over() or not self._session.waiting:
            return
        self._session.tick()
        due_ns = self._session.tick_at_ns
        if self._session.over and self._task is not None:
            self._rang = True
            self._cancelling = self._task.cancelling()
            self._task.cancel()
        elif due_ns is not None:
            self._set(due_ns)


def running_loop() -> "asyncio.AbstractEventLoop | None":
    """The event loop of asyncio that runs this code."""
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio.get_running_loop() if asyncio is not None else None
    except RuntimeError:
        return None
