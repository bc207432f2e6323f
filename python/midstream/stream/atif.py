"""Documents of the Agent Trajectory Interchange Format, 1.8 and below."""

import json
import re
from collections.abc import Mapping
from typing import Any

from midstream.errors import InputError

__all__ = ["VERSION", "of_steps", "text_of", "validated"]

VERSION = "ATIF-v1.8"
KNOWN = re.compile(r"ATIF-v1\.[0-8](\.\d+)?")
AGENT_ONLY = ("model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics")
THOUGHT = " (thought)"


def validated(document: object, place: str = "") -> None:
    """Refuse what is no trajectory; fields that are not known stay.

    Raises
    ------
    InputError
        Naming the place in the document, what stands there and what is allowed.
    """
    held = mapping(document, place or "document")
    version = held.get("schema_version")
    if not isinstance(version, str) or not KNOWN.fullmatch(version):
        raise wrong(f"{place}schema_version", version, "ATIF-v1.0 to ATIF-v1.8")
    agent = mapping(held.get("agent"), f"{place}agent")
    string(agent.get("name"), f"{place}agent.name")
    string(agent.get("version"), f"{place}agent.version")
    for at, step in enumerate(sequence(held.get("steps"), f"{place}steps"), 1):
        check_step(mapping(step, f"{place}steps[{at - 1}]"), at, f"{place}steps[{at - 1}]")
    for at, part in enumerate(sequence(held.get("subagent_trajectories") or [], f"{place}subagent_trajectories")):
        where = f"{place}subagent_trajectories[{at}]."
        validated(part, where)
        string(part.get("trajectory_id"), f"{where}trajectory_id")


def check_step(step: Mapping[str, Any], number: int, place: str) -> None:
    if step.get("step_id") != number or isinstance(step.get("step_id"), bool):
        raise wrong(f"{place}.step_id", step.get("step_id"), f"{number}: steps are counted from 1")
    if (source := step.get("source")) not in ("system", "user", "agent"):
        raise wrong(f"{place}.source", source, "system, user or agent")
    check_content(step.get("message"), f"{place}.message")
    if source != "agent":
        for name in AGENT_ONLY:
            if step.get(name) is not None:
                raise wrong(f"{place}.{name}", step[name], "a step of source agent to have it")
    calls = set()
    for at, call in enumerate(sequence(step.get("tool_calls") or [], f"{place}.tool_calls")):
        where = f"{place}.tool_calls[{at}]"
        call = mapping(call, where)
        calls.add(string(call.get("tool_call_id"), f"{where}.tool_call_id"))
        string(call.get("function_name"), f"{where}.function_name")
        mapping(call.get("arguments"), f"{where}.arguments")
    if step.get("observation") is None:
        return
    observation = mapping(step["observation"], f"{place}.observation")
    for at, result in enumerate(sequence(observation.get("results"), f"{place}.observation.results")):
        where = f"{place}.observation.results[{at}]"
        result = mapping(result, where)
        call_id = result.get("source_call_id")
        if step.get("tool_calls") is not None and call_id is not None and call_id not in calls:
            raise wrong(f"{where}.source_call_id", call_id, "the tool_call_id of a call of this step")
        if result.get("content") is not None:
            check_content(result["content"], f"{where}.content")


def check_content(content: object, place: str) -> None:
    if isinstance(content, str):
        return
    for at, part in enumerate(sequence(content, place)):
        kind = mapping(part, f"{place}[{at}]").get("type")
        if kind not in ("text", "image", "audio"):
            raise wrong(f"{place}[{at}].type", kind, "text, image or audio")
        if kind == "text":
            string(part.get("text"), f"{place}[{at}].text")


def wrong(place: str, seen: object, allowed: str) -> InputError:
    return InputError(f"{place} is {seen!r:.60}, allowed is {allowed}")


def mapping(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(place, value, "an object")
    return value


def sequence(value: object, place: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise wrong(place, value, "a list")
    return value


def string(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise wrong(place, value, "a string")
    return value


def text_of(content: Any) -> str:
    """The text of a message or a result; pictures and sounds have none."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def of_steps(held: Mapping[str, Any]) -> dict[str, Any]:
    """The ATIF document of an object with ``steps`` of kinds ``message``, ``tool_call`` and ``tool_result``.

    Its other fields stand in ``extra``. What an orchestrator thinks, as its name says, is reasoning.
    """
    steps: list[dict[str, Any]] = []
    for at, step in enumerate(sequence(held.get("steps"), "steps")):
        add_step(steps, mapping(step, f"steps[{at}]"), f"steps[{at}]")
    trace_id = held.get("trace_id")
    rest = {key: value for key, value in held.items() if key not in ("steps", "trace_id")}
    return {
        "schema_version": VERSION,
        "trajectory_id": trace_id if isinstance(trace_id, str) else None,
        "agent": {"name": str(held.get("dataset") or "agent"), "version": "unknown"},
        "steps": steps,
        "extra": rest,
    }


def add_step(steps: list[dict[str, Any]], step: Mapping[str, Any], place: str) -> None:
    kind, agent, role = step.get("kind"), step.get("agent") or "", step.get("role")
    content = step.get("content")
    if content is not None and not isinstance(content, str):
        raise wrong(f"{place}.content", content, "a string")
    if kind == "tool_call":
        tool = string(step.get("tool"), f"{place}.tool")
        call_id = step.get("call_id") or f"step-{len(steps) + 1}"
        call = {"tool_call_id": str(call_id), "function_name": tool, "arguments": arguments_of(step.get("arguments"))}
        steps.append(new(steps, "agent", content or "", agent) | {"tool_calls": [call]})
    elif kind == "tool_result":
        add_result(steps, step, content or "")
    elif kind != "message":
        raise wrong(f"{place}.kind", kind, "message, tool_call or tool_result")
    elif agent.endswith(THOUGHT):
        steps.append(new(steps, "agent", "", agent) | {"reasoning_content": content or ""})
    else:
        by_agent = role == "assistant" or (agent and agent != "human")
        source = "agent" if by_agent else "system" if role == "system" else "user"
        steps.append(new(steps, source, content or "", agent))


def new(steps: list[dict[str, Any]], source: str, message: str, agent: str) -> dict[str, Any]:
    step = {"step_id": len(steps) + 1, "source": source, "message": message}
    return step | ({"extra": {"agent": agent}} if agent else {})


def add_result(steps: list[dict[str, Any]], step: Mapping[str, Any], content: str) -> None:
    """Puts a result to its call: that of its id, else the oldest open one of its tool, else the oldest open one."""
    call_id, tool = step.get("call_id"), step.get("tool")
    open_calls = [one for one in steps if one.get("tool_calls") and one["tool_calls"] and "observation" not in one]
    fitting = [
        one
        for one in open_calls
        if (
            one["tool_calls"][0]["tool_call_id"] == str(call_id)
            if call_id
            else one["tool_calls"][0]["function_name"] == tool
        )
    ]
    found = next(iter(fitting or ([] if call_id else open_calls)), None)
    if found is None or found is not steps[-1]:
        # Elsewhere it would come out of order: what the agent did in between stands before it.
        result: dict[str, Any] = {"content": content}
        if found is not None:
            result["extra"] = {"call_id": found["tool_calls"][0]["tool_call_id"], "tool": tool}
        steps.append(new(steps, "agent", "", step.get("agent") or "") | {"observation": {"results": [result]}})
        return
    result = {"source_call_id": found["tool_calls"][0]["tool_call_id"], "content": content}
    found["observation"] = {"results": [result]}


def arguments_of(value: Any) -> dict[str, Any]:
    """Arguments as an object, which ATIF asks for."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {"arguments": value}
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"arguments": value}
