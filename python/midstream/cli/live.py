"""Follows a stream while it runs: its text, its findings, its verdict."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Protocol, TextIO

from midstream.cli.report import finding_object, report_object, rows, told_finding
from midstream.cli.terminal import Printer, complain, is_plain, json_line
from midstream.stream import Decision, Event, Guard, Summary, Usage
from midstream.stream.recorder import Recorder

__all__ = ["Live", "Source", "follow"]

NO_ANSWER = "text"
"""The channel of a body that is plain text, which no provider sends."""
DIM, NORMAL = "\x1b[2m", "\x1b[0m"


class Source(Protocol):
    """Where a stream comes from."""

    name: str
    """What the report calls it; holds no secret."""
    content_type: str | None
    failed: bool
    """It ended by itself, and not well."""

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The stream's bytes as they arrive."""
        ...

    async def stop(self) -> None:
        """End it upstream, at once."""
        ...

    async def close(self) -> str:
        """Wait for its end, in the words of `Guard.finish`."""
        ...

    def fault(self, summary: Summary, error: str | None) -> str | None:
        """What is wrong with all that it gave, where the provider's own `error` is not None or there was no answer."""
        ...


async def follow(source: Source, guard: Guard, live: "Live", recorder: Recorder | None = None) -> Summary:
    """Feed a stream to a guard as it comes, until it ends or the guard stops it.

    Cancelling closes the stream upstream, shows the verdict so far and raises.
    """
    how = "client_left"
    try:
        how = "stopped" if await watched(source, guard, live, recorder) else await source.close()
    finally:
        if how in ("client_left", "stopped"):
            await source.stop()
            await source.close()
        decision, summary = guard.finish(how, live.clock())
        if recorder is not None:
            recorder.end(how, summary)
        live.show(decision)
        live.verdict(source.name, summary)
    return summary


async def watched(source: Source, guard: Guard, live: "Live", recorder: Recorder | None) -> bool:
    """Whether the guard stopped the stream."""
    chunks = source.chunks()
    pending = asyncio.ensure_future(anext(chunks, b""))
    tick_at_ns: int | None = None
    try:
        while True:
            wait_s = None if tick_at_ns is None else max(0.0, (tick_at_ns - live.clock()) / 1e9)
            await asyncio.wait({pending}, timeout=wait_s)
            chunk = None
            if not pending.done():
                decision = guard.tick(live.clock())
            elif chunk := pending.result():
                if recorder is not None:
                    recorder.take(chunk)
                decision = guard.feed(chunk, live.clock())
                pending = asyncio.ensure_future(anext(chunks, b""))
            else:
                return False
            if decision.halted:
                await source.stop()
            live.show(decision)
            if decision.halted:
                return True
            tick_at_ns = decision.tick_at_ns
    finally:
        pending.cancel()
        await asyncio.gather(pending, return_exceptions=True)
        await chunks.aclose()


class Live:
    """Shows a running stream: to a person, to a pipe, or as JSON lines to a program.

    Parameters
    ----------
    json : bool
        Events, findings and the report as JSON lines on standard output.
    raw : bool
        Pass the bytes on instead of the text they hold.
    hide : callable
        Takes secrets out of a text.
    """

    def __init__(self, *, json: bool, raw: bool, hide: Callable[[str], str] = str) -> None:
        self.json = json
        self.raw = raw
        self.hide = hide
        self.plain = is_plain(sys.stdout)
        self.screen = sys.stdout.isatty()
        self.shared = same_place(sys.stdout, sys.stderr)
        self.line_open = False
        self.origin_ns = time.monotonic_ns()
        self.actions: list[str] = []
        self.deaf = False
        self.error: str | None = None

    def clock(self) -> int:
        """Nanoseconds since the request."""
        return time.monotonic_ns() - self.origin_ns

    def show(self, decision: Decision) -> None:
        """What one call of the guard brought."""
        for event in decision.events:
            if event.kind == "error":
                self.error = str(event.fields["message"] or event.fields["code"])
        if self.deaf:
            return
        if self.json:
            self.write("".join(json_line(event_object(event)) for event in decision.events))
        elif self.raw:
            self.write(decision.forward)
        else:
            self.write("".join(self.shown(event) for event in decision.events))
        for finding in decision.findings:
            self.actions.append(finding.action)
            told = finding_object(finding)
            if self.json:
                self.write(json_line({"type": "finding"} | told))
            else:
                self.end_line()
                complain(f"{finding.action}: {told_finding(told)}")

    def shown(self, event: Event) -> str:
        """What a person sees of an event."""
        if event.kind == "text" and event.text and event.channel != NO_ANSWER:
            return self.safe(event.text)
        if event.kind == "reasoning" and event.text and not self.plain:
            return f"{DIM}{self.safe(event.text)}{NORMAL}"
        return ""

    def safe(self, text: str) -> str:
        """`text` without what could steer the screen it goes to; a pipe gets it as it is."""
        if not self.screen:
            return text
        return "".join(char for char in text if char.isprintable() or char in "\n\t")

    def write(self, text: str | bytes) -> None:
        """Write to standard output at once; text without its secrets, bytes as they are."""
        data = self.hide(text).encode(errors="replace") if isinstance(text, str) else text
        if data and not self.deaf:
            try:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            except OSError:
                self.deaf = True
                raise
            self.line_open = not data.endswith(b"\n")

    def end_line(self) -> None:
        """Begin a new line where text stands in the current one and standard error goes to the same place.

        A pipe or a file gets not a byte more than the stream holds: the line ends on standard error.
        """
        if self.line_open and self.screen:
            self.write("\n")
        elif self.line_open and self.shared:
            self.line_open = False
            with contextlib.suppress(OSError):
                sys.stderr.write("\n")

    def verdict(self, name: str, summary: Summary) -> None:
        """The report, once the stream has ended."""
        if self.deaf:
            return
        report = report_object(name, summary)
        if self.json:
            self.write(json_line(report))
            return
        if not self.raw and self.line_open:
            self.write("\n")
        self.end_line()
        told = [row for row in rows(report) if row[0] not in ("observe", "warn", "hint", "stop")]
        Printer(stream=sys.stderr).report(name, [(label, self.hide(text), style) for label, text, style in told])


def same_place(one: TextIO, other: TextIO) -> bool:
    """Whether two streams write to one pipe, file or terminal."""
    try:
        return os.path.sameopenfile(one.fileno(), other.fileno())
    except (OSError, ValueError):
        return False


def event_object(event: Event) -> dict[str, Any]:
    """An event as ``watch --json`` prints it."""
    fields = {name: usage(value) if isinstance(value, Usage) else value for name, value in event.fields.items()}
    return {
        "type": "event",
        "kind": event.kind,
        "sequence": event.sequence,
        "channel": event.channel,
        "at_ns": event.at_ns,
        "span": list(event.span),
        "text": event.text,
        "fields": fields,
    }


def usage(counts: Usage) -> dict[str, Any]:
    names = ("input", "output", "reasoning", "cache_read", "cache_write", "source")
    return {name: getattr(counts, name) for name in names}
