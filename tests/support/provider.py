"""A provider of streams on loopback: a real socket server that plays a script and sees when its client hangs up."""

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pause:
    """Nothing is sent for a while."""

    seconds: float


@dataclass(frozen=True)
class Forever:
    """The same chunks over and over, until the client hangs up."""

    chunks: tuple[bytes, ...]
    every_s: float = 0.002


class Stall:
    """Nothing is sent any more, and the connection stays open."""


class Cut:
    """The connection is closed before the body's end."""


class Reset:
    """The connection is reset before the body's end."""


Step = bytes | Pause | Forever | Stall | Cut | Reset


@dataclass
class Connection:
    """What the server saw of one request."""

    request: str = ""
    written: int = 0
    """Chunks that were sent."""
    hung_up_s: float | None = None
    """When the client closed the connection before the script's end, by `time.monotonic`."""
    over: threading.Event = field(default_factory=threading.Event)

    def header(self, name: str) -> str:
        lines = (line.partition(":") for line in self.request.split("\r\n"))
        return next((value.strip() for key, _, value in lines if key.lower() == name), "")


class HungUp(Exception):
    pass


class Provider:
    """Plays `script` as the body of every response.

    Parameters
    ----------
    script : iterable of bytes or steps, or a callable that makes it of the request's text
        Chunks as they are sent, and what happens between them; at its end the body is closed cleanly.
    """

    def __init__(
        self,
        script: Iterable[Step] | Callable[[str], Iterable[Step]],
        *,
        content_type: str = "text/event-stream",
        status: int = 200,
        headers: tuple[str, ...] = (),
    ) -> None:
        self.script = script if callable(script) else list(script)
        self.connections: list[Connection] = []
        self._head = "\r\n".join(
            [
                f"HTTP/1.1 {status} Status",
                f"content-type: {content_type}",
                "transfer-encoding: chunked",
                "connection: close",
                *headers,
                "\r\n",
            ]
        ).encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> "Provider":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def last(self, timeout_s: float = 5.0) -> Connection:
        """The only connection, after its end."""
        (connection,) = self.connections
        assert connection.over.wait(timeout_s), "the client did not hang up"
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
            client.sendall(self._head)
            if self._play(client, connection):
                client.sendall(b"0\r\n\r\n")
        except (HungUp, OSError):
            connection.hung_up_s = time.monotonic()
        finally:
            client.close()
            connection.over.set()

    def _play(self, client: socket.socket, connection: Connection) -> bool:
        for step in self.script(connection.request) if callable(self.script) else self.script:
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
        body += client.recv(65536)
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
