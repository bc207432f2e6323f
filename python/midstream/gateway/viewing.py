"""What is kept of streams, who may look on, and one who does in this process."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from midstream._rust.gateway import View
from midstream.gateway.schema import allowed

__all__ = ["Store", "Viewer", "ViewerEvent", "Viewers"]

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What is kept of streams: in memory, and in a folder if there is one. A gateway that runs keeps what it began with.

    Parameters
    ----------
    folder : str, optional
        Where events are logged, for one gateway. Default: nothing outlives the process.
    fsync : {"always", "batch", "never"}
        When an event of the log is acknowledged: ``always`` once the disk has it, before anything else is written;
        ``batch`` once the disk has it, together with what else came in 50 ms; ``never`` once the system has it, so that it
        outlives the process but no loss of power.
    keep_s : float
        Seconds that an ended stream is remembered in memory, 0 to 86400.
    max_bytes : int
        Bytes of the log beyond which its oldest files go, at least 65536.
    max_age_s : float
        Seconds after which files of the log go, 1 to 31536000.
    max_unwritten_bytes : int
        Bytes of events that may wait for the log, of all streams together, beyond the MiB that each keeps anyway, at
        least 0. A stream that finds no room goes on without its log.

    Examples
    --------
    >>> Store(folder="streams", fsync="always").keep_s
    600.0
    """

    folder: str | None = None
    fsync: Literal["always", "batch", "never"] = "batch"
    keep_s: float = field(default=600.0, metadata=allowed(minimum=0, maximum=DAY_S))
    max_bytes: int = field(default=1 << 30, metadata=allowed(minimum=1 << 16))
    max_age_s: float = field(default=86_400.0, metadata=allowed(minimum=1, maximum=365 * DAY_S))
    max_unwritten_bytes: int = field(default=256 << 20, metadata=allowed(minimum=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewers:
    """Who may look on, and how many. A gateway that runs keeps what it began with.

    Parameters
    ----------
    per_stream : int
        Viewers of one stream at once, at least 0.
    in_all : int
        Viewers of all streams at once, at least 0.
    token_s : float
        Seconds that a viewer's token is good for, 1 to 86400.
    secret_env : str, optional
        The environment variable with the secret of the tokens, 16 bytes or more, for several gateways. Default: a token
        ends with the process that gave it.
    secret_file : str, optional
        The file that holds the secret instead, and nothing else but a newline.

    Examples
    --------
    >>> Viewers(per_stream=10).in_all
    10000
    """

    per_stream: int = field(default=1000, metadata=allowed(minimum=0))
    in_all: int = field(default=10_000, metadata=allowed(minimum=0))
    token_s: float = field(default=3600.0, metadata=allowed(minimum=1, maximum=DAY_S))
    secret_env: str | None = None
    secret_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerEvent:
    """What a viewer is told.

    Parameters
    ----------
    sequence : int, optional
        The event's number in its stream, from 0; go on behind it with ``after``. None for what is no event of the stream.
    kind : str
        ``text``, ``tool_start``, ``finding``, ``note`` and others; ``raw`` for what passed to the client; and what is no
        event of the stream: ``midstream.lagged`` (events that are not kept any more), ``midstream.snapshot`` (the text so
        far of each channel), ``midstream.durable`` (events up to that number outlive the process),
        ``midstream.not_resumable`` and, last, ``midstream.end``.
    channel : str, optional
        Whose text it is.
    text : str, optional
        What the model wrote, or what passed.
    fields : mapping
        Everything else of it.

    Examples
    --------
    >>> ViewerEvent(sequence=3, kind="text", channel="choice:0/text", text="Hello").text
    'Hello'
    """

    sequence: int | None
    kind: str
    channel: str | None = None
    text: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


class Viewer(AsyncIterator[ViewerEvent]):
    """One who looks on at a stream: `Gateway.viewer` gives it. It ends behind the stream's end, or where it is closed.

    Whoever does not take what comes falls behind and is told so; no stream ever waits. Use it with ``async with`` where
    you may leave before the end.

    Examples
    --------
    >>> async def kinds(viewer: Viewer) -> list[str]:
    ...     async with viewer:
    ...         return [event.kind async for event in viewer]
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._loop = asyncio.get_running_loop()
        self._taken: asyncio.Queue[list[str]] = asyncio.Queue()
        self._wanted = threading.Semaphore(1)
        self._waiting: list[str] = []
        self._is_over = False
        threading.Thread(target=self._take, name="midstream-viewer", daemon=True).start()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ViewerEvent:
        if not self._waiting and not self._is_over:
            self._waiting = (await self._taken.get())[::-1]
            self._is_over = not self._waiting
            self._wanted.release()
        if not self._waiting:
            raise StopAsyncIteration
        return event_of(json.loads(self._waiting.pop()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Look on no more."""
        self._is_over = True
        self._waiting.clear()
        self._view.close()
        self._wanted.release()

    def _take(self) -> None:
        """Hand over what comes, the next when the last was taken."""
        taken = [""]
        while taken and self._wanted.acquire() and not self._is_over:
            taken = self._view.take()
            try:
                self._loop.call_soon_threadsafe(self._taken.put_nowait, taken)
            except RuntimeError:  # the loop was closed
                return


def event_of(told: dict[str, Any]) -> ViewerEvent:
    """What one message says."""
    if "event" in told:
        return ViewerEvent(sequence=None, kind=told["event"], fields=told["data"])
    sequence = told.pop("sequence")
    if "raw" in told:
        return ViewerEvent(sequence=sequence, kind="raw", text=told["raw"])
    if "finding" in told:
        finding = told["finding"]
        return ViewerEvent(sequence=sequence, kind="finding", channel=finding.get("channel"), fields=finding)
    channel, text = told.pop("channel", None), told.pop("text", None)
    return ViewerEvent(sequence=sequence, kind=told.pop("kind"), channel=channel, text=text, fields=told)
