"""Redaction by kind of channel and by tool: each setting changes what it names and nothing else."""

import json
from typing import Any

import pytest

from midstream.errors import InputError
from midstream.stream import Guard, Redact, Rule, Settings

RULES = (Rule(name="ticket", pattern="T-[0-9]{4}"),)
SECRET, MASKED = "T-1234", "[TICKET]"
KINDS = ["text", "reasoning", "refusal", "read_log", "search"]


def body() -> bytes:
    """A chat stream that says the secret in every kind of channel, in two pieces each."""
    deltas: list[dict[str, Any]] = []
    for piece in ("of T-1", "234 here"):
        deltas += [{"content": piece}, {"reasoning_content": piece}, {"refusal": piece}]
    for index, tool in enumerate(("read_log", "search")):
        start = {"index": index, "id": f"c{index}", "type": "function", "function": {"name": tool, "arguments": ""}}
        deltas.append({"tool_calls": [start]})
        for piece in ('{"q": "of T-1', '234 here"}'):
            deltas.append({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    chunks = [{"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in [*chunks, end]) + b"data: [DONE]\n\n"


def read(redact: Redact, step: int) -> tuple[dict[str, str], list[tuple[str, str]], str]:
    """What passes of each kind, the findings with their channels, and the ending."""
    guard, passed, findings = Guard(Settings(redact=redact)), b"", []
    whole = body()
    for start in range(0, len(whole), step):
        decision = guard.feed(whole[start : start + step])
        passed += decision.forward
        findings += [(finding.channel or "", finding.action) for finding in decision.findings]
    decision, summary = guard.finish()
    passed += decision.forward
    texts = dict.fromkeys(KINDS, "")
    for line in passed.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        delta = json.loads(line[6:])["choices"][0]["delta"]
        texts["text"] += delta.get("content") or ""
        texts["reasoning"] += delta.get("reasoning_content") or ""
        texts["refusal"] += delta.get("refusal") or ""
        for call in delta.get("tool_calls", []):
            texts[KINDS[3 + call["index"]]] += call["function"]["arguments"]
    return texts, findings, summary.ending


OFF: dict[str, dict[str, Any]] = {
    "text": {"text": "off"},
    "reasoning": {"reasoning": "off"},
    "refusal": {"refusal": "off"},
    "read_log": {"tools": {"read_log": "off"}},
    "search": {"tool": "off", "tools": {"read_log": "on"}},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [1, 17, 10_000])
def test_what_is_off_passes_and_nothing_else_does(kind: str, step: int) -> None:
    texts, findings, ending = read(Redact(rules=RULES, **OFF[kind]), step)
    for other in KINDS:
        assert (SECRET in texts[other], MASKED in texts[other]) == (other == kind, other != kind), other
        assert texts[other].replace(MASKED, SECRET) in ("of T-1234 here", '{"q": "of T-1234 here"}')
    assert [action for _, action in findings] == ["redact"] * 4
    assert ending == "complete"


def test_a_kind_that_is_neither_on_nor_off_names_its_key() -> None:
    with pytest.raises(InputError, match=r"^redact\.reasoning is \"warn\"; known: off, on"):
        Settings(redact=Redact(reasoning="warn"))  # type: ignore[arg-type]
