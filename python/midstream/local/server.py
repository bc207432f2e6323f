"""The local model behind an HTTP address on loopback, in a process of its own."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from midstream.errors import MissingExtra, NetworkError, StateError
from midstream.local.weights import MODEL, find

__all__ = ["Server", "Slot", "require_package"]

_CHILD = Path(__file__).with_name("child.py")
_STOP_S = 2.0
_NO_PACKAGE = "the package xllamacpp is missing; run `pip install 'midstream[local]'`"


@dataclass(frozen=True, slots=True)
class Slot:
    """What the model does at one moment.

    Parameters
    ----------
    busy : bool
        It generates, or reads a prompt.
    decoded : int
        Tokens of the answer so far; 0 when it is idle.
    """

    busy: bool
    decoded: int


class Server:
    """llama.cpp's own server with the local model: OpenAI chat, completions and responses, Anthropic messages.

    Use it as a context manager. The model runs in a child process that ends with this one, also when this one is killed.

    Parameters
    ----------
    path : Path, optional
        Weights in GGUF; the ones that `find` finds where left out.
    port : int, 0 to 65535
        On 127.0.0.1; 0 takes a free one.
    context : int, tokens, >= 0
        Prompt and answer together; 0 is what the model was made for.
    threads : int, >= 1, optional
        Half the processors where left out, at least one.
    load_s : float, seconds, > 0
        How long loading may take.

    Raises
    ------
    MissingExtra
        If the weights, the package xllamacpp or the system library it needs are missing; the message says what to do.
    NetworkError
        If the port is taken, or the model does not load.

    Examples
    --------
    >>> with Server() as server:  # doctest: +SKIP
    ...     print(f"OPENAI_BASE_URL={server.address}/v1")
    OPENAI_BASE_URL=http://127.0.0.1:41771/v1
    """

    address: str
    """``http://127.0.0.1:PORT``"""
    model: str
    """Its name in requests and answers."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        port: int = 0,
        context: int = 2048,
        threads: int | None = None,
        load_s: float = 120.0,
    ) -> None:
        self._path = find() if path is None else path
        if not self._path.is_file():
            raise MissingExtra(f"no weights at {self._path}", path=self._path)
        if port and _taken(port):
            raise NetworkError(f"port {port} of 127.0.0.1 is taken; choose another, or 0 for any", port=port)
        if threads is None:
            threads = max(1, (os.cpu_count() or 2) // 2)
        self.model = MODEL.name if self._path.stat().st_size == MODEL.size else self._path.stem
        wanted = {"path": str(self._path), "name": self.model, "port": port, "context": context, "threads": threads}
        # A session of its own: Ctrl-C reaches this process alone, which then ends the child in order.
        self._child = subprocess.Popen(
            [sys.executable, "-P", str(_CHILD), json.dumps(wanted)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self.address = self._first_word(load_s)
        except BaseException:
            self.close()
            raise

    def _first_word(self, load_s: float) -> str:
        """The address, once the child has said it."""
        import select

        output = self._child.stdout
        assert output is not None
        if sys.platform != "win32" and not select.select([output], [], [], load_s)[0]:
            raise NetworkError(f"{self._path} was not loaded within {load_s:g} s")
        line = output.readline()
        if not line:
            code = self._child.wait()
            raise NetworkError(f"the process of the model ended with status {code} while it loaded {self._path}")
        said = json.loads(line)
        if "address" in said:
            return str(said["address"])
        raise _failure(said["failed"], said["reason"], self._path)

    def slot(self) -> Slot:
        """What the model does now, as the server tells at ``/slots``."""
        slots: list[dict[str, Any]] = json.loads(self._ask("/slots"))
        running = [slot for slot in slots if slot["is_processing"]]
        decoded = [step["n_decoded"] for slot in running for step in slot.get("next_token", [])]
        return Slot(busy=bool(running), decoded=sum(decoded))

    def tokens_decoded(self) -> int:
        """Tokens of all answers that have ended, as the server counts them."""
        for line in self._ask("/metrics").splitlines():
            name, _, value = line.partition(" ")
            if name == "llamacpp:tokens_predicted_total":
                return int(float(value))
        raise NetworkError(f"{self.address}/metrics has no llamacpp:tokens_predicted_total")

    def wait_idle(self, timeout_s: float = 10.0) -> float:
        """Seconds until the model is idle, asked for every two milliseconds.

        Raises
        ------
        NetworkError
            If it is still busy at the end of `timeout_s`.
        """
        started = time.monotonic()
        while self.slot().busy:
            if time.monotonic() - started > timeout_s:
                raise NetworkError(f"the model is still busy after {timeout_s:g} s")
            time.sleep(0.002)
        return time.monotonic() - started

    def wait(self) -> None:
        """Return when the child has ended, which it does by itself only when it fails."""
        self._child.wait()

    def close(self) -> None:
        """End the child; when this returns, its port is closed."""
        if self._child.stdin is not None:
            self._child.stdin.close()
        try:
            self._child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()

    def __enter__(self) -> Self:
        if self._child.poll() is not None:
            raise StateError("the server is closed; make a new one")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Server({self.address!r}, {self._path.name!r})"

    def _ask(self, path: str) -> str:
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise NetworkError(f"the local model does not answer at {self.address}{path}: {error}") from error
        finally:
            connection.close()


def require_package() -> None:
    """Check that the package that runs models is installed, before weights are fetched for it.

    Raises
    ------
    MissingExtra
        If it is not; the message says how to install it.
    """
    if find_spec("xllamacpp") is None:
        raise MissingExtra(_NO_PACKAGE)


def _failure(kind: str, reason: str, path: Path) -> MissingExtra | NetworkError:
    if kind == "package":
        return MissingExtra(_NO_PACKAGE, reason=reason)
    if kind == "library" and "libgomp" in reason:
        return MissingExtra("the system library libgomp1 is missing; run `apt-get install libgomp1`", reason=reason)
    if kind == "library":
        return MissingExtra(f"the package xllamacpp cannot be loaded: {reason}", reason=reason)
    return NetworkError(f"llama.cpp cannot load {path}: {reason}", path=path)


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
