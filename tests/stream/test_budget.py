"""A stream that takes more than its budget is stopped, and its cost is known where the prices are."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from midstream.errors import GuardStopped, InputError
from midstream.stream import Budget, Guard, Settings, watch

PRICES = {"price_input": 2.0, "price_output": 10.0}


def test_watched_text_ends_behind_the_piece_that_passes_a_limit() -> None:
    pieces = watch(iter(["Hello ", "world, ", "again."]), Settings(budget=Budget(output_characters=8)))
    read: list[str] = []
    with pytest.raises(GuardStopped, match=r"budget/output_characters, the budget of 8 output characters is passed: 9"):
        read.extend(pieces)
    assert read == ["Hello ", "world, "]
    assert pieces.summary.findings[0].offset == 9


def test_events_that_are_pushed_are_counted() -> None:
    guard = Guard(Settings(budget=Budget(tool_calls=1)))
    call = {"function": {"name": "f", "arguments": "{}"}}
    event = {
        "object": "chat.completion.chunk",
        "choices": [
            {"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "a", **call}, {"index": 1, "id": "b", **call}]}}
        ],
    }
    assert [(f.check, f.kind, f.action) for f in guard.push(event).findings] == [("budget", "tool_calls", "stop")]


def test_the_wall_time_ends_a_wait_for_the_next_piece() -> None:
    async def quiet() -> AsyncIterator[str]:
        yield "Hello"
        await asyncio.Event().wait()

    async def read() -> None:
        async for _ in watch(quiet(), Settings(budget=Budget(wall_time_s=0.05))):
            pass

    with pytest.raises(GuardStopped) as stopped:
        asyncio.run(read())
    assert (stopped.value.finding.kind, stopped.value.text) == ("wall_time", "Hello")


def test_the_cost_says_where_it_comes_from_and_unknown_is_none() -> None:
    guard = Guard(Settings(budget=Budget(cost=1, **PRICES)))
    guard.push("12345678")
    _, summary = guard.finish()
    assert (summary.cost, summary.cost_source) == (0.00002, "estimated")
    _, summary = Guard().finish()
    assert (summary.cost, summary.cost_source) == (None, "unknown")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"output_tokens": 0}, "budget.output_tokens"),
        ({"tool_calls": -1}, "budget.tool_calls"),
        ({"tool_calls": 2.5}, "budget.tool_calls"),
        ({"wall_time_s": -1}, "budget.wall_time_s"),
        ({"wall_time_s": float("nan")}, "budget.wall_time_s"),
        ({"cost": 1}, "budget.price_input"),
        ({"cost": 1, "price_input": 1}, "budget.price_output"),
        ({"price_output": 1}, "budget.price_output"),
        ({"warn_at": 1}, "budget.warn_at"),
        ({"action": None}, "budget.action"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_by_name(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=rf"^{field} is ") as refused:
        Settings(budget=Budget(**wrong))
    assert refused.value.key == field


def test_settings_with_a_budget_survive_their_tables() -> None:
    settings = Settings(budget=Budget(reasoning_tokens=100, reasoning_action="warn", warn_at=0.8))
    assert Settings.from_dict(settings.to_dict()) == settings
