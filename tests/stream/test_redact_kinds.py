"""Redaction by kind of channel and by tool: each setting changes what it names and nothing else."""

import json
from typing import Any, Literal

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


@pytest.mark.parametrize("step", [1, 17, 10_000])
def test_what_is_only_told_passes_and_nothing_else_does(step: int) -> None:
    for kind, action in zip(KINDS, ["warn", "observe", "warn", "warn", "observe"], strict=True):
        own: dict[str, Any] = {
            key: {name: action if one == "off" else one for name, one in given.items()} if key == "tools" else action
            for key, given in OFF[kind].items()
        }
        texts, findings, ending = read(Redact(rules=RULES, **own), step)
        assert [other for other in KINDS if SECRET in texts[other]] == [kind]
        assert [other for other in KINDS if MASKED in texts[other]] == [other for other in KINDS if other != kind]
        assert sorted(told for _, told in findings) == sorted(["redact"] * 4 + [action])
        assert ending == "complete"


@pytest.mark.parametrize("step", [1, 17, 10_000])
def test_a_kind_is_redacted_where_the_others_are_off_or_told(step: int) -> None:
    actions: list[tuple[Literal["off", "warn"], int]] = [("off", 0), ("warn", 4)]
    for action, told in actions:
        texts, findings, _ = read(Redact(rules=RULES, action=action, reasoning="redact"), step)
        assert [kind for kind in KINDS if SECRET in texts[kind]] == ["text", "refusal", "read_log", "search"]
        assert ("choice:0/reasoning", "redact") in findings
        assert [one for _, one in findings].count("warn") == told == len(findings) - 1


@pytest.mark.parametrize("step", [1, 17, 10_000])
def test_secrets_in_the_arguments_of_a_tool_stop_what_others_are_replaced_in(step: int) -> None:
    for own in ({"tools": {"search": "stop"}}, {"tool": "stop", "tools": {"read_log": "on"}}):
        texts, findings, ending = read(Redact(rules=RULES, **own), step)
        assert ending == "halted"
        assert not any(SECRET in text for text in texts.values())
        assert [action for _, action in findings] == ["redact"] * 4 + ["stop"]
        assert findings[-1][0] == "choice:0/tool:1"


def asked(redact: Redact, channel: Literal["text", "reasoning"]) -> tuple[str, bytes]:
    decision = Guard(Settings(redact=redact)).push("T-1234 ", channel=channel)
    return decision.action, decision.forward


def test_of_a_rules_action_and_a_kinds_the_stronger_counts() -> None:
    stops, replaces = (Rule(name="ticket", pattern="T-[0-9]{4}", action=own) for own in ("stop", "redact"))
    assert asked(Redact(rules=(stops,), text="redact"), "text") == ("stop", b"[TICKET]")
    assert asked(Redact(rules=(replaces,), text="stop"), "text") == ("stop", b"[TICKET]")
    assert asked(Redact(rules=(replaces,), action="stop"), "text") == ("redact", b"[TICKET] ")
    assert asked(Redact(rules=(stops,), reasoning="warn"), "reasoning") == ("warn", b"T-1234 ")


def test_copies_elsewhere_are_replaced_where_any_kind_is() -> None:
    events: list[dict[str, Any]] = [
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": SECRET},
        {"type": "error", "message": f"no {SECRET}"},
    ]
    whole = b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)
    guard = Guard(Settings(redact=Redact(rules=RULES, action="warn", tool="redact")))
    passed = guard.feed(whole).forward + guard.finish()[0].forward
    assert passed.count(SECRET.encode()) == 1
    assert f"no {MASKED}".encode() in passed


def test_where_nothing_can_be_replaced_the_kind_that_asks_for_it_is_named() -> None:
    settings = Settings(redact=Redact(rules=RULES, action="warn", tool="stop"))
    with pytest.raises(InputError, match=r"^redact\.tool is .*stop for events"):
        Guard(settings).push({"choices": []})


def test_a_word_that_is_no_action_names_its_key_and_the_actions() -> None:
    with pytest.raises(
        InputError, match=r"^redact\.reasoning is \"hint\"; known: off, on, observe, warn, redact, stop"
    ):
        Settings(redact=Redact(reasoning="hint"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^redact\.tools\.x is \"sotp\"; did you mean \"stop\"\?"):
        Settings(redact=Redact(tools={"x": "sotp"}))  # type: ignore[dict-item]
