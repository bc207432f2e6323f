"""What the check of an agent's loops looks for, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from midstream.errors import InputError
from midstream.stream.named import named

__all__ = ["ActionLimits", "Actions", "actions_of", "check_actions"]


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLimits:
    """From how many copies of an agent's action on something is asked for.

    Parameters
    ----------
    hint : int or "off", optional
        Tell the model in its next turn. From 2 to 64, as the others. Default: that of the view; for a tool, off.
    warn : int or "off", optional
        Tell the caller.
    stop : int or "off", optional
        End the run.
    """

    hint: int | Literal["off"] | None = None
    warn: int | Literal["off"] | None = None
    stop: int | Literal["off"] | None = None


ActionView = ActionLimits | Literal["off"]


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """The check of an agent's loops: calls of tools with their results, and messages.

    A result not seen before is progress: what was counted of calls begins anew. Copies between which other calls were
    tried for the first time count half.

    Parameters
    ----------
    repeat : ActionLimits or "off"
        The same call with the same result.
    ping_pong : ActionLimits or "off"
        A cycle of 2 to 5 calls with unchanged results, in turns.
    same_error : ActionLimits or "off"
        One error text from different calls.
    no_progress : ActionLimits or "off"
        Messages of one agent that say the same, among its last 16: no limit may be above.
    waiting : ActionLimits or "off"
        For the first three where equal results prove little: they say to wait (``pending``, ``503``), say nothing
        (``ok``), or are not known, as in the answer of one stream.
    tools : mapping of str to ActionLimits or "off"
        Other limits for the calls of a tool, by its name: for one that polls, or a debugger's ``next``.
    volatile : tuple of str
        Fields of arguments that do not count when calls are compared, at any depth.

    Examples
    --------
    >>> from midstream.stream import ActionLimits, Actions, Settings
    >>> actions = Actions(repeat=ActionLimits(stop="off"), tools={"next": "off"})
    >>> Settings(actions=actions).actions.repeat.stop
    'off'
    """

    repeat: ActionView = ActionLimits(hint=3, warn=5, stop=8)
    ping_pong: ActionView = ActionLimits(hint=3, warn=5, stop=8)
    same_error: ActionView = ActionLimits(hint=4, warn=6, stop=10)
    no_progress: ActionView = ActionLimits(hint=4, warn=8, stop="off")
    waiting: ActionView = ActionLimits(hint=10, warn=20, stop=30)
    tools: Mapping[str, ActionView] = field(default_factory=dict, hash=False)
    volatile: tuple[str, ...] = ("idempotency_key", "nonce", "request_id", "trace_id")


def check_actions(actions: object) -> None:
    """Refuse what JSON could not say or would say without the field's name; the rest is checked in Rust."""
    if not isinstance(actions, Actions):
        raise _wrong("actions", actions, "a midstream.stream.Actions")
    for name in ("repeat", "ping_pong", "same_error", "no_progress", "waiting"):
        _check_view(f"actions.{name}", getattr(actions, name))
    if not isinstance(actions.tools, Mapping):
        raise _wrong("actions.tools", actions.tools, "a mapping from names of tools to ActionLimits or 'off'")
    for tool, view in actions.tools.items():
        if not isinstance(tool, str):
            raise _wrong("actions.tools", tool, "names of tools as strings")
        _check_view(f"actions.tools.{tool}", view)
    named = isinstance(actions.volatile, (tuple, list)) and all(isinstance(name, str) for name in actions.volatile)
    if not named:
        raise _wrong("actions.volatile", actions.volatile, "a tuple of strings")


def _check_view(path: str, view: object) -> None:
    if isinstance(view, str) and view == "off":
        return
    if not isinstance(view, ActionLimits):
        raise _wrong(path, view, "a midstream.stream.ActionLimits or 'off'")
    for entry in fields(view):
        copies = getattr(view, entry.name)
        counted = isinstance(copies, int) and not isinstance(copies, bool) and 0 <= copies < 2**32
        if not (copies is None or counted or (isinstance(copies, str) and copies == "off")):
            raise _wrong(f"{path}.{entry.name}", copies, "from 2 to 64, or 'off'")


def _wrong(path: str, value: object, allowed: str) -> InputError:
    return InputError(f"{path} is {value!r:.80}, allowed is {allowed}", field=path)


def actions_of(table: Mapping[str, Any]) -> Actions:
    """The check of an agent's loops from a table of plain values."""
    values = {name: _view(value) for name, value in table.items() if name not in ("tools", "volatile")}
    if isinstance(tools := table.get("tools", {}), Mapping):
        tools = {tool: _view(view) for tool, view in tools.items()}
    volatile = table.get("volatile", Actions().volatile)
    return Actions(tools=tools, volatile=tuple(volatile) if isinstance(volatile, list) else volatile, **values)


def _view(value: Any) -> Any:
    return ActionLimits(**value) if isinstance(value, Mapping) else value
