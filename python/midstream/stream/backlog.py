"""Work that a thread of its own does, so that whoever hands it in does not wait for it."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Backlog"]

MOST = 16 << 20
"""Bytes of pieces that are not done yet; beyond them whoever hands in waits."""
POLL_S = 0.1
"""A worker that ended without a word is seen after this time."""


class Backlog:
    """Pieces of work, done in order by a thread that starts with the first.

    Every piece that is handed in is done: where too many wait, `put` waits, and counts that. Where no thread can be
    started, as while the interpreter ends, `put` does the work itself.

    Parameters
    ----------
    do : callable
        Takes a piece. It must not raise.
    idle : callable
        Called when nothing came for `idle_s` after a piece.
    idle_s : float
    most : int, optional
        Bytes that may wait.
    """

    def __init__(
        self, do: Callable[[Any], None], idle: Callable[[], None], idle_s: float, most: int | None = None
    ) -> None:
        self.do = do
        self.idle = idle
        self.idle_s = idle_s
        self.most = MOST if most is None else most
        self.waits = 0
        self.waited_ns = 0
        self._pieces: queue.SimpleQueue[tuple[Any, int] | None] = queue.SimpleQueue()
        self._put_bytes = 0
        self._done_bytes = 0
        self._room = threading.Event()
        self._thread: threading.Thread | None = None
        self._alone = False

    def put(self, piece: Any, size: int) -> None:
        """Hand in a piece, to be counted as so many bytes; waits where there is no room for more."""
        if self._thread is None and not self._alone:
            self._start()
        if self._alone:
            self.do(piece)
            return
        self._pieces.put((piece, size))
        self._put_bytes += size
        if self._put_bytes - self._done_bytes > self.most:
            self._wait()

    def close(self) -> None:
        """Wait for the rest; nothing is handed in any more. The worker itself does not wait."""
        if self._thread is None:
            return
        self._pieces.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _start(self) -> None:
        # One that waits for a stream that nobody reads on does not keep the program.
        thread = threading.Thread(target=self._work, name="midstream-record", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._alone = True
        else:
            self._thread = thread

    def _wait(self) -> None:
        self.waits += 1
        started_ns = time.monotonic_ns()
        try:
            while self._put_bytes - self._done_bytes > self.most and self._is_alive():
                self._room.wait(POLL_S)
                self._room.clear()
        finally:
            self.waited_ns += time.monotonic_ns() - started_ns

    def _is_alive(self) -> bool:
        """False in a process that was forked: its worker stayed behind."""
        return self._thread is not None and self._thread.is_alive()

    def _work(self) -> None:
        is_idle = True
        while True:
            try:
                taken = self._pieces.get(timeout=None if is_idle else self.idle_s)
            except queue.Empty:
                self.idle()
                is_idle = True
                continue
            if taken is None:
                return
            piece, size = taken
            self.do(piece)
            self._done_bytes += size
            self._room.set()
            is_idle = False
