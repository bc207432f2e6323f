"""Watched iterators whose clock a test turns."""

from collections.abc import Callable, Iterator
from typing import Any

from midstream.stream import Finding, Guard, Watched
from midstream.stream.reactions import Reactions
from midstream.stream.session import Session


class Clocked:
    """A guard that reads its time where it is told to."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._guard: Any = Guard()
        self._clock = clock

    def __getattr__(self, name: str) -> Any:  # those that take no time
        return getattr(self._guard, name)

    def _read(self, item: object) -> Any:
        return self._guard._read(item, self._clock())

    def _next(self, items: Iterator[Any]) -> Any:
        return self._guard._next(items, self._clock)

    def _wait(self) -> None:
        self._guard._wait(self._clock())

    def tick(self, _: int) -> Any:
        return self._guard.tick(self._clock())

    def finish(self, how: str, _: int) -> Any:
        return self._guard.finish(how, self._clock())


def watched(
    items: Iterator[str], clock: Callable[[], int], on_finding: Callable[[Finding], object] | None = None
) -> Watched[str]:
    """As `midstream.watch`, by that clock."""
    guard: Any = Clocked(clock)
    return Watched(items, Session(guard, Reactions(on_finding=on_finding)))
