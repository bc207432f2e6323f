"""What the checks of a stream look for, and what follows."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from midstream._files import replacing
from midstream._rust.stream import CompiledSettings
from midstream.errors import InputError
from midstream.stream.actions import Actions
from midstream.stream.budget import Budget
from midstream.stream.hold import Hold
from midstream.stream.named import named
from midstream.stream.repeat import Repeat
from midstream.stream.tables import made, plain, rows, wrong

__all__ = [
    "Ending",
    "Pace",
    "Redact",
    "Rule",
    "Settings",
    "SettingsOrFile",
]


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

    stall: Literal["off", "observe", "warn", "stop"] = "warn"
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
    pattern : str, optional
        A regular expression of Rust's ``regex`` crate without captures, lazy quantifiers, look-around and backreferences.
        ``\b`` is ASCII, and the longest match wins. Default: the built-in rule of that name, with what else is given here.
    max_len : int, optional
        Bytes at which a match of a pattern without a longest match is masked unseen, until it ends. Needed there.
    replacement : str, optional
        What stands in the place of a match: letters, digits, ``_`` and ``*``, also in square brackets. Default: the name
        in capitals, in brackets.
    action : {"redact", "stop"}, optional
        What a match asks for, in place of `Redact.action`, which must be one of the two as well. Of this and the action of
        a kind of channel, or of a tool, the stronger counts. Default: the same.

    Examples
    --------
    >>> from midstream.stream import Guard, Redact, Settings
    >>> guard = Guard(Settings(redact=Redact(rules=("email", Rule(name="card", action="stop")))))
    >>> decision = guard.push("bob@example.org paid with 4111 1111 1111 1111, and ")
    >>> decision.action, decision.forward
    ('stop', b'[EMAIL] paid with [CARD]')
    """

    name: str
    pattern: str | None = None
    max_len: int | None = None
    replacement: str | None = None
    action: Literal["redact", "stop"] | None = None


RespondToSecret: TypeAlias = Literal["on", "off", "observe", "warn", "redact", "stop"]
"""What a secret in one kind of channel asks for: ``on`` is what it asks for in all."""


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
        What a match asks for. ``redact`` replaces it and the stream goes on; ``stop`` replaces it too and ends the stream
        behind the replacement, or behind the frame that holds it; ``observe`` and ``warn`` report it and change nothing.
    max_hold_s : float, optional
        Seconds that text may wait, above 0; then the stream is stopped. Default: as long as the stream goes on.
    reasoning, refusal, text, tool : {"on", "off", "observe", "warn", "redact", "stop"}
        What a match in channels of that kind asks for. ``on`` is what `action` says. What is ``off`` is not read.
    tools : mapping of str to one of these
        The same for the arguments of a tool, by its name, instead of `tool`.

    Notes
    -----
    Where a kind or a tool has an action of its own and a rule too, the stronger counts. In channels that are off or only
    reported, rules change nothing either. What no channel holds, such as errors and copies of the whole text, is replaced
    wherever `action`, a kind or a tool asks for ``redact`` or ``stop``.

    Only a mark or the end of the stream ends a text, and not a finish reason, since some servers send text behind one.
    While text is held there, the frame that says the reason waits too.

    Examples
    --------
    >>> from midstream.stream import Guard
    >>> guard = Guard(Settings(redact=Redact(rules=("email", Rule(name="ticket", pattern="T-[0-9]{4}")))))
    >>> guard.push("T-1234 of bob@example.org").forward
    b'[TICKET] of '
    >>> guard.finish()[0].forward
    b'[EMAIL]'
    """

    rules: tuple[str | Rule, ...] = field(default=(), metadata=rows(Rule))
    action: Literal["off", "observe", "warn", "redact", "stop"] = "redact"
    max_hold_s: float | None = None
    reasoning: RespondToSecret = "on"
    refusal: RespondToSecret = "on"
    text: RespondToSecret = "on"
    tool: RespondToSecret = "on"
    tools: Mapping[str, RespondToSecret] = field(default_factory=dict, hash=False)


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the checks of a stream look for. Frozen: one object serves any number of streams and threads.

    Parameters
    ----------
    actions, budget, ending, pace, redact, repeat : Actions, Budget, Ending, Pace, Redact, Repeat
        One table a check.
    hold : Hold, optional
        Text that waits for a check of yours. Default: none does.
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
    >>> Settings.loads(Settings(shadow=True).to_toml()) == Settings(shadow=True)
    True
    >>> Settings.from_dict({"repaet": {}})
    Traceback (most recent call last):
    midstream.errors.InputError: no setting is named "repaet"; did you mean "repeat"? known: actions, budget, ending, hold, pace, redact, repeat, shadow
    """

    actions: Actions = field(default_factory=Actions)
    budget: Budget = field(default_factory=Budget)
    ending: Ending = field(default_factory=Ending)
    hold: Hold | None = None
    pace: Pace = field(default_factory=Pace)
    redact: Redact = field(default_factory=Redact)
    repeat: Repeat = field(default_factory=Repeat)
    shadow: bool = False
    _compiled: CompiledSettings = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, kind in kinds().items():
            if not isinstance(given := getattr(self, name), kind):
                raise wrong(name, given, f"a midstream.stream.{kind.__name__}")
        if self.hold is not None and not isinstance(self.hold, Hold):
            raise wrong("hold", self.hold, "a midstream.stream.Hold or None")
        object.__setattr__(self, "_compiled", CompiledSettings(json.dumps(self.to_dict())))

    def to_dict(self) -> dict[str, Any]:
        """The settings as tables of plain values, as a guard file holds them."""
        tables: dict[str, Any] = plain(self)
        return tables

    def to_toml(self) -> str:
        """The settings as the text of a guard file."""
        return CompiledSettings.write(json.dumps(self.to_dict()))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a guard file, as a whole or not at all.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        OSError
            Where it cannot be written.
        """
        with replacing(path) as file:
            file.write(self.to_toml().encode())

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any]) -> Self:
        """Settings from tables of plain values; what is left out has its default."""
        if not isinstance(tables, Mapping):
            raise TypeError(f"tables is {type(tables).__name__}, allowed: a mapping of tables")
        values = plain(tables)
        return cls._of(values, CompiledSettings(json.dumps(values)))

    @classmethod
    def loads(cls, text: str | bytes) -> Self:
        r"""Settings from the text of a guard file; what is left out has its default.

        Parameters
        ----------
        text : str or bytes
            TOML in UTF-8, at most 1 MiB.

        Raises
        ------
        InputError
            With ``line``, ``column`` and ``key`` of what is wrong.

        Examples
        --------
        >>> Settings.loads("[repeat]\nnear = 'off'").repeat.near
        'off'
        """
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"text is {type(text).__name__}, allowed: str or bytes of TOML; load reads a file")
        return cls._read(text.encode(errors="replace") if isinstance(text, str) else text, None)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Settings from a guard file; what is left out has its default.

        Parameters
        ----------
        path : str or path-like
            TOML in UTF-8, at most 1 MiB.

        Raises
        ------
        InputError
            With ``file``, and ``line``, ``column`` and ``key`` of what is wrong in it.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"path is {type(path).__name__}, allowed: a path; loads reads text")
        name = os.fsdecode(path)
        try:
            with Path(path).open("rb") as file:
                content = file.read(CompiledSettings.MAX_FILE + 1)
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise InputError(f"cannot read the guard file {name}: {reason}", file=name) from error
        return cls._read(content, name)

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """The JSON schema (draft 2020-12) of guard files, for editors and other tools."""
        text = resources.files("midstream.stream").joinpath("guard.schema.json").read_text(encoding="utf-8")
        schema: dict[str, Any] = json.loads(text)
        return schema

    @classmethod
    def _read(cls, content: bytes, file: str | None) -> Self:
        compiled, tables = CompiledSettings.read(content, file)
        return cls._of(json.loads(tables), compiled)

    @classmethod
    def _of(cls, tables: Mapping[str, Any], compiled: CompiledSettings) -> Self:
        """The settings that were compiled from these tables."""
        settings = object.__new__(cls)
        for name, kind in kinds().items():
            object.__setattr__(settings, name, made(kind, tables.get(name, {})))
        hold = tables.get("hold")
        object.__setattr__(settings, "hold", None if hold is None else made(Hold, hold))
        object.__setattr__(settings, "shadow", tables.get("shadow", False))
        object.__setattr__(settings, "_compiled", compiled)
        return settings

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self).from_dict, (self.to_dict(),))


def kinds() -> dict[str, type[Any]]:
    """The class of each table."""
    made_by: dict[str, Any] = {entry.name: entry.default_factory for entry in fields(Settings)}
    return {name: kind for name, kind in made_by.items() if isinstance(kind, type)}


SettingsOrFile: TypeAlias = Settings | str | os.PathLike[str]
"""Settings, or the path of a guard file."""
