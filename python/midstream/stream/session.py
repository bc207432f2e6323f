"""One stream's guard, what its caller wants, and its one end."""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from midstream._rust.stream import Arrived, Decision, Finding, Guard, Held, Summary, now_ns
from midstream.errors import GuardStopped, InputError, StateError, StreamTruncated
from midstream.stream.ended import halting, is_timeout, unread
from midstream.stream.hold import Called, reason_of
from midstream.stream.reactions import Reactions
from midstream.stream.settings import Settings

__all__ = ["Session"]


HALTING = ("end_reasoning", "stop")
"""Actions that end a stream."""
EITHER = "Settings, path of a guard file, Guard or None"


def guard_of(guard: object, reactions: Reactions, **known: Any) -> Guard:
    """The guard of one stream: the one that is given, else one with these settings and with what is known of it."""
    if isinstance(guard, Guard):
        guard._claim(reactions.end)
        guard.resume()
        return guard
    return Guard(settings_of(guard, EITHER), keep_text=True, end=reactions.end, **known)


def check_guard(guard: object) -> Settings | Guard | None:
    """What guards a stream: a guard file is read, and what cannot guard is refused, before the stream is touched."""
    return guard if isinstance(guard, Guard) else settings_of(guard, EITHER)


def settings_of(guard: object, allowed: str = "Settings, path of a guard file or None") -> Settings | None:
    """The settings that serve any number of streams."""
    if isinstance(guard, Guard):
        raise StateError("a Guard serves one stream, and a client has many: hand in Settings")
    if isinstance(guard, str | os.PathLike):
        guard = Settings.load(guard)
    if guard is not None and not isinstance(guard, Settings):
        raise TypeError(f"guard is {type(guard).__name__}, allowed: {allowed}")
    return guard


class Session:
    """Runs a guard beside a stream: what it reads passes on, and it ends the stream at most once.

    The owner reads items and hands them in; when `over` is set it closes its upstream, delivers what it has, and calls
    `end`. What the guard or the callback raises never costs an item that arrived.
    """

    __slots__ = (
        "_direct",
        "_finished",
        "_guard",
        "_pushed",
        "_reactions",
        "_read",
        "_redacts",
        "_rest",
        "_stop",
        "asked",
        "error",
        "holds",
        "inline",
        "over",
        "summary",
        "wait",
    )

    def __init__(self, guard: Guard, reactions: Reactions) -> None:
        self._guard = guard
        self._reactions = reactions
        self._read: Callable[[object], Decision | None] = guard._read
        self.wait = guard._wait
        """The owner is about to wait for the next item."""
        self._redacts: bool = guard._redacts
        self._direct = True
        """Items are read as they come, and nothing else is done with them."""
        self._finished = False
        self._pushed = False
        self._rest = b""
        self._stop: Finding | None = None
        self.holds: bool = guard._holds
        """Text waits for the caller's check."""
        self.asked: deque[Held] = deque(guard.waiting)
        """Texts that it has to be asked for."""
        self.inline = True
        """It is asked as soon as they come; else the owner asks it."""
        self.error: Exception | None = None
        self.over = False
        self.summary: Summary | None = None

    @property
    def text(self) -> str:
        """The answer's text so far."""
        return self._guard.text or ""

    @property
    def tick_at_ns(self) -> int | None:
        """When `tick` is next needed."""
        return None if self.over else self._guard._tick_at_ns

    @property
    def waiting(self) -> bool:
        """The owner waits: from `wait` on, until something is read or the stream is finished."""
        return self._guard._awaits

    @property
    def ends_while_waiting(self) -> bool:
        """Whether something else than an item can end the stream."""
        return self._guard._stops_when_quiet or self._reactions.on_finding is not None

    def started(self) -> None:
        """The response is here, so its reader is not late before its first byte."""
        self.tick()

    def is_over(self) -> bool:
        """Whether there is nothing to read any more."""
        return self.over

    def read_as(self, seen: Callable[[Any], object]) -> None:
        """The guard is to see another form of each item."""
        read = self._read
        self._read = lambda item: read(seen(item))
        self._direct = False

    def following(self, items: Iterator[Any]) -> Callable[[], Any]:
        """What waits for an item and gives what of it passes, or an `Arrived`, which `settle` takes."""
        return partial(self._guard._next if self._is_direct() else self._unread_next, items)

    def taking(self) -> Callable[[Any], Any]:
        """What reads an item and gives what of it passes: None where all of it waits, or an `Arrived`."""
        return self._guard._take if self._is_direct() else Arrived

    def _is_direct(self) -> bool:
        """The guard alone says what passes; with the first item it is known that items can be read."""
        return self._direct and self._pushed and not self.holds and self._reactions.end == "none"

    def _unread_next(self, items: Iterator[Any]) -> Arrived:
        self.wait()
        return Arrived(next(items))

    def feed(self, chunk: bytes) -> bytes:
        """Reads bytes and gives those to pass on."""
        try:
            decision = self._read(chunk)
        except Exception as error:
            passed: bytes = self._unread(chunk, b"", error)
            return passed
        if decision is None:
            return chunk
        self._take(decision)
        passed = decision.forward if self._redacts or decision.halted else chunk
        return passed + self._judge_asked() if self.asked else passed

    def push(self, item: Any) -> Any:
        """Reads an item and gives what of it passes: all of it, but where text is redacted.

        Raises
        ------
        TypeError
            For a first item of a type that is not read.
        InputError
            For an event whose text would have to be redacted, and for what is not bytes where an end is to be written:
            both need the bytes of the stream.
        """
        if self._reactions.end != "none" and not isinstance(item, (bytes, bytearray, memoryview)):
            given, kind = self._reactions.on_stop, type(item).__name__
            raise InputError(
                f"on_stop is {given!r} for items of {kind}, allowed there: 'raise', 'end'; bytes take an end"
            )
        try:
            decision = self._read(item)
        except Exception as error:
            return self._refused(item, error)
        return self._decided(item, decision)

    def settle(self, arrived: Arrived) -> Any:
        """Does what an item asks for beside passing on, and gives what of it passes, as `push` does."""
        item, decision, error = arrived.item, arrived.decision, arrived.error
        if error is not None:
            return self._refused(item, error)
        return self.push(item) if decision is None else self._decided(item, decision)

    def _refused(self, item: Any, error: Exception) -> Any:
        """What passes of an item that could not be read."""
        if isinstance(error, InputError) or (isinstance(error, TypeError) and (not self._pushed or self._redacts)):
            raise error
        if isinstance(error, TypeError):
            return item
        return self._unread(item, item[:0] if isinstance(item, (str, bytes)) else None, error)

    def _decided(self, item: Any, decision: Decision | None) -> Any:
        self._pushed = True
        if decision is None:
            return item
        self._take(decision)
        if not self._redacts and self._reactions.end == "none":
            self._judge_asked()
            return item
        passed = self._typed(decision.forward)
        return passed + self._judge_asked() if self.asked else passed

    @property
    def moderate(self) -> Any:
        """The caller's check."""
        return self._reactions.moderate

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for it."""
        return self._guard._held_bytes

    def judge(self, held: Held, outcome: Any) -> Any:
        """Takes what the caller's check gave for a text, and gives what passes then.

        What it raises ends the stream, and reaches the caller.
        """
        if self.over:
            return self.nothing()
        try:
            reason = reason_of(outcome.result())
            decision = self._guard.release(held.id) if reason is None else self._guard.refuse(held.id, reason)
        except Exception as error:
            self.error = self.error or error
            self.over = True
            self.finish("client_left")
            return self.nothing()
        self._take(decision)
        return self._typed(decision.forward)

    def ask_rest(self) -> Any:
        """There is no more to read: what is left of the texts is asked for. Gives what passes."""
        if self.over:
            return self.nothing()
        decision = self._guard.ask_rest()
        self._take(decision)
        return self._typed(decision.forward) + self._judge_asked()

    def nothing(self) -> Any:
        """No text, of the type of the items."""
        return "" if self._guard._of_text else b""

    def _typed(self, passed: bytes) -> Any:
        return passed.decode() if self._guard._of_text else passed

    def _judge_asked(self) -> Any:
        passed = self.nothing()
        while self.inline and self.asked and not self.over:
            held = self.asked.popleft()
            passed += self.judge(held, Called(self.moderate, held))
        return passed

    def take_rest(self) -> Any:
        """What passes at a clean end, once: text that waited, where text is redacted."""
        rest, self._rest = self._rest, b""
        return self._typed(rest)

    def _unread(self, item: Any, nothing: Any, error: Exception) -> Any:
        """The guard failed: the stream goes on without it, but where text is redacted none may pass unread."""
        self._read = unread
        if not self._redacts:
            return item
        self.over = True
        self.error = self.error or error
        return nothing

    def tick(self) -> Any:
        """Time passed without an item. Gives what passes: text that waited too long, where that was chosen."""
        if self.over:
            return self.nothing()
        decision = self._ask(self._guard.tick, now_ns())
        self._take(decision)
        return self.nothing() if decision is None else self._typed(decision.forward)

    def finish(self, how: str) -> None:
        """The stream closed; only the first time counts."""
        if self._finished:
            return
        if how == "clean" and self.holds and self.inline and not self.over:
            passed = self.ask_rest()
            self._rest = (passed.encode() if isinstance(passed, str) else passed) + self._rest
            if self._finished:
                return  # type: ignore[unreachable]
        if self._stop is not None and how == "clean":
            how = "stopped"
        self.over = self._finished = True
        decision, self.summary = self._ask(self._guard.finish, how, now_ns()) or (None, None)
        if decision is not None and how == "clean":
            self._rest += decision.forward
        self._take(decision)
        if self._stop is not None and how in ("clean", "stopped"):
            self._end_after(self._stop, decision.forward if decision is not None and how == "stopped" else b"")
        truncated = how == "clean" and self.summary is not None and self.summary.ending == "truncated"
        if truncated and self._reactions.on_truncated == "raise":
            self.error = self.error or self._truncated()

    def leave(self) -> None:
        """The consumer closed the stream: on its own account, or since there is nothing more to read.

        An SDK that stops reading at the end mark gets here too, so a cut tool call is told from here.
        """
        self._stop_reading()
        if isinstance(self.error, GuardStopped) or sys.exc_info()[0] is not None:
            self.error = None
        self.end()

    def broke(self, error: BaseException) -> None:
        """Reading failed, or was interrupted."""
        if isinstance(error, Exception):
            self.finish("gave_up" if is_timeout(error) else "abrupt")
        else:
            self._stop_reading()

    def close_failed(self, error: Exception) -> None:
        """The upstream could not be closed after a decision."""
        if self.error is None:
            self.error = error
        else:
            self.error.__cause__ = error

    def end(self) -> None:
        """Raises what is to be raised at the end, once."""
        error, self.error = self.error, None
        if error is not None:
            raise error

    def _stop_reading(self) -> None:
        if not self._finished:
            is_whole = self._guard._whole and not self.held_bytes
            self.finish("clean" if is_whole else "client_left")

    def _ask(self, method: Callable[..., Any], *args: object) -> Any:
        """What the guard answers; where it fails, the stream goes on without it."""
        try:
            return method(*args)
        except Exception:
            self._read = unread
            return None

    def _take(self, decision: Decision | None) -> None:
        if decision is None:
            return
        self.asked.extend(decision.held)
        findings = decision.findings
        if self._reactions.on_finding is not None:
            for finding in findings:
                self._tell(finding)
        if decision.action in HALTING:
            self._stop = self._stop or halting(findings)
        if decision.halted and self._stop is not None:
            self.over = True
            self.finish("stopped")
        elif self.error is not None:
            self.over = True
            self.finish("client_left")

    def _tell(self, finding: Finding) -> None:
        try:
            self._reactions.on_finding(finding)  # type: ignore[misc]
        except Exception as error:
            self.error = self.error or error

    def _end_after(self, stop: Finding, end: bytes) -> None:
        """The one end after a decision. Where it cannot be written nobody may take what came for a whole answer."""
        reaction = self._reactions.on_stop if stop.action == "stop" else "raise"
        if reaction in ("error", "finish"):
            self._rest = end or self._rest
            # Of text that was held, the end may have been read and not passed.
            is_whole = not self.holds and self.summary is not None and "truncated" not in self.summary.ending_notes
            reaction = "end" if end or is_whole else "raise"
        if reaction == "raise":
            self.error = self.error or self._stopped(stop)

    def _stopped(self, finding: Finding) -> GuardStopped:
        did = "ended the reasoning" if finding.action == "end_reasoning" else "stopped the stream"
        message = f"the guard {did}: {finding.check}/{finding.kind}, {finding.explanation}"
        known = {"summary": self.summary, "text": self.text, "reasoning": self._guard.reasoning or ""}
        return GuardStopped(message, finding=finding, **known)

    def _truncated(self) -> StreamTruncated:
        cut = self.summary is not None and "cut_tool_call" in self.summary.ending_notes
        where = "inside the arguments of a tool call" if cut else "before its semantic end"
        return StreamTruncated(f"the stream closed {where}", summary=self.summary, text=self.text)
