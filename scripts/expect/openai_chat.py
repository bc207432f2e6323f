"""OpenAI chat and completions, from https://platform.openai.com/docs/api-reference and the documents of its followers."""

import json
from typing import Any

from .bodies import Payload
from .expected import Call, Expected


def read(payloads: list[Payload]) -> Expected:
    expected = Expected("openai-chat")
    reasons: dict[int, str] = {}
    for _, chunk, _ in payloads:
        if not isinstance(chunk, dict):
            continue
        for choice in chunk.get("choices") or []:
            index = choice.get("index", 0)
            read_delta(expected, index, choice.get("delta") or {})
            finish(expected, reasons, index, choice.get("finish_reason"))
        count(expected, chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") or {})
    for (index, _), call in expected.calls.items():
        call.complete = index in reasons and is_json(call.arguments)
    return expected


def read_completions(payloads: list[Payload]) -> Expected:
    expected = Expected("openai-completions")
    reasons: dict[int, str] = {}
    for _, chunk, _ in payloads:
        if not isinstance(chunk, dict):
            continue
        for choice in chunk.get("choices") or []:
            expected.add(f"choice:{choice['index']}/text", choice.get("text"))
            finish(expected, reasons, choice["index"], choice.get("finish_reason"))
        count(expected, chunk.get("usage") or {})
    return expected


def read_delta(expected: Expected, index: int, delta: dict[str, Any]) -> None:
    place = f"choice:{index}"
    details = delta.get("reasoning_details") or []
    spelled = "".join(part.get("text") or part.get("summary") or "" for part in details)
    # The same words come under up to three names.
    expected.add(f"{place}/reasoning", delta.get("reasoning_content") or delta.get("reasoning") or spelled)
    content = delta.get("content")
    for part in content if isinstance(content, list) else []:
        for thought in part.get("thinking", []):
            expected.add(f"{place}/reasoning", thought.get("text"))
        expected.add(f"{place}/text", part.get("text"))
    expected.add(f"{place}/text", content)
    expected.add(f"{place}/refusal", delta.get("refusal"))
    for fragment in delta.get("tool_calls") or []:
        function = fragment.get("function") or {}
        call = expected.calls.setdefault((index, fragment.get("index", 0)), Call(""))
        call.name += function.get("name") or ""
        call.arguments += function.get("arguments") or ""


def finish(expected: Expected, reasons: dict[int, str], index: int, reason: str | None) -> None:
    """A reason said twice for one choice is one."""
    if reason and reasons.get(index) != reason:
        reasons[index] = reason
        expected.finish(reason)


def count(expected: Expected, usage: dict[str, Any]) -> None:
    expected.count(input=usage.get("prompt_tokens"), output=usage.get("completion_tokens"))


def is_json(arguments: str) -> bool:
    try:
        json.loads(arguments or "{}")
    except ValueError:
        return False
    return True
