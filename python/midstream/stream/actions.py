"""What the check of an agent's loops looks for, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from midstream.stream.named import named
from midstream.stream.tables import by_name, table

__all__ = ["ActionLimits", "Actions"]


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

    Notes
    -----
    What is weaker comes first: a hint is not above the warning, nor either above the stop. Where two are equal the stronger counts. A default that a stronger limit of yours
    leaves no copies is off.
    """

    hint: int | Literal["off"] | None = None
    warn: int | Literal["off"] | None = None
    stop: int | Literal["off"] | None = None


ActionView = ActionLimits | Literal["off"]
LIMITS = table(ActionLimits)


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

    repeat: ActionView = field(default=ActionLimits(hint=3, warn=5, stop=8), metadata=LIMITS)
    ping_pong: ActionView = field(default=ActionLimits(hint=3, warn=5, stop=8), metadata=LIMITS)
    same_error: ActionView = field(default=ActionLimits(hint=4, warn=6, stop=10), metadata=LIMITS)
    no_progress: ActionView = field(default=ActionLimits(hint=4, warn=8, stop="off"), metadata=LIMITS)
    waiting: ActionView = field(default=ActionLimits(hint=10, warn=20, stop=30), metadata=LIMITS)
    tools: Mapping[str, ActionView] = field(default_factory=dict, hash=False, metadata=by_name(ActionLimits))
    volatile: tuple[str, ...] = ("idempotency_key", "nonce", "request_id", "trace_id")
