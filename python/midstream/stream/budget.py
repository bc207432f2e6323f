"""How much a stream may take."""

from dataclasses import dataclass
from typing import Literal

from midstream.stream.named import named

__all__ = ["Budget"]


@named
@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The check of what a stream takes. A limit that is None is none.

    Tokens are the provider's count where it has reported one, and characters divided by 4 since then; a finding says
    where that makes it an estimate.

    Parameters
    ----------
    output_tokens, output_characters : int, optional
        Of all that the model writes, reasoning included, at least 1.
    reasoning_tokens, reasoning_characters : int, optional
        Of its reasoning, at least 1.
    wall_time_s : float, optional
        Seconds from the request, or from the first call where that is not known, above 0.
    tool_calls : int, optional
        Calls that the model begins, at least 1.
    cost : float, optional
        In the unit of the prices, above 0. It needs `price_input` and `price_output`. Until the provider reports the
        input, the output's cost alone counts.
    price_input, price_output : float, optional
        Of a million tokens, 0 or above.
    price_cached_input : float, optional
        Of a million input tokens that were read from a cache. Default: `price_input`.
    action : {"off", "observe", "warn", "hint", "stop"}
        For whatever passes its limit. After the answer is complete it is at most a warning.
    reasoning_action : {"off", "observe", "warn", "hint", "end_reasoning", "stop"}, optional
        For the limits of reasoning, one of which it needs. Default: `action`.
    warn_at : float, optional
        Share of each limit that is warned of before, above 0 and below 1. It needs a limit.

    Notes
    -----
    A stop comes behind the event that passes a limit. ``summary.cost`` is there wherever the prices are. Tokens that were
    written to a cache count as input.

    Examples
    --------
    >>> from midstream.stream import Guard, Settings
    >>> guard = Guard(Settings(budget=Budget(output_characters=8)))
    >>> guard.push("All is well.").findings
    [Finding(budget/output_characters, stop: the budget of 8 output characters is passed: 9)]
    """

    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    output_characters: int | None = None
    reasoning_characters: int | None = None
    wall_time_s: float | None = None
    tool_calls: int | None = None
    cost: float | None = None
    price_input: float | None = None
    price_output: float | None = None
    price_cached_input: float | None = None
    action: Literal["off", "observe", "warn", "hint", "stop"] = "stop"
    reasoning_action: Literal["off", "observe", "warn", "hint", "end_reasoning", "stop"] | None = None
    warn_at: float | None = None
