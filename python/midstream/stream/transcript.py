"""Writes the lines of a recording, without secrets."""

import contextlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from midstream._rust.stream import Decision, Guard, Summary
from midstream.stream.arrivals import SECOND, Chunk
from midstream.stream.lines import chunk_line, end_line, header_line, written
from midstream.stream.masked import without_secrets
from midstream.stream.record import Written
from midstream.stream.rules import redacted, redacting
from midstream.stream.settings import Rule

__all__ = ["Arrived", "Ended", "Transcript"]

FLUSH_NS = SECOND
"""A program that is killed loses at most what came in this time."""
MOST_WAITING = 1_000
"""Chunks that wait for the end of a text that may be a secret; then they are written as they passed the rules."""
FOUND = ("check", "kind", "action", "channel", "offset", "onset", "period", "score")
"""Of a finding; its evidence is text of the stream, and stays out."""


class Arrived(NamedTuple):
    """What came."""

    data: bytes
    framing: str
    at_ns: int


class Ended(NamedTuple):
    """The stream closed."""

    how: str
    summary: Summary | None
    at_ns: int


class Transcript:
    """The lines of one recording, written as the stream runs, its secrets replaced.

    What cannot be written ends it; `failure` then says why. Text in which secrets cannot be found is left out, and the
    last line says so.

    Parameters
    ----------
    to : Written
    rules : tuple of str or Rule
        What is replaced.
    known : mapping
        Of the stream, as `Guard` takes it: ``content_type``, ``http_status``.
    about : mapping
        For the first line: ``provider``, ``url``, ``request``, ``from_request``.
    """

    def __init__(
        self, to: Written, rules: tuple[str | Rule, ...], *, known: Mapping[str, Any], about: Mapping[str, Any]
    ) -> None:
        self.to: Written | None = to
        self.rules = rules
        self.known = known
        self.about = about
        self.failure: str | None = None
        self.model: str | None = None
        self.guard: Guard | None = None
        self.begun = False
        self.arrived: list[Chunk] = []
        self.passed: list[Chunk] = []
        self.replaced = 0
        self.lags = False
        self.left_out = ""
        self.flush_at_ns = 0

    def write(self, piece: Arrived | Ended | Exception) -> None:
        """Write what came, the end, or give up; it does not raise."""
        if self.to is None:
            return
        try:
            match piece:
                case Arrived():
                    self._take(piece.data, piece.framing, piece.at_ns)
                case Ended():
                    self._end(piece.how, piece.summary, piece.at_ns)
                    self.to = None
                case _:
                    raise piece
        except Exception as error:
            self._give_up(error)

    def flush(self) -> None:
        """Hand what is written to the system; it does not raise."""
        try:
            if self.begun and self.to is not None:
                self.to.file.flush()
        except Exception as error:
            self._give_up(error)

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
        self.failure = (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
        if to is not None and to.owned:
            with contextlib.suppress(Exception):
                to.file.close()


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
