"""Recordings played to a guard."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from midstream._rust.stream import Decision, Finding, Guard, Summary
from midstream.errors import InputError
from midstream.stream.arrivals import Chunk
from midstream.stream.ended import halting
from midstream.stream.pacing import Player
from midstream.stream.reader import RecordingReader
from midstream.stream.recording import Recording
from midstream.stream.session import EITHER, settings_of
from midstream.stream.settings import Settings, SettingsOrFile

__all__ = ["Decided", "Replay", "Saved", "replay", "replay_async"]

READ = ("reasoning", "refusal", "text", "tool")
"""Kinds of channels whose characters a model is paid for."""
CHARACTERS_OF_TOKEN = 4


def replay(
    recording: Recording | RecordingReader, guard: SettingsOrFile | Guard | None = None, *, speed: float | None = None
) -> Summary:
    """Play a recording to a guard, chunk by chunk with its times.

    Parameters
    ----------
    recording : Recording or RecordingReader
        `Recording.load` reads one from a file.
    guard : Settings, path of a guard file, or Guard, optional
        What to look for; the default settings where left out. Under ``shadow`` the recording is read to its end, and
        findings say what a live guard would have done.
    speed : float, optional
        1 plays it as fast as it came, 2 twice as fast. Default: at once. A recording without times gets even ones then.

    Returns
    -------
    Summary
        Its times are unknown where the recording has none.

    Raises
    ------
    TypeError
        For what is no recording.
    InputError
        For a speed that is not above 0.

    Notes
    -----
    What the client sent over a socket is left out: a guard watches what comes in. A recording that was cut counts as
    an abrupt close. `Replay` tells when each decision was made, and what a stop would have saved.
    """
    check(recording, speed)
    player = Player(recording, speed)
    guard, now_ns = guard_of(guard, player), 0
    for chunk in player:
        now_ns = fed(guard, chunk, now_ns)
    return ended(guard, recording, now_ns)


async def replay_async(
    recording: Recording | RecordingReader, guard: SettingsOrFile | Guard | None = None, *, speed: float | None = None
) -> Summary:
    """Play a recording to a guard while the event loop goes on.

    Parameters
    ----------
    recording, guard, speed
        As `replay` takes them, which tells what is raised.

    Returns
    -------
    Summary

    Notes
    -----
    Between two chunks other tasks run; without a speed they get a turn every few milliseconds. To cancel it ends it at
    the next chunk.

    Examples
    --------
    >>> import asyncio
    >>> recording = Recording(chunks=[(20_000_000, b"data: [DONE]")], framing="sse", dialect="openai-chat")
    >>> asyncio.run(replay_async(recording, speed=1)).pace.first_byte_s
    0.02
    """
    check(recording, speed)
    player = Player(recording, speed)
    guard, now_ns = guard_of(guard, player), 0
    async for chunk in player:
        now_ns = fed(guard, chunk, now_ns)
    return ended(guard, recording, now_ns)


def fed(guard: Guard, chunk: Chunk, now_ns: int) -> int:
    """Feeds a chunk; the time at which it came."""
    now_ns = now_ns if chunk.t_ns is None else chunk.t_ns
    guard.feed(chunk.data, now_ns)
    return now_ns


def ended(guard: Guard, recording: Recording | RecordingReader, now_ns: int) -> Summary:
    """Closes the stream as it closed when it was recorded."""
    if recording.end_ns is not None:
        now_ns = recording.end_ns
        guard.tick(now_ns)  # a stall at the end
    return guard.finish(recording.end or "abrupt", now_ns)[1]


class Decided(NamedTuple):
    """A finding, and where in the stream it was made."""

    at_ns: int | None
    """When, in the recording's times; None where it has none."""
    byte: int
    """Bytes of the stream that had come."""
    finding: Finding


class Saved(NamedTuple):
    """What a stop would have saved, as far as a recording can tell."""

    characters: int
    """Behind the cut."""
    tokens: int
    """Of the answer, an estimate."""
    rule: str
    """How tokens were estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    r"""What a guard would have decided on a recorded stream, when, and what that would have saved.

    Parameters
    ----------
    summary : Summary
        The stream as the guard would have left it: a stop ends it.
    recorded : Summary
        The recording to its end.
    decided : tuple of Decided
        In the order of the stream.
    stop : Decided, optional
        Where the guard would have stopped it; `byte` is then the last that would have passed.
    saved : Saved
    times : {"recorded", "even"}, optional
        Where times come from; None where there are none.

    Examples
    --------
    >>> event = '{"object":"chat.completion.chunk","choices":[{"delta":{"content":"I am done. "}}]}'
    >>> recording = Recording.load((f"data: {event}\n\n" * 40).encode())
    >>> seen = Replay.of(recording, Settings())
    >>> seen.stop.finding.kind, seen.saved.characters > 300
    ('exact', True)
    """

    summary: Summary
    recorded: Summary
    decided: tuple[Decided, ...]
    stop: Decided | None
    saved: Saved
    times: Literal["recorded", "even"] | None

    @classmethod
    def of(
        cls,
        recording: Recording | RecordingReader,
        guard: SettingsOrFile | None = None,
        *,
        speed: float | None = None,
        on_decided: Callable[[Decided], object] | None = None,
        on_chunk: Callable[[Chunk], object] | None = None,
    ) -> "Replay":
        """Play a recording to a guard that acts, and beside it to one that reads on.

        Parameters
        ----------
        recording : Recording or RecordingReader
        guard : Settings or path of a guard file, optional
            The default settings where left out.
        speed : float, optional
            As for `replay`. Behind a stop nothing is waited for.
        on_decided : callable, optional
            Called with each `Decided` when it is made.
        on_chunk : callable, optional
            Called with each chunk when it was played.

        Raises
        ------
        TypeError
            For what is no recording, or no settings.
        InputError
            For a speed that is not above 0.
        """
        check(recording, speed)
        for name, given in (("on_decided", on_decided), ("on_chunk", on_chunk)):
            if given is not None and not callable(given):
                raise TypeError(f"{name} is {type(given).__name__}, allowed: a callable or None")
        run = Run(Player(recording, speed), settings_of(guard), on_decided)
        return run.played(recording, on_chunk)


class Run:
    """One recording on its way through a guard that acts, and one that reads on."""

    def __init__(
        self, player: Player, settings: Settings | None, on_decided: Callable[[Decided], object] | None
    ) -> None:
        self.player = player
        self.on_decided = on_decided
        self.guard = guard_of(settings, player)
        self.reader = guard_of(Settings(shadow=True), player)
        self.to_cut = guard_of(Settings(shadow=True), player)
        self.decided: list[Decided] = []
        self.stop: Decided | None = None
        self.summary: Summary | None = None
        self.before: Summary | None = None
        self.bytes = 0

    def played(self, recording: Recording | RecordingReader, on_chunk: Callable[[Chunk], object] | None) -> Replay:
        """Play it to its end."""
        now_ns, tick_at_ns = 0, None
        for chunk in self.player:
            now_ns = now_ns if chunk.t_ns is None else chunk.t_ns
            if self.summary is None:
                self.wait(tick_at_ns, now_ns)
            if self.summary is None:
                decision = self.guard.feed(chunk.data, now_ns)
                tick_at_ns = decision.tick_at_ns
                self.take(decision, now_ns, chunk.data)
            self.bytes += len(chunk.data)
            self.reader.feed(chunk.data, now_ns)
            if on_chunk is not None:
                on_chunk(chunk)
        if recording.end_ns is not None:
            now_ns = recording.end_ns
        how = recording.end or "abrupt"
        if self.summary is None:
            self.wait(tick_at_ns, now_ns)
        if self.summary is None:
            decision, self.summary = self.guard.finish(how, now_ns)
            self.note(decision, now_ns, self.bytes)
        self.reader.tick(now_ns)
        recorded = self.reader.finish(how, now_ns)[1]
        return Replay(
            summary=self.summary,
            recorded=recorded,
            decided=tuple(self.decided),
            stop=self.stop,
            saved=saved(self.before, recorded),
            times=self.player.times,
        )

    def wait(self, tick_at_ns: int | None, until_ns: int) -> None:
        """Let the owner's timer ring as it would have."""
        while tick_at_ns is not None and tick_at_ns <= until_ns and self.summary is None:
            decision = self.guard.tick(tick_at_ns)
            self.take(decision, tick_at_ns, b"")
            if decision.tick_at_ns is not None and decision.tick_at_ns <= tick_at_ns:
                return
            tick_at_ns = decision.tick_at_ns

    def take(self, decision: Decision, now_ns: int, chunk: bytes) -> None:
        """Note what was decided; at a stop end the guard's stream."""
        passed = chunk[: self.cut(decision, chunk)] if decision.halted else chunk
        self.to_cut.feed(passed, now_ns)
        byte = self.bytes + len(passed)
        self.note(decision, now_ns, byte)
        if decision.halted:
            self.player.hurry()
            stop = halting([one.finding for one in self.decided])
            self.stop = next((one._replace(byte=byte) for one in self.decided if one.finding is stop), None)
            self.summary = self.guard.finish("stopped", now_ns)[1]
            self.before = self.to_cut.finish("stopped", now_ns)[1]

    def cut(self, decision: Decision, chunk: bytes) -> int:
        """How much of the chunk stands before the cut."""
        if not self.guard._redacts:
            return len(decision.forward)
        return decision.events[-1].span[1] - self.bytes if decision.events else len(chunk)

    def note(self, decision: Decision, now_ns: int, byte: int) -> None:
        """Keep the findings of a decision, with their place."""
        for finding in decision.findings:
            decided = Decided(now_ns if self.player.times else None, byte, finding)
            self.decided.append(decided)
            if self.on_decided is not None:
                self.on_decided(decided)


def check(recording: object, speed: float | None) -> None:
    """Refuse what cannot be played."""
    if not isinstance(recording, Recording | RecordingReader):
        raise TypeError(f"recording is {type(recording).__name__}, allowed: Recording; Recording.load reads a file")
    if speed is None:
        return
    if isinstance(speed, bool) or not isinstance(speed, int | float):
        raise TypeError(f"speed is {type(speed).__name__}, allowed: a number above 0, or None")
    if not (math.isfinite(speed) and speed > 0):
        raise InputError(f"speed is {speed}, allowed is above 0: 1 is real time, 2 twice as fast")


def guard_of(guard: SettingsOrFile | Guard | None, player: Player) -> Guard:
    """A guard for what is played."""
    if isinstance(guard, Guard):
        return guard
    settings = settings_of(guard, EITHER)
    if settings is not None and settings.hold is not None:
        settings = replace(settings, hold=None)  # nobody is asked
    started_ns = 0 if player.times and player.from_request else None
    return Guard(settings, dialect=player.dialect, framing=player.framing, started_ns=started_ns)


def saved(before: Summary | None, recorded: Summary) -> Saved:
    """What stands behind the cut of a stream that would have been stopped."""
    if before is None:
        return Saved(0, 0, "not stopped")
    whole, passed = characters(recorded), characters(before)
    behind = max(0, whole - passed)
    usage = recorded.usage
    if usage.source != "reported" or usage.output is None or not whole:
        return Saved(behind, behind // CHARACTERS_OF_TOKEN, "estimate: characters behind the cut / 4")
    tokens, of = usage.output, "reported output tokens"
    seen_thinking = any(channel.kind == "reasoning" for channel in recorded.channels)
    if usage.reasoning and not seen_thinking and usage.reasoning <= tokens:
        tokens, of = tokens - usage.reasoning, "reported output tokens without reasoning, which is not in the stream"
    rule = f"estimate: {of} ({tokens}) minus the share of the characters before the cut ({passed} of {whole})"
    return Saved(behind, tokens - round(tokens * passed / whole), rule)


def characters(summary: Summary) -> int:
    """Characters of all channels that hold text."""
    return sum(channel.characters for channel in summary.channels if channel.kind in READ)
