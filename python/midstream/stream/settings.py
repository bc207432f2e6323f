"""What the checks of a stream look for, and what follows."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

from midstream._rust.stream import CompiledSettings
from midstream.errors import InputError
from midstream.stream.actions import Actions, actions_of, check_actions
from midstream.stream.named import named

__all__ = ["Ending", "Pace", "Redact", "Repeat", "RepeatActions", "Rule", "Settings"]

Respond = Literal["off", "observe", "warn", "stop"]
"""What a check does when it fires: nothing at all, record, tell, or end the stream."""
ReadChannel = Literal["reasoning", "refusal", "text", "tool"]
"""A kind of channel whose text is read for loops."""


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The check of endings: a stream that did not reach its semantic end.

    Parameters
    ----------
    action : {"off", "observe", "warn"}
        For every ending but complete. An ended stream cannot be stopped.
    """

    action: Literal["off", "observe", "warn"] = "warn"


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The check of times: a stream that went quiet.

    Parameters
    ----------
    stall : {"off", "observe", "warn", "stop"}
        What a stall asks for.
    first_byte_s : float
        Longest wait for the first byte, in seconds, above 0.
    idle_s : float
        Longest time without a byte after the first, in seconds, above 0.
    no_progress_s : float
        Longest time with nothing but pings and comments, in seconds, above 0.
    """

    stall: Respond = "warn"
    first_byte_s: float = 300.0
    idle_s: float = 30.0
    no_progress_s: float = 120.0


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    r"""One kind of secret.

    Parameters
    ----------
    name : str
        For reports: ``a-z``, ``0-9`` and ``_``.
    pattern : str
        A regular expression of Rust's ``regex`` crate without captures, lazy quantifiers, look-around and backreferences.
        ``\b`` is ASCII, and the longest match wins.
    max_len : int, optional
        Bytes at which a match of a pattern without a longest match is masked unseen, until it ends. Needed there.
    replacement : str, optional
        What stands in the place of a match: letters, digits, ``_`` and ``*``, also in square brackets. Default: the name
        in capitals, in brackets.
    """

    name: str
    pattern: str
    max_len: int | None = None
    replacement: str | None = None


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Redact:
    """Secrets in text, which are replaced while it streams.

    Text is held only while it could begin a secret. What cannot be read, such as a format that is not known, ends the
    stream: a secret could pass in it.

    Parameters
    ----------
    rules : tuple of str or Rule
        Names of built-in rules, ``built_in`` for all of those, and rules of your own. None: nothing is looked for.
    action : {"off", "observe", "warn", "redact", "stop"}
        ``redact`` replaces, ``stop`` also ends the stream behind the replacement, ``observe`` and ``warn`` change nothing.
    max_hold_s : float, optional
        Seconds that text may wait, above 0; then the stream is stopped. Default: as long as the stream goes on.

    Notes
    -----
    Where a provider sends text of a channel after that channel's finish reason, or in an event that its dialect does not
    name, a secret that is cut in two there is not put together, and its first part passes. Recordings are not redacted.

    Examples
    --------
    >>> from midstream.stream import Guard
    >>> guard = Guard(Settings(redact=Redact(rules=("email", Rule(name="ticket", pattern="T-[0-9]{4}")))))
    >>> guard.push("T-1234 of bob@example.org").forward
    b'[TICKET] of '
    >>> guard.finish()[0].forward
    b'[EMAIL]'
    """

    rules: tuple[str | Rule, ...] = ()
    action: Literal["off", "observe", "warn", "redact", "stop"] = "redact"
    max_hold_s: float | None = None


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatActions:
    """What each view of the check of loops asks for.

    Parameters
    ----------
    exact : {"off", "observe", "warn", "stop"}
        The same characters over and over.
    counter : {"off", "observe", "warn", "stop"}
        The same words over and over with a number that goes up.
    near : {"off", "observe", "warn", "stop"}
        Re-worded repetition of prose.
    """

    exact: Respond = "stop"
    counter: Respond = "warn"
    near: Respond = "warn"


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(RepeatActions):
    """The check of loops in text.

    Code, tables, lists, logs, drawings, numbers and verse repeat themselves too: the limits differ for them, and near
    loops are looked for in lines of four words or more alone. Inside a Markdown fence only exact loops are looked for.

    Parameters
    ----------
    exact, counter, near : {"off", "observe", "warn", "stop"}
        As in `RepeatActions`.
    reasoning : RepeatActions, optional
        Other actions for reasoning. Default: the same as for text.
    channels : tuple of {"reasoning", "refusal", "text", "tool"}
        Kinds of channels that are read. Tool arguments are read for exact loops alone, with the limits of code.
    tools_off : tuple of str
        Names of tools whose arguments are not read.
    exact_run : int
        Equal letters in a row that are a loop, at least 12; for CJK characters and emoji at most 39.
    exact_beyond : int
        Characters beyond the second copy that make prose a loop, at least 12.
    counter_repeats : int
        Repeats that make a counter loop of sentences or items, at least 2; other text needs more.
    counter_stop_copies : int or "off"
        Copies at which a counter loop that was warned of is stopped, at least 3.
    near_share : float
        Share of the last 60 groups of four words, each written at least twice before, that is a near loop where none of
        the words is new, 1.6 times that where one is. Above 0, at most 1.

    Notes
    -----
    Constant time and memory per character: at most 64 KiB for each channel, eight channels at a time.
    """

    reasoning: RepeatActions | None = None
    channels: tuple[ReadChannel, ...] = ("reasoning", "refusal", "text", "tool")
    tools_off: tuple[str, ...] = ()
    exact_run: int = 99
    exact_beyond: int = 70
    counter_repeats: int = 4
    counter_stop_copies: int | Literal["off"] = 12
    near_share: float = 0.45


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the checks of a stream look for. Frozen: one object serves any number of streams and threads.

    Parameters
    ----------
    actions, ending, pace, redact, repeat : Actions, Ending, Pace, Redact, Repeat
        One table a check.
    shadow : bool
        Run every check and act on none: decisions are at most ``observe``, findings say what would have been done.

    Raises
    ------
    InputError
        For a value that is not allowed, naming field and value.

    Examples
    --------
    >>> Settings(repeat=Repeat(near="off"), shadow=True).repeat.near
    'off'
    >>> Settings.from_dict({"repaet": {}})
    Traceback (most recent call last):
    midstream.errors.InputError: no setting is named "repaet"; did you mean "repeat"? known: actions, ending, pace, redact, repeat, shadow
    """

    actions: Actions = field(default_factory=Actions)
    ending: Ending = field(default_factory=Ending)
    pace: Pace = field(default_factory=Pace)
    redact: Redact = field(default_factory=Redact)
    repeat: Repeat = field(default_factory=Repeat)
    shadow: bool = False
    _compiled: CompiledSettings = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_actions(self.actions)
        for name, table in (("ending", Ending), ("pace", Pace), ("repeat", Repeat)):
            _check_types(name, getattr(self, name), table)
        _check_redact(self.redact)
        if not isinstance(self.shadow, bool):
            raise InputError(f"shadow is {self.shadow!r:.80}, allowed is True or False", field="shadow")
        object.__setattr__(self, "_compiled", CompiledSettings(json.dumps(self.to_dict())))

    def to_dict(self) -> dict[str, Any]:
        """The settings as tables of plain values, as a guard file holds them."""
        tables = (self.actions, self.ending, self.pace, self.redact, self.repeat)
        return {type(table).__name__.lower(): asdict(table) for table in tables} | {"shadow": self.shadow}

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any]) -> Self:
        """Settings from tables of plain values; what is left out has its default."""
        if not isinstance(tables, Mapping):
            raise TypeError(f"tables is {type(tables).__name__}, allowed: a mapping of tables")
        for name, table in tables.items():
            if name in ("actions", "ending", "pace", "redact", "repeat") and not isinstance(table, Mapping):
                raise InputError(f"{name} is {table!r:.80}, allowed is a table", field=name)
        with suppress(TypeError, RecursionError):  # for what JSON cannot say, the fields' own checks are clearer
            CompiledSettings(json.dumps({str(name): table for name, table in tables.items()}))  # names what is wrong
        return cls(
            actions=actions_of(tables.get("actions", {})),
            ending=Ending(**tables.get("ending", {})),
            pace=Pace(**tables.get("pace", {})),
            redact=_redact(tables.get("redact", {})),
            repeat=_repeat(tables.get("repeat", {})),
            shadow=tables.get("shadow", False),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self).from_dict, (self.to_dict(),))


def _check_types(
    name: str, given: object, table: type[Ending] | type[Pace] | type[Repeat] | type[RepeatActions]
) -> None:
    """Refuse what JSON could not say or would say without the field's name; the rest is checked in Rust."""
    if not isinstance(given, table):
        raise InputError(f"{name} is {given!r:.80}, allowed is a midstream.stream.{table.__name__}", field=name)
    for entry in fields(table):
        value, path = getattr(given, entry.name), f"{name}.{entry.name}"
        if isinstance(entry.default, float):
            allowed, fits = "a finite number", _is_number(value) and math.isfinite(value)
        elif isinstance(entry.default, int):
            allowed, fits = (
                "an integer or 'off'",
                (isinstance(value, str) and value == "off") or (isinstance(value, int) and _is_number(value)),
            )
        elif isinstance(entry.default, str):
            allowed, fits = "a string", isinstance(value, str)
        elif isinstance(entry.default, tuple):
            allowed, fits = (
                "a tuple of strings",
                isinstance(value, (tuple, list)) and all(isinstance(v, str) for v in value),
            )
        else:
            if value is not None:
                _check_types(path, value, RepeatActions)
            continue
        if not fits:
            raise InputError(f"{path} is {value!r:.80}, allowed is {allowed}", field=path)


def _check_redact(given: object) -> None:
    """The same for redaction; what rules say is checked in Rust."""
    if not isinstance(given, Redact):
        raise InputError(f"redact is {given!r:.80}, allowed is a midstream.stream.Redact", field="redact")
    if not isinstance(given.action, str):
        raise InputError(f"redact.action is {given.action!r:.80}, allowed is a string", field="redact.action")
    hold = given.max_hold_s
    if hold is not None and not (_is_number(hold) and math.isfinite(hold)):
        allowed = "a finite number or None"
        raise InputError(f"redact.max_hold_s is {hold!r:.80}, allowed is {allowed}", field="redact.max_hold_s")
    rules: object = given.rules
    if not isinstance(rules, (tuple, list)):
        raise InputError(f"redact.rules is {rules!r:.80}, allowed is a tuple of rules", field="redact.rules")
    for at, rule in enumerate(rules):
        path = f"redact.rules[{at}]"
        if isinstance(rule, str):
            continue
        if not isinstance(rule, Rule):
            raise InputError(f"{path} is {rule!r:.80}, allowed is a name or a midstream.stream.Rule", field=path)
        for name in ("name", "pattern", "replacement"):
            value = getattr(rule, name)
            if not isinstance(value, str) and (name != "replacement" or value is not None):
                raise InputError(f"{path}.{name} is {value!r:.80}, allowed is a string", field=f"{path}.{name}")
        length = rule.max_len
        if length is not None and not (isinstance(length, int) and _is_number(length) and length >= 0):
            raise InputError(f"{path}.max_len is {length!r:.80}, allowed is an integer", field=f"{path}.max_len")


def _redact(table: Mapping[str, Any]) -> Redact:
    """Redaction from a table of plain values, in which a tuple is a list and a rule a table."""
    values = dict(table)
    if isinstance(rules := values.get("rules"), (tuple, list)):
        values["rules"] = tuple(Rule(**rule) if isinstance(rule, Mapping) else rule for rule in rules)
    return Redact(**values)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _repeat(table: Mapping[str, Any]) -> Repeat:
    """The check of loops from a table of plain values, in which a tuple is a list."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    if isinstance(values.get("reasoning"), Mapping):
        values["reasoning"] = RepeatActions(**values["reasoning"])
    return Repeat(**values)
