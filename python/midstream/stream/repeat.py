"""What the check of loops in text looks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from midstream.stream.named import named
from midstream.stream.tables import by_name, table

__all__ = ["Repeat", "RepeatActions", "RepeatToolActions"]

Respond = Literal["off", "observe", "warn", "hint", "stop"]
"""What a check does when it fires: nothing at all, record, tell, tell the model, or end the stream."""
RespondToReasoning = Literal["off", "observe", "warn", "hint", "end_reasoning", "stop"]
"""The same where the model thinks: its thinking can be ended, and the answer asked for."""


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatActions:
    """What the views of the check of loops ask for in one kind of channel.

    Parameters
    ----------
    exact, counter, near : {"off", "observe", "warn", "hint", "end_reasoning", "stop"}, optional
        As in `Repeat`. ``end_reasoning``, for reasoning alone, closes the stream so that you can ask for the answer.
        Default: the same as for every channel.
    """

    exact: RespondToReasoning | None = None
    counter: RespondToReasoning | None = None
    near: RespondToReasoning | None = None


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatToolActions:
    """What the check of loops asks for in the arguments of tools.

    Parameters
    ----------
    exact : {"off", "observe", "warn", "hint", "stop"}, optional
        As in `Repeat`. Default: the same as for every channel.
    """

    exact: Respond | None = None


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """The check of loops in text.

    Code, tables, lists, logs, drawings, numbers and verse repeat themselves too: the limits differ for them, and near
    loops are looked for in lines of four words or more alone. Inside a Markdown fence only exact loops are looked for.

    Parameters
    ----------
    exact : {"off", "observe", "warn", "hint", "stop"}
        The same characters over and over. ``hint`` gives a sentence for the model's next turn, in the summary's
        ``hints``.
    counter : {"off", "observe", "warn", "hint", "stop"}
        The same words over and over with a number that goes up.
    near : {"off", "observe", "warn", "hint", "stop"}
        Re-worded repetition of prose.
    reasoning, refusal, text : RepeatActions or "off", optional
        Other actions for a kind of channel.
    tool : RepeatToolActions or "off", optional
        Another action for the arguments of tools. They are read for exact loops alone, with the limits of code.
    tools : mapping of str to RepeatToolActions or "off"
        Another action for the arguments of a tool, by its name.
    exact_run : int
        Equal letters in a row that are a loop, from 12 to 1,000,000; for CJK characters and emoji at most 39.
    exact_beyond : int
        Characters beyond the second copy that make prose a loop, from 12 to 1,000,000.
    counter_repeats : int
        Repeats that make a counter loop of sentences or items, from 2 to 1,000,000; other text needs more.
    counter_stop_copies : int or "off"
        Copies at which a counter loop that was told is stopped, from 3 to 1,000,000. Reasoning whose exact loops ask for
        its end is ended there.
    near_share : float
        Share of the last 60 groups of four words, each written at least twice before, that is a near loop where none of
        the words is new, 1.6 times that where one is. Above 0, at most 1.

    Notes
    -----
    Constant time and memory per character: at most 64 KiB for each channel, eight channels at a time.

    Examples
    --------
    >>> from midstream.stream import Guard, Settings
    >>> repeat = Repeat(reasoning=RepeatActions(exact="warn"), tools={"read_log": "off"})
    >>> guard = Guard(Settings(repeat=repeat))
    >>> guard.push("I am done. " * 20, channel="reasoning").action
    'warn'
    """

    exact: Respond = "stop"
    counter: Respond = "warn"
    near: Respond = "warn"
    reasoning: RepeatActions | Literal["off"] | None = field(default=None, metadata=table(RepeatActions))
    refusal: RepeatActions | Literal["off"] | None = field(default=None, metadata=table(RepeatActions))
    text: RepeatActions | Literal["off"] | None = field(default=None, metadata=table(RepeatActions))
    tool: RepeatToolActions | Literal["off"] | None = field(default=None, metadata=table(RepeatToolActions))
    tools: Mapping[str, RepeatToolActions | Literal["off"]] = field(
        default_factory=dict, hash=False, metadata=by_name(RepeatToolActions)
    )
    exact_run: int = 99
    exact_beyond: int = 70
    counter_repeats: int = 4
    counter_stop_copies: int | Literal["off"] = 12
    near_share: float = 0.45
