"""Text that waits for a check of the caller's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Literal, TypeAlias

from midstream._rust.stream import Guard, Held
from midstream.errors import InputError
from midstream.stream.named import named

__all__ = ["Called", "Hold", "Moderate", "Verdict", "check_moderate", "is_async", "reason_of"]

Verdict: TypeAlias = bool | str | None
"""What a check says of a text: True or None lets it pass, False or a reason stops the stream."""
Moderate: TypeAlias = Callable[[Held], Verdict | Awaitable[Verdict]]
"""A check of held text, sync or async."""


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Text that waits until a check of yours lets it pass: ``moderate`` of `watch`, `wrap` and the transports.

    Text is asked for sentence by sentence. Its bytes wait, and what comes behind them, in the order and in the envelope
    of the provider. Text that cannot be read ends the stream.

    Parameters
    ----------
    channels : tuple of {"reasoning", "refusal", "text", "tool"}
        Kinds of channels whose text waits.
    limit : int
        Characters at which a text is asked for although its sentence has no end, from 1 to 1,000,000.
    max_hold_s : float, optional
        Seconds that the check may take for one text, above 0. Default: as long as it takes.
    at_max_hold : {"pass", "stop"}, optional
        What becomes of a text whose check takes longer: it passes unchecked, or the stream is stopped. You have to choose
        with `max_hold_s`. Where the check of a text that passed refuses it later, the stream is stopped then.
    tools_off : tuple of str
        Names of tools whose arguments do not wait.

    Notes
    -----
    A sentence ends at its mark (Unicode's ``Sentence_Terminal``), at a line's end and at the end of its channel. A point
    behind a digit, a single letter or an abbreviation such as ``Dr`` ends none. White space alone is not asked for. Memory
    grows with the text, all of which the check is given. What a provider says beside the text of an answer, as the results of its
    own tools, is not asked for. A sync stream measures `max_hold_s` when the check returns.

    Examples
    --------
    >>> from midstream.stream import Guard, Settings
    >>> guard = Guard(Settings(hold=Hold()))
    >>> decision = guard.push("All is well. And")
    >>> decision.forward, decision.held
    (b'', [Held(0, text, "All is well.")])
    >>> guard.release(0).forward
    b'All is well.'
    """

    channels: tuple[Literal["reasoning", "refusal", "text", "tool"], ...] = ("text",)
    limit: int = 200
    max_hold_s: float | None = None
    at_max_hold: Literal["pass", "stop"] | None = None
    tools_off: tuple[str, ...] = ()


def check_moderate(guard: object, reactions: Any, *, asynchronous: bool | None) -> None:
    """Refuse a check without text that is held, and held text without a check, before the stream is touched.

    Parameters
    ----------
    guard : Settings, Guard or None
    reactions : Reactions
        With the check.
    asynchronous : bool, optional
        Of the stream; None where it can be read either way.
    """
    moderate = reactions.moderate
    if moderate is not None and not callable(moderate):
        raise TypeError(f"moderate is {type(moderate).__name__}, allowed: a callable that takes a held text")
    holds = guard._holds if isinstance(guard, Guard) else getattr(guard, "hold", None) is not None
    if holds and moderate is None:
        raise InputError("moderate is not given, and the settings hold text: hand in the check that it waits for")
    if moderate is not None and not holds:
        raise InputError("moderate is given, but the settings hold no text: set Settings(hold=Hold())", key="hold")
    if holds and reactions.on_stop == "finish":
        told = "nobody knows how much of the answer would be finished"
        raise InputError(f"on_stop is 'finish', allowed where text is held: 'raise', 'end', 'error': {told}")
    if moderate is not None and asynchronous is False and is_async(moderate):
        raise TypeError("moderate is async, but the stream is not: hand in a plain callable, or an async stream")


def is_async(moderate: object) -> bool:
    """Whether calling this gives something to wait for, as far as can be told before."""
    return iscoroutinefunction(moderate) or iscoroutinefunction(getattr(type(moderate), "__call__", None))  # noqa: B004


def reason_of(verdict: object) -> str | None:
    """Why a text is refused; None where it may pass.

    Raises
    ------
    TypeError
        For what is no verdict.
    """
    if verdict is None or verdict is True:
        return None
    if verdict is False:
        return ""
    if isinstance(verdict, str):
        return verdict
    raise TypeError(f"moderate gave {type(verdict).__name__}, allowed: True or None to pass, False or a reason to stop")


class Called:
    """A check that is called where its outcome is asked for."""

    def __init__(self, moderate: Any, held: Held) -> None:
        self._moderate = moderate
        self._held = held

    def result(self) -> object:
        """The verdict."""
        verdict: object = self._moderate(self._held)
        if isawaitable(verdict):
            getattr(verdict, "close", lambda: None)()
            raise TypeError("moderate gave something to await, but the stream is not async")
        return verdict
