"""Context managers that give a stream when they are entered."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

__all__ = ["AsyncEntered", "Entered"]

S = TypeVar("S")


class Entered(Generic[S]):
    """A context manager whose stream is watched when it is entered; `watch` makes it."""

    def __init__(self, manager: Any, watch: Callable[[S], S]) -> None:
        self._manager = manager
        self._watch = watch

    def __enter__(self) -> S:
        return self._watch(self._manager.__enter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        suppressed: bool | None = self._manager.__exit__(kind, error, trace)
        return suppressed


class AsyncEntered(Generic[S]):
    """An async context manager whose stream is watched when it is entered; `watch` makes it."""

    def __init__(self, manager: Any, watch: Callable[[S], S]) -> None:
        self._manager = manager
        self._watch = watch

    async def __aenter__(self) -> S:
        return self._watch(await self._manager.__aenter__())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        suppressed: bool | None = await self._manager.__aexit__(kind, error, trace)
        return suppressed
