"""A gateway inside this process."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from midstream._rust.gateway import Server
from midstream.errors import InputError, StateError
from midstream.gateway.checks import Check, CheckCounts, Checks
from midstream.gateway.config import GatewayConfig, load_to_serve
from midstream.gateway.edge import Certificate
from midstream.gateway.log import LogTo, Writing, format_of
from midstream.gateway.viewing import Viewer

__all__ = ["Gateway"]

ROOM = 8192
"""Events that wait for all checks at most, where Python is busy."""


class Gateway:
    """A proxy that runs while its ``async with`` block does, in threads of its own.

    Parameters
    ----------
    config : GatewayConfig or path of a configuration, optional
        Default: no upstream.
    threads : int, >= 1, optional
        Default: one a processor.
    checks : sequence of functions or coroutine functions
        Each is called with a copy of every event, as `StreamEvent`, and can only observe: coroutine functions in the loop
        that entered the block, the others in one thread. A stream never waits for them. What one is too slow for is lost
        to it and counted, an exception too, which is logged once.
    log : {"logging", "stderr"}, optional
        Who gets a line for what happens: the logger ``midstream.gateway``, one record an event with its fields as
        attributes, or standard error. A stream never waits for them. Default: nobody.

    Raises
    ------
    InputError
        For a value that is not allowed, or one that names a variable or a file which is not there; of a path with ``file``,
        ``line``, ``column`` and ``key``.
    NetworkError
        If its address cannot be listened on.

    Examples
    --------
    >>> async def streams() -> int:
    ...     async with Gateway(GatewayConfig(listen="127.0.0.1:0")) as gateway:
    ...         return len(gateway.streams())
    >>> asyncio.run(streams())
    0
    """

    def __init__(
        self,
        config: GatewayConfig | str | os.PathLike[str] | None = None,
        *,
        threads: int | None = None,
        checks: Sequence[Check] = (),
        log: LogTo | None = None,
    ) -> None:
        for check in checks:
            if not callable(check):
                raise TypeError(f"a check is {type(check).__name__}, allowed: a function or a coroutine function")
        self._config = read(config)
        self._threads = threads if threads is not None else os.cpu_count() or 1
        if self._threads < 1:
            raise InputError(f"threads is {threads}, allowed is a number from 1 on")
        if log not in (None, "logging", "stderr"):
            raise InputError(f"log is {log!r}, allowed is logging, stderr or None")
        self._checks = tuple(checks)
        self._log: LogTo | None = log
        self._writing: Writing | None = None
        self._observed: Checks | None = None
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        if self._server is not None:
            raise StateError("the gateway was started already; make another one")
        log_format = self._log and format_of(self._config.log, self._log)
        self._server = await asyncio.to_thread(Server, json.dumps(self._config.to_dict()), self._threads, log_format)
        if self._log and (lines := self._server.log_lines()):
            self._writing = Writing(lines, self._log)
        if self._checks:
            self._observed = Checks(self._checks, self._server.observe(ROOM))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._running.stop)
        if self._observed is not None:
            await self._observed.end()
        if self._writing is not None:
            await asyncio.to_thread(self._writing.end)

    def haste(self) -> None:
        """Do not wait for running streams where the block is left, or any longer where it is being left.

        Their clients see their answers break off.

        Examples
        --------
        >>> async def leave() -> None:
        ...     async with Gateway(GatewayConfig(listen="127.0.0.1:0", drain_s=60)) as gateway:
        ...         gateway.haste()
        >>> asyncio.run(leave())
        """
        self._running.haste()

    @property
    def url(self) -> str:
        """Where it listens: ``http://HOST:PORT``, or ``https://`` where it has a certificate."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{self._running.address}"

    @property
    def certificate(self) -> Certificate | None:
        """What clients may pin: the certificate and its SHA-256; none where HTTP is plain."""
        shown = self._running.certificate()
        return None if shown is None else Certificate(pem=shown[0], sha256=shown[1])

    async def reload(self, config: GatewayConfig | str | os.PathLike[str] | Callable[[], GatewayConfig]) -> None:
        """Put another configuration in the place of the one that it runs by, wholly or not at all.

        Requests that run keep the one they began with. Files of certificates are read again, and so are the keys of
        upstreams. Streams, metrics and a certificate that was made stay.

        Parameters
        ----------
        config : GatewayConfig, path of a configuration, or a function that reads one
            It listens where the gateway does.

        Raises
        ------
        InputError
            For a value that is not allowed, and another one of what is read once at the start: the address, the format
            of the log, store, telemetry, usage and viewers. Nothing has changed then.

        Examples
        --------
        >>> async def refused() -> str:
        ...     config = GatewayConfig(listen="127.0.0.1:0")
        ...     async with Gateway(config) as gateway:
        ...         await gateway.reload(GatewayConfig(listen="127.0.0.1:0", max_body=1 << 20))
        ...         try:
        ...             await gateway.reload(GatewayConfig(listen="127.0.0.1:1"))
        ...         except InputError as error:
        ...             return str(error).partition(",")[0]
        ...     return "taken"
        >>> asyncio.run(refused())
        'listen is 127.0.0.1:1'
        """
        running = self._running
        try:
            read_again = await asyncio.to_thread(lambda: read(config() if callable(config) else config))
        except InputError as error:
            await asyncio.to_thread(running.refused, str(error))
            raise
        await asyncio.to_thread(running.reload, json.dumps(read_again.to_dict()))
        self._config = read_again

    @property
    def checks(self) -> tuple[CheckCounts, ...]:
        """What became of the events of each check, in the order given."""
        return () if self._observed is None else self._observed.counts()

    @property
    def lost_log_lines(self) -> int:
        """Lines that found no room, because whoever writes them was too slow."""
        return 0 if self._writing is None else self._writing.lost

    def streams(self) -> list[dict[str, Any]]:
        """Streams that run or ended a while ago, oldest first: id, model, upstream, state, findings, summary.

        Examples
        --------
        >>> async def running() -> list[str]:
        ...     async with Gateway(GatewayConfig(listen="127.0.0.1:0")) as gateway:
        ...         return [stream["id"] for stream in gateway.streams() if stream["state"] == "running"]
        >>> asyncio.run(running())
        []
        """
        streams: list[dict[str, Any]] = json.loads(self._running.streams_json())
        return streams

    def stream(self, id: str) -> dict[str, Any]:
        """One of `streams`.

        Parameters
        ----------
        id : str
            The stream's id: the header ``x-midstream-stream-id`` of its answer.

        Raises
        ------
        InputError
            Where no stream has that id.

        Examples
        --------
        >>> async def look(id: str) -> dict[str, Any]:
        ...     async with Gateway(GatewayConfig(listen="127.0.0.1:0")) as gateway:
        ...         return gateway.stream(id)
        >>> asyncio.run(look("7f3a"))
        Traceback (most recent call last):
        midstream.errors.InputError: no stream has the id '7f3a'; ...
        """
        shown = self._running.stream_json(id)
        if shown is None:
            raise unknown(id)
        stream: dict[str, Any] = json.loads(shown)
        return stream

    def usage(self) -> list[dict[str, Any]]:
        """What was used since the start by each key, model and upstream.

        One mapping each: ``tenant``, ``key``, ``model``, ``upstream``, ``requests``, ``input`` and ``output`` tokens,
        ``input_estimated`` and ``output_estimated`` (those of them that no provider counted), ``bytes``, and ``cost`` at
        the prices of the budget. What no record knows is None.

        Examples
        --------
        >>> async def cost() -> float:
        ...     async with Gateway(GatewayConfig(listen="127.0.0.1:0")) as gateway:
        ...         return sum(row["cost"] or 0.0 for row in gateway.usage())
        >>> asyncio.run(cost())
        0
        """
        usage: list[dict[str, Any]] = json.loads(self._running.usage_json())["usage"]
        return usage

    def cancel(self, id: str) -> None:
        """Close the upstream of a stream; its client sees the answer break off.

        Parameters
        ----------
        id : str
            The stream's id; one that is over stays as it is.

        Raises
        ------
        InputError
            Where no stream has that id.

        Examples
        --------
        >>> async def cancel_all() -> None:
        ...     async with Gateway(GatewayConfig(listen="127.0.0.1:0")) as gateway:
        ...         for stream in gateway.streams():
        ...             gateway.cancel(stream["id"])
        >>> asyncio.run(cancel_all())
        """
        if not self._running.cancel(id):
            raise unknown(id)

    async def viewer(self, id: str, *, after: int | None = None, mode: Literal["norm", "raw"] = "norm") -> Viewer:
        """Look on at a stream; no socket stands between.

        Parameters
        ----------
        id : str
            The stream's id.
        after : int, >= 0, optional
            The number of the last event that is known already. Default: from the stream's begin.
        mode : {"norm", "raw"}
            Events that are the same for every provider, or what passed to the client.

        Returns
        -------
        Viewer
            Iterate it with ``async for``; its last event is ``midstream.end``.

        Raises
        ------
        InputError
            Where no stream has that id, it has no such event yet, or there are as many viewers as may be.

        Examples
        --------
        >>> async def texts(gateway: Gateway, id: str) -> list[str]:
        ...     async with await gateway.viewer(id) as viewer:
        ...         return [event.text async for event in viewer if event.kind == "text"]
        >>> async def look() -> list[str]:
        ...     async with Gateway(GatewayConfig(listen="127.0.0.1:0")) as gateway:
        ...         return await texts(gateway, "7f3a")
        >>> asyncio.run(look())
        Traceback (most recent call last):
        midstream.errors.InputError: no stream has the id "7f3a"; ended ones are kept for a while only
        """
        if after is not None and not 0 <= after < 1 << 64:
            raise InputError(f"after is {after}, allowed is the number of an event, from 0 on")
        if mode not in ("norm", "raw"):
            raise InputError(f"mode is {mode!r}, allowed is norm or raw")
        return Viewer(await asyncio.to_thread(self._running.view, id, after, mode == "raw"))

    def annotate(self, id: str, note: object) -> None:
        """Add a note to a stream: an event for its viewers, and a part of what `stream` gives.

        Parameters
        ----------
        id : str
            The stream's id.
        note : object
            What JSON can hold, at most 4096 bytes of it.

        Raises
        ------
        InputError
            Where no stream of this process has that id, the note is too long or no JSON, or there are 64 of them.

        Examples
        --------
        >>> async def mark(id: str) -> None:
        ...     async with Gateway(GatewayConfig(listen="127.0.0.1:0")) as gateway:
        ...         gateway.annotate(id, {"seen_by": "alice"})
        >>> asyncio.run(mark("7f3a"))
        Traceback (most recent call last):
        midstream.errors.InputError: no stream has the id '7f3a'; ...
        """
        try:
            text = json.dumps(note, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"note is nothing that JSON can hold: {error}") from error
        if not self._running.annotate(id, text):
            raise unknown(id)

    @property
    def _running(self) -> Server:
        if self._server is None:
            raise StateError("the gateway does not run; enter it with `async with`")
        return self._server


def read(config: object) -> GatewayConfig:
    """The configuration that was given, or that a file holds."""
    if config is None:
        return GatewayConfig()
    if isinstance(config, str | os.PathLike):
        return load_to_serve(config)
    if not isinstance(config, GatewayConfig):
        allowed = "GatewayConfig, path of a configuration or None"
        raise TypeError(f"config is {type(config).__name__}, allowed: {allowed}")
    return config


def unknown(id: str) -> InputError:
    return InputError(f"no stream has the id {id!r}; ended ones are kept for a while only")
