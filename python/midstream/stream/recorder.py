"""Writes the recording of a stream while it runs."""

import contextlib
import json
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from midstream._rust.stream import Decision, Guard, Summary, now_ns
from midstream.stream.actions import Actions
from midstream.stream.arrivals import SECOND, Chunk
from midstream.stream.lines import chunk_line, end_line, header_line, written
from midstream.stream.masked import without_secrets
from midstream.stream.record import Written
from midstream.stream.repeat import Repeat
from midstream.stream.settings import Ending, Pace, Redact, Rule, Settings

__all__ = ["Recorder", "redacted", "redacting", "rules_of", "warned"]

FLUSH_NS = SECOND
"""A recorder that is killed loses at most what came in this time."""
BUILT_IN = "built_in"
MOST_WAITING = 1_000
"""Chunks that wait for the end of a text that may be a secret; then they are written as they passed the rules."""
FOUND = ("check", "kind", "action", "channel", "offset", "onset", "period", "score")
"""Of a finding; its evidence is text of the stream, and stays out."""
Complain = Callable[[str], object]


class Recorder:
    """Writes one recording, line by line as the stream runs, its secrets replaced.

    What cannot be written ends the recording, and nothing else: the stream goes on, and a `RuntimeWarning` says so. Text
    in which secrets cannot be found is left out, and the last line says so.

    Parameters
    ----------
    to : Written
    rules : tuple of str or Rule
        What is replaced.
    origin_ns : int, optional
        The moment that times count from, by the guard's clock; now where left out.
    known : mapping
        Of the stream, as `Guard` takes it: ``content_type``, ``http_status``.
    about : mapping
        For the first line: ``provider``, ``url``, ``request``, ``from_request``.
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
        self.to: Written | None = to
        self.name = to.name
        self.rules = rules
        self.origin_ns = now_ns() if origin_ns is None else origin_ns
        self.known = known
        self.about = about
        self.complain = complain or warned
        self.model: str | None = None
        self.guard: Guard | None = None
        self.begun = False
        self.arrived: list[Chunk] = []
        self.passed: list[Chunk] = []
        self.replaced = 0
        self.lags = False
        self.left_out = ""
        self.flush_at_ns = 0

    def take(self, item: object) -> None:
        """Record what arrived: bytes, text or an event."""
        if self.to is None or (not item and isinstance(item, (bytes, str))):
            return
        try:
            self._take(bytes_of(item), framing_of(item), now_ns() - self.origin_ns)
        except Exception as error:
            self._give_up(error)

    def end(self, how: str, summary: Summary | None) -> None:
        """The stream closed; nothing comes any more."""
        if self.to is None:
            return
        try:
            self._end(how, summary, now_ns() - self.origin_ns)
        except Exception as error:
            self._give_up(error)
        else:
            self.to = None

    def _take(self, data: bytes, framing: str, at_ns: int) -> None:
        if self.left_out:
            return
        if self.guard is None:
            self.guard = Guard(redacting(self.rules), framing=framing, started_ns=0, **self.known)
        decision = self.guard.feed(data, at_ns)
        if self.model is None:
            self.model = model_in(decision)
        self.arrived.append(Chunk(at_ns, data))
        if decision.forward:
            self.passed.append(Chunk(at_ns, decision.forward))
        if decision.action == "stop":
            self._leave_out(decision)
            return
        replaced, kept, held = self.guard._redacted
        if kept + held == 0:
            self._settle(replaced)
        elif len(self.arrived) >= MOST_WAITING:
            self.lags = True
            self._settle(replaced)
            self.lags = True
        if at_ns >= self.flush_at_ns and self.begun and self.to is not None:
            self.flush_at_ns = at_ns + FLUSH_NS
            self.to.file.flush()

    def _settle(self, replaced: int) -> None:
        """Writes what is decided: as it arrived, or as it passed the rules where something was replaced."""
        as_it_came = replaced == self.replaced and not self.lags
        for chunk in self.arrived if as_it_came else self.passed:
            self._write(chunk)
        self.arrived.clear()
        self.passed.clear()
        self.replaced, self.lags = replaced, False

    def _write(self, chunk: Chunk) -> None:
        self._begin()
        if self.to is not None:
            self.to.file.write(written(chunk_line(chunk)))

    def _begin(self) -> None:
        """Writes the first line, once what it tells is known."""
        if self.begun or self.to is None:
            return
        self.begun = True
        dialect, framing = ("auto", "auto") if self.guard is None else self.guard._format
        about = redacted(without_secrets(dict(self.about)), self.rules)
        model = redacted(self.model, self.rules)
        self.to.file.write(written(header_line(dialect=dialect, framing=framing, model=model, **about)))

    def _end(self, how: str, summary: Summary | None, at_ns: int) -> None:
        assert self.to is not None, "the caller asked"
        if self.guard is not None:
            self.lags = self.lags or self.guard._redacted[1] > 0  # half an event, which nobody can read
            decision, _ = self.guard.finish("clean", at_ns)
            if decision.forward:
                self.passed.append(Chunk(at_ns, decision.forward))
            if decision.action == "stop" and not self.left_out:
                self._leave_out(decision)
            self._settle(self.guard._redacted[0])
        self._begin()
        told: dict[str, Any] = {"findings": [], "left_out": self.left_out}
        if summary is not None:
            told["findings"] = [{name: getattr(finding, name) for name in FOUND} for finding in summary.findings]
        self.to.file.write(written(end_line(at_ns, how, usage_of(summary), **told)))
        self.to.file.flush()
        if self.to.owned:
            self.to.file.close()

    def _leave_out(self, decision: Decision) -> None:
        """From here on no text is written: secrets in it would not be found."""
        why = next((finding.explanation for finding in decision.findings if finding.action == "stop"), "")
        self.left_out = why or "the stream cannot be read"
        self.lags = True
        self._settle(self.replaced)

    def _give_up(self, error: Exception) -> None:
        to, self.to = self.to, None
        self.arrived, self.passed = [], []
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if to is not None and to.owned:
            with contextlib.suppress(Exception):
                to.file.close()
        with contextlib.suppress(Exception):
            self.complain(f"the recording {self.name} ends early, and the stream goes on: {why.lower()}")


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


def rules_of(settings: Settings | None) -> tuple[str | Rule, ...]:
    """What is replaced on write: by the settings' own rules, and by the built-in ones."""
    own = settings.redact.rules if settings is not None else ()
    return tuple(own) if BUILT_IN in own else (*own, BUILT_IN)


@lru_cache(16)
def redacting(rules: tuple[str | Rule, ...]) -> Settings:
    """Settings that redact, and check nothing else."""
    off = Repeat(exact="off", counter="off", near="off")
    return Settings(
        actions=Actions(repeat="off", ping_pong="off", same_error="off", no_progress="off", waiting="off"),
        ending=Ending(action="off"),
        pace=Pace(stall="off"),
        redact=Redact(rules=rules),
        repeat=off,
    )


def redacted(value: Any, rules: tuple[str | Rule, ...]) -> Any:
    """`value` with the secrets in its texts replaced."""
    if isinstance(value, Mapping):
        return {key: redacted(item, rules) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item, rules) for item in value]
    if not isinstance(value, str):
        return value
    guard = Guard(redacting(rules), started_ns=0)
    passed = guard.push(value, now_ns=0).forward + guard.finish("clean", 0)[0].forward
    return passed.decode(errors="replace")


def model_in(decision: Decision) -> str | None:
    """The model that the stream names, where it begins to."""
    for event in decision.events:
        if event.kind == "start" and isinstance(model := event.fields.get("model"), str):
            return model
    return None


def usage_of(summary: Summary | None) -> dict[str, Any] | None:
    """Token counts as the provider reported them."""
    if summary is None or summary.usage.source != "reported":
        return None
    return {
        name: getattr(summary.usage, name) for name in ("input", "output", "reasoning", "cache_read", "cache_write")
    }
