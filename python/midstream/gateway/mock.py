r"""A provider for tests: a real socket server on loopback that plays a script and sees when its client hangs up.

::

    from midstream.gateway.mock import MockProvider, Stall

    with MockProvider([b'data: {"choices": []}\n\n', Stall()]) as provider:
        ...  # a client, or a gateway, at provider.url
        assert provider.last().hung_up_s is not None
"""

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self, TypeAlias

from midstream.errors import StateError

__all__ = [
    "Connection",
    "Cut",
    "Forever",
    "MockProvider",
    "Pause",
    "Reply",
    "Reset",
    "Silence",
    "Stall",
    "Step",
]


@dataclass(frozen=True)
class Pause:
    r"""Nothing is sent for a while.

    Parameters
    ----------
    seconds : float, >= 0

    Examples
    --------
    >>> script = [b"data: 1\n\n", Pause(0.5), b"data: 2\n\n"]
    """

    seconds: float


@dataclass(frozen=True)
class Forever:
    r"""The same chunks over and over, until the client hangs up.

    Parameters
    ----------
    chunks : tuple of bytes
    every_s : float, >= 0
        Seconds between two chunks.

    Examples
    --------
    >>> Forever((b"data: 1\n\n",)).every_s
    0.002
    """

    chunks: tuple[bytes, ...]
    every_s: float = 0.002


class Stall:
    r"""Nothing is sent any more, and the connection stays open.

    Examples
    --------
    >>> script = [b"data: 1\n\n", Stall()]
    """


class Cut:
    r"""The connection is closed before the body's end.

    Examples
    --------
    >>> script = [b"data: 1\n\n", Cut()]
    """


class Reset:
    r"""The connection is reset before the body's end.

    Examples
    --------
    >>> script = [b"data: 1\n\n", Reset()]
    """


Step: TypeAlias = bytes | Pause | Forever | Stall | Cut | Reset
"""A chunk of a body, or what happens in its place."""


@dataclass(frozen=True)
class Reply:
    """A response with a head of its own.

    Parameters
    ----------
    script : iterable of Step
        At its end the body is closed cleanly.
    content_type : str
    status : int
    headers : tuple of str
        Whole lines, such as ``retry-after: 7``.

    Examples
    --------
    >>> Reply([b"{}"], content_type="application/json", status=429, headers=("retry-after: 7",)).status
    429
    """

    script: Iterable[Step]
    content_type: str = "text/event-stream"
    status: int = 200
    headers: tuple[str, ...] = ()

    def head(self) -> bytes:
        """The response's head as it is sent."""
        lines = [
            f"HTTP/1.1 {self.status} Status",
            f"content-type: {self.content_type}",
            "transfer-encoding: chunked",
            "connection: close",
            *self.headers,
            "\r\n",
        ]
        return "\r\n".join(lines).encode()


class Silence:
    """In place of a reply: the request is read and never answered.

    Examples
    --------
    >>> def script(request: str) -> Reply | Silence:
    ...     return Silence() if "slow" in request else Reply([b"{}"])
    """


Script: TypeAlias = Iterable[Step] | Callable[[str], Iterable[Step] | Reply | Silence]


@dataclass
class Connection:
    r"""What the provider saw of one request.

    Parameters
    ----------
    request : str
        Its head and body.
    written : int
        Chunks that were sent.
    hung_up_s : float or None
        When the client closed the connection before the script's end, by `time.monotonic`.
    over : threading.Event
        Set at its end.

    Examples
    --------
    >>> Connection(request="POST / HTTP/1.1\r\nX-Trace: 7\r\n\r\n").header("x-trace")
    '7'
    """

    request: str = ""
    written: int = 0
    hung_up_s: float | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def header(self, name: str) -> str:
        """A header of the request; empty where it is absent.

        Parameters
        ----------
        name : str
            In lower case.
        """
        lines = (line.partition(":") for line in self.request.split("\r\n"))
        return next((value.strip() for key, _, value in lines if key.lower() == name), "")


class HungUp(Exception):
    pass


class MockProvider:
    r"""Plays a script as the body of every response, and logs what each client did. Use it as a context manager.

    Parameters
    ----------
    script : iterable of Step, or a callable that makes it, a `Reply` or a `Silence` of the request's text
        Chunks as they are sent, and what happens between them; at its end the body is closed cleanly.
    content_type, status, headers
        Of every response that is no `Reply`.

    Examples
    --------
    >>> import urllib.request
    >>> with MockProvider([b"data: {}\n\n", b"data: [DONE]\n\n"]) as provider:
    ...     urllib.request.urlopen(f"{provider.url}/v1/chat/completions").read()
    b'data: {}\n\ndata: [DONE]\n\n'
    >>> provider.last().written
    2
    """

    def __init__(
        self,
        script: Script,
        *,
        content_type: str = "text/event-stream",
        status: int = 200,
        headers: tuple[str, ...] = (),
    ) -> None:
        self.script = script if callable(script) else list(script)
        self.connections: list[Connection] = []
        self._reply = Reply((), content_type, status, headers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="mock-provider", daemon=True).start()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def last(self, timeout_s: float = 5.0) -> Connection:
        """The connection that came last, after its end.

        Parameters
        ----------
        timeout_s : float, >= 0
            Seconds that its end is waited for.

        Raises
        ------
        StateError
            If nobody came, or that client did not hang up in time.
        """
        if not self.connections:
            raise StateError("nobody has connected to the provider yet; ask it first")
        connection = self.connections[-1]
        if not connection.over.wait(timeout_s):
            raise StateError(f"the client of the last connection did not hang up within {timeout_s} s")
        return connection

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection()
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(client, connection), daemon=True).start()

    def _serve(self, client: socket.socket, connection: Connection) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.request = read_request(client)
            reply = self._answer(connection.request)
            if reply is None:
                wait(client, None)
                return
            client.sendall(reply.head())
            if play(reply.script, client, connection):
                client.sendall(b"0\r\n\r\n")
        except (HungUp, OSError):
            connection.hung_up_s = time.monotonic()
        finally:
            client.close()
            connection.over.set()

    def _answer(self, request: str) -> Reply | None:
        script = self.script(request) if callable(self.script) else self.script
        if isinstance(script, Silence):
            return None
        return script if isinstance(script, Reply) else replace(self._reply, script=script)


def play(script: Iterable[Step], client: socket.socket, connection: Connection) -> bool:
    """Send a body; whether it came to its end."""
    for step in script:
        match step:
            case bytes():
                send(client, step, connection)
            case Pause(seconds):
                wait(client, seconds)
            case Forever(chunks, every_s):
                while True:
                    for chunk in chunks:
                        send(client, chunk, connection)
                        wait(client, every_s)
            case Stall():
                wait(client, None)
            case Cut():
                return False
            case Reset():
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
    return True


def read_request(client: socket.socket) -> str:
    head, separator, body = b"", b"\r\n\r\n", b""
    while separator not in head:
        if not (more := client.recv(65536)):
            raise HungUp
        head += more
    head, _, body = head.partition(separator)
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        if not (more := client.recv(65536)):
            raise HungUp
        body += more
    return (head + separator + body).decode()


def send(client: socket.socket, chunk: bytes, connection: Connection) -> None:
    wait(client, 0)
    client.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
    connection.written += 1


def wait(client: socket.socket, seconds: float | None) -> None:
    """Waits, and raises as soon as the client hangs up."""
    readable, _, _ = select.select([client], [], [], seconds)
    if readable:
        raise HungUp
