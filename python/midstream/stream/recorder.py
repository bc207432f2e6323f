"""Records a stream while it runs."""

import contextlib
import json
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from midstream._rust.stream import Summary, now_ns
from midstream.stream.backlog import Backlog
from midstream.stream.record import Written
from midstream.stream.settings import Rule
from midstream.stream.transcript import FLUSH_NS, Arrived, Ended, Transcript

__all__ = ["Recorder", "warned"]

PIECE = 256
"""Bytes that an item takes beside its text."""
Complain = Callable[[str], object]


class Recorder:
    """Hands what arrives to a thread that writes it, so that the reader of the stream waits for no disk.

    Where the disk stays behind by more than `Backlog` takes, the reader waits, and nothing is lost. What cannot be
    written ends the recording, and nothing else: the stream goes on. A `RuntimeWarning` tells of both, once. A recorder
    that is given up, at the latest when the interpreter ends, writes the rest and an end.

    Parameters
    ----------
    to : Written
    rules : tuple of str or Rule
        What is replaced.
    origin_ns : int, optional
        The moment that times count from, by the guard's clock; now where left out.
    known, about : mapping
        As `Transcript` takes them.
    complain : callable, optional
        Takes the place of the warning.
    """

    def __init__(
        self,
        to: Written,
        rules: tuple[str | Rule, ...],
        origin_ns: int | None = None,
        *,
        known: Mapping[str, Any],
        about: Mapping[str, Any],
        complain: Complain | None = None,
    ) -> None:
        self.name = to.name
        self.origin_ns = now_ns() if origin_ns is None else origin_ns
        self.complain: Complain | None = complain or warned
        self.transcript = Transcript(to, rules, known=known, about=about)
        self.backlog = Backlog(self.transcript.write, self.transcript.flush, FLUSH_NS / 1e9)
        self.left = weakref.finalize(self, leave, self.backlog, self.origin_ns)

    def take(self, item: object) -> None:
        """Record what arrived: bytes, text or an event."""
        if not self.left.alive or (not item and isinstance(item, (bytes, str))):
            return
        if self.transcript.failure is not None:
            self._tell()
            return
        at_ns = now_ns() - self.origin_ns
        try:
            piece: Any = Arrived(bytes_of(item), framing_of(item), at_ns)
        except Exception as error:
            piece = error
        self.backlog.put(piece, PIECE + (len(piece.data) if isinstance(piece, Arrived) else 0))

    def end(self, how: str, summary: Summary | None) -> None:
        """The stream closed; what is not written yet is waited for."""
        if self.left.detach() is None:
            return
        self.backlog.put(Ended(how, summary, now_ns() - self.origin_ns), PIECE)
        self.backlog.close()
        self._tell()

    def _tell(self) -> None:
        """Say once what went wrong."""
        complain, self.complain = self.complain, None
        if complain is None:
            return
        backlog, failure = self.backlog, self.transcript.failure
        with contextlib.suppress(Exception):
            if failure is not None:
                complain(f"the recording {self.name} ends early, and the stream goes on: {failure}")
            elif backlog.waits:
                waited = f"{backlog.waits} times, {backlog.waited_ns / 1e9:.1f} s in all"
                complain(f"the recording {self.name} was written slowly, and the stream waited for it: {waited}")


def leave(backlog: Backlog, origin_ns: int) -> None:
    """Ends the recording of a stream that nobody has any more."""
    backlog.put(Ended("client_left", None, now_ns() - origin_ns), PIECE)
    backlog.close()


def warned(message: str) -> None:
    """Warn; where warnings are errors the stream goes on as well."""
    with contextlib.suppress(RuntimeWarning):
        warnings.warn(message, RuntimeWarning, stacklevel=2)


def bytes_of(item: Any) -> bytes:
    """The bytes that stand for an item: an event is a line of JSON."""
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        return item.encode(errors="replace")
    if isinstance(item, (bytearray, memoryview)):
        return bytes(item)
    if isinstance(item, Mapping):
        return json.dumps(dict(item), default=dict).encode() + b"\n"
    if not hasattr(item, "model_dump_json"):
        return b""  # passes unread, as a sentinel between events does
    said: str = item.model_dump_json(by_alias=True, warnings=False)
    return said.encode(errors="replace") + b"\n"


def framing_of(item: object) -> str:
    if isinstance(item, str):
        return "text"
    return "auto" if isinstance(item, (bytes, bytearray, memoryview)) else "ndjson"
