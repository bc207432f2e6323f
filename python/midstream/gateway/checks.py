"""Checks of your own, which observe streams from beside."""

import asyncio
import contextlib
import inspect
import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from midstream._rust.gateway import Observer

__all__ = ["Check", "CheckCounts", "Checks", "StreamEvent"]

ROOM = 1024
"""Events that wait for one check at most."""
TAKEN = 256
"""Events that are taken from the gateway at once."""
LONGEST_END_S = 2.0
"""After the gateway's end, what has not been seen by then is lost."""

log = logging.getLogger("midstream.gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """A copy of one event of one stream, the same for every provider.

    Parameters
    ----------
    stream : str
        The stream's id.
    sequence : int
        Its number in that stream, from 0 on; a gap is what a check has lost.
    kind : str
        That of `midstream.stream.Event`, such as ``text``; ``finding``; ``summary``, which is the last of every stream.
    channel : str or None
        Where it stands, such as ``choice:0/text``.
    text : str or None
        What it adds to its channel.
    fields : mapping of str to object
        What else its kind holds, the finding, or the summary; that is empty where no upstream answered.
    api : str
        Whose API the client speaks.
    path : str
        What the client asked for.
    model : str or None
        The model that the client named.

    Examples
    --------
    >>> def tell_end(event: StreamEvent) -> None:
    ...     if event.kind == "summary":
    ...         print(event.stream, event.fields["ending"])
    >>> end = {"ending": "complete"}
    >>> tell_end(StreamEvent(stream="7f3a", sequence=9, kind="summary", fields=end, api="openai", path="/v1/responses"))
    7f3a complete
    """

    stream: str
    sequence: int
    kind: str
    channel: str | None = None
    text: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    api: str
    path: str
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCounts:
    """What became of the events of one check.

    Parameters
    ----------
    name : str
        The function's name.
    seen : int
        Events that it was called with.
    lost : int
        Events that it was too slow for.
    failed : int
        Calls that raised.

    Examples
    --------
    >>> CheckCounts(name="tell_end", seen=12, lost=0, failed=0).seen
    12
    """

    name: str
    seen: int
    lost: int
    failed: int


Check: TypeAlias = Callable[[StreamEvent], object]
"""A function, or a coroutine function, of an event; what it returns is not read."""


class Running:
    """One check with the events that wait for it."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.name = str(getattr(check, "__qualname__", type(check).__qualname__))
        call = getattr(check, "__call__", None)  # noqa: B004 an object may have a coroutine for it
        self.is_coroutine = inspect.iscoroutinefunction(check) or inspect.iscoroutinefunction(call)
        self.waiting: deque[StreamEvent] = deque()
        self.seen = self.lost = self.failed = 0

    def add(self, event: StreamEvent) -> None:
        if len(self.waiting) < ROOM:
            self.waiting.append(event)
        else:
            self.lost += 1

    def call(self, event: StreamEvent) -> None:
        self.seen += 1
        try:
            self.check(event)
        except Exception as error:
            self.tell(error)

    async def call_async(self, event: StreamEvent) -> None:
        self.seen += 1
        try:
            returned: Any = self.check(event)
            await returned
        except Exception as error:
            self.tell(error)

    def tell(self, error: Exception) -> None:
        """Count a failure; the first is told."""
        self.failed += 1
        if self.failed == 1:
            log.warning(
                "check %s raised %s; it goes on, and is told once", self.name, type(error).__name__, exc_info=error
            )


class Checks:
    """Feeds checks with what a gateway leaves for them, in threads of their own and in the running loop.

    Parameters
    ----------
    checks : sequence of Check
    observer : Observer
    """

    def __init__(self, checks: Sequence[Check], observer: Observer) -> None:
        self._observer = observer
        self._all = [Running(check) for check in checks]
        self._plain = [one for one in self._all if not one.is_coroutine]
        self._fed = threading.Condition()
        self._ended = False
        self._loop = asyncio.get_running_loop()
        self._woken = [asyncio.Event() for one in self._all if one.is_coroutine]
        coroutines = [one for one in self._all if one.is_coroutine]
        self._tasks = [
            self._loop.create_task(self._follow(one, woken)) for one, woken in zip(coroutines, self._woken, strict=True)
        ]
        self._threads = [threading.Thread(target=self._take, name="midstream-observer", daemon=True)]
        if self._plain:
            self._threads.append(threading.Thread(target=self._work, name="midstream-checks", daemon=True))
        for thread in self._threads:
            thread.start()

    def counts(self) -> tuple[CheckCounts, ...]:
        """What became of the events of each, in the order given."""
        lost = self._observer.lost
        return tuple(
            CheckCounts(name=one.name, seen=one.seen, lost=one.lost + lost, failed=one.failed) for one in self._all
        )

    async def end(self) -> None:
        """See what is left, for a while, once the gateway has stopped."""
        until = self._loop.time() + LONGEST_END_S
        for thread in self._threads:
            await asyncio.to_thread(thread.join, max(0.0, until - self._loop.time()))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=max(0.0, until - self._loop.time()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._all:
            one.lost += len(one.waiting)
            one.waiting.clear()

    def _take(self) -> None:
        """Hand what the gateway leaves to every check."""
        while taken := self._observer.take(TAKEN):
            events = [event_of(json.loads(text)) for text in taken]
            self._feed(events)
        self._ended = True
        self._feed([])

    def _feed(self, events: list[StreamEvent]) -> None:
        with self._fed:
            for one in self._all:
                for event in events:
                    one.add(event)
            self._fed.notify()
        if self._woken:
            with contextlib.suppress(RuntimeError):  # the loop was closed before the gateway
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for woken in self._woken:
            woken.set()

    def _work(self) -> None:
        """Call the plain functions, in turns."""
        while True:
            with self._fed:
                self._fed.wait_for(lambda: self._ended or any(one.waiting for one in self._plain))
                turn = [(one, one.waiting.popleft()) for one in self._plain if one.waiting]
            if not turn:
                return
            for one, event in turn:
                one.call(event)

    async def _follow(self, one: Running, woken: asyncio.Event) -> None:
        """Await one coroutine function's calls, one after the other."""
        while True:
            woken.clear()
            while one.waiting:
                await one.call_async(one.waiting.popleft())
            if self._ended and not one.waiting:
                return
            await woken.wait()


def event_of(told: dict[str, Any]) -> StreamEvent:
    """The event that a line of the gateway tells of."""
    stream = told["stream"]
    shared = {name: stream[name] for name in ("api", "path", "model")}
    event = told.get("event")
    if event is None:
        fields, rest = told["summary"] or {}, {"kind": "summary"}
    elif "finding" in event:
        fields, rest = event["finding"], {"kind": "finding", "channel": event["finding"].get("channel")}
    else:
        rest = {name: event.pop(name) for name in ("kind", "channel", "text") if name in event}
        fields = {name: value for name, value in event.items() if name != "sequence"}
    return StreamEvent(stream=stream["id"], sequence=told["sequence"], fields=fields, **shared, **rest)
