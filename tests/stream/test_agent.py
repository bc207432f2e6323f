"""An agent's loops: steps one by one, the messages of requests, and what follows."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from midstream.errors import InputError
from midstream.stream import ActionLimits, Actions, AgentChecks, AgentDecision, AgentSummary, Settings

CASES = json.loads((Path(__file__).parent.parent / "cases" / "agents.json").read_text(encoding="utf-8"))


def push(checks: AgentChecks, step: list[str]) -> AgentDecision:
    kind, *rest = step
    match kind:
        case "call":
            return checks.call(*rest)
        case "result":
            return checks.result(*rest)
        case _:
            return checks.message(rest[1], agent=rest[0])


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_steps_give_the_findings_of_their_case(case: dict[str, Any]) -> None:
    checks = AgentChecks()
    found = [finding for step in case["steps"] for finding in push(checks, step).findings]
    assert len(found) == len(case["findings"]), found
    for finding, wanted in zip(found, case["findings"], strict=True):
        assert finding.check == "actions"
        assert {name: getattr(finding, name) for name in wanted} == wanted


def turn(number: int, result: str = "no hits") -> list[dict[str, Any]]:
    call = {"id": f"c{number}", "function": {"name": "search", "arguments": '{"query": "harbour"}'}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{number}", "content": result},
    ]


def test_the_messages_of_growing_requests_are_read_once() -> None:
    checks, messages, actions = AgentChecks(), [{"role": "user", "content": "find it"}], []
    for number in range(8):
        messages += turn(number)
        actions.append(checks.messages(messages).action)
    assert actions == ["pass", "pass", "hint", "pass", "warn", "pass", "pass", "stop"]
    assert checks.messages(messages).action == "stop"
    summary = checks.summary
    assert (summary.calls, summary.results, summary.messages, summary.halted) == (8, 8, 0, True)


def test_a_hint_is_one_message_for_the_model() -> None:
    checks = AgentChecks()
    decision = checks.messages([message for number in range(3) for message in turn(number)])
    assert decision.hint is not None
    assert "search was called 3 times with the same arguments and the same result" in decision.hint


def test_shadow_finds_and_asks_for_nothing() -> None:
    checks = AgentChecks(Settings(shadow=True))
    decisions = [checks.messages(turn(number)) for number in range(8)]
    assert {decision.action for decision in decisions} <= {"pass", "observe"}
    assert [finding.action for finding in checks.summary.findings] == ["hint", "warn", "stop"]
    assert not checks.summary.halted


def test_limits_are_set_per_view_and_per_tool() -> None:
    actions = Actions(repeat=ActionLimits(hint="off", stop=4), tools={"search": "off"})
    for tool, wanted in (("search", []), ("other", ["stop"])):
        checks = AgentChecks(Settings(actions=actions))
        for _ in range(4):
            checks.call(tool)
            checks.result("same")
        assert [finding.action for finding in checks.summary.findings] == wanted


def test_arguments_and_results_are_whatever_json_holds() -> None:
    checks = AgentChecks()
    for arguments in ({"b": [1, 2], "a": None}, '{"a": null, "b": [1, 2]}', {"a": None, "b": [1.0, 2]}):
        checks.call("find", arguments)
        decision = checks.result(["no", {"hits": 0}])
    assert decision.action == "hint"


def test_a_result_without_its_call_is_an_anomaly() -> None:
    checks = AgentChecks()
    checks.result("late", id="gone")
    assert checks.summary.anomalies == {"orphan_result": 1}


@pytest.mark.parametrize("wrong", ["hello", {"role": "user"}, [{1, 2}]])
def test_what_is_no_list_of_messages_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match=r"^messages(\[0\])? is "):
        AgentChecks().messages(wrong)


@pytest.mark.parametrize(
    ("actions", "field"),
    [
        (5, "actions"),
        (Actions(repeat=ActionLimits(hint=1)), "actions.repeat.hint"),
        (Actions(no_progress=ActionLimits(warn=17)), "actions.no_progress.warn"),
        (Actions(waiting="on"), "actions.waiting"),  # type: ignore[arg-type]
        (Actions(repeat=ActionLimits(stop=True)), "actions.repeat.stop"),
        (Actions(tools={"poll": ActionLimits(stop=65)}), "actions.tools.poll.stop"),
        (Actions(tools=["poll"]), "actions.tools"),  # type: ignore[arg-type]
        (Actions(volatile="id"), "actions.volatile"),  # type: ignore[arg-type]
    ],
)
def test_a_limit_that_is_not_allowed_is_named(actions: Any, field: str) -> None:
    with pytest.raises(InputError, match=rf"^{field} is ") as refused:
        Settings(actions=actions)
    assert refused.value.key == field


def test_settings_decisions_and_summaries_survive_pickle() -> None:
    settings = Settings(actions=Actions(ping_pong="off", tools={"poll": ActionLimits(stop=40)}))
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert hash(settings) == hash(pickle.loads(pickle.dumps(settings)))
    checks = AgentChecks(settings)
    decision = checks.messages([message for number in range(3) for message in turn(number)])
    assert pickle.loads(pickle.dumps(decision)) == decision
    assert pickle.loads(pickle.dumps(checks.summary)) == checks.summary
    assert AgentSummary.from_json(checks.summary.to_json()) == checks.summary


def test_calls_from_several_threads_are_read_one_by_one() -> None:
    checks = AgentChecks()

    def work(thread: int) -> None:
        for number in range(200):
            checks.call(f"tool_{thread}", {"number": number}, id=f"{thread}-{number}")
            checks.result(f"result {thread} {number}", id=f"{thread}-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    summary = checks.summary
    assert (summary.calls, summary.results, summary.open_calls) == (1600, 1600, 0)
    assert summary.findings == []
