"""Never run: mypy and pyright must find exactly these types, and refuse the calls marked as wrong."""

from typing import assert_type

import midstream
from midstream.stream import (
    ActionLimits,
    Actions,
    AgentChecks,
    AgentDecision,
    AgentSummary,
    Budget,
    Decision,
    Finding,
    Guard,
    Held,
    Hold,
    Repeat,
    Settings,
    Summary,
)

guard = Guard(Settings(repeat=Repeat(exact="warn")), dialect="openai-chat", end="error")
decision = guard.feed(b"data: {}\n\n", now_ns=1)
assert_type(decision, Decision)
assert_type(decision.forward, bytes)
assert_type(decision.findings, list[Finding])
assert_type(decision.tick_at_ns, int | None)
assert_type(decision.held, list[Held])
assert_type(guard.release(0).forward, bytes)
assert_type(guard.finish("clean"), tuple[Decision, Summary])
assert_type(midstream.check("text").ending, str)
assert_type(midstream.check("text").cost, float | None)

checks = AgentChecks(Settings(actions=Actions(repeat=ActionLimits(stop="off"), tools={"next": "off"})))
assert_type(checks.call("search", {"query": "harbour"}, id="1"), AgentDecision)
assert_type(checks.result("no hits").hint, str | None)
assert_type(checks.summary, AgentSummary)

guard.feed("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
guard.finish(how=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Repeat(exact="stopp")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Budget(output_tokens="many")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Hold(at_max_hold="drop")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Actions(repeat="on")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
