"""Gemini: generateContent, Interactions and Live, from https://ai.google.dev/api."""

import base64
import itertools
import json
import re
from typing import Any

from .bodies import Payload
from .expected import Call, Expected


def read(payloads: list[Payload]) -> Expected:
    expected = Expected("gemini")
    trees: dict[int, dict[str, Any]] = {}
    for _, chunk, _ in payloads:
        for position, candidate in enumerate(chunk.get("candidates", [])):
            index = candidate.get("index", position)
            for part in candidate.get("content", {}).get("parts", []):
                read_part(expected, f"choice:{index}", part, trees)
            expected.finish(candidate.get("finishReason"))
        count(expected, chunk.get("usageMetadata", {}))
    return expected


def read_part(expected: Expected, place: str, part: dict[str, Any], trees: dict[int, dict[str, Any]]) -> None:
    kind = "reasoning" if part.get("thought") else "text"
    expected.add(f"{place}/{kind}", part.get("text"))
    inline = part.get("inlineData")
    if inline and inline["mimeType"].startswith("audio/"):
        data = inline["data"]
        size = len(base64.b64decode(data + "=" * (-len(data) % 4)))
        expected.audio_bytes[f"{place}/audio"] = expected.audio_bytes.get(f"{place}/audio", 0) + size
    if "functionCall" in part:
        read_call(expected, part["functionCall"], trees)


def read_call(expected: Expected, call: dict[str, Any], trees: dict[int, dict[str, Any]]) -> None:
    """A whole call, or a piece of one whose arguments are values at paths."""
    if "name" in call:
        expected.calls[len(expected.calls)] = Call(call["name"])
    last = len(expected.calls) - 1
    if "args" in call:
        expected.calls[last].arguments = json.dumps(call["args"])
    elif call.get("willContinue") or last in trees:
        tree = trees.setdefault(last, {})
        for arg in call.get("partialArgs", []):
            place_value(tree, arg)
        expected.calls[last].arguments = json.dumps(tree)
    expected.calls[last].complete = not call.get("willContinue")


def place_value(tree: Any, arg: dict[str, Any]) -> None:
    steps = [
        int(element) if element else member for member, element in re.findall(r"\.(\w+)|\[(\d+)\]", arg["jsonPath"])
    ]
    for step, after in itertools.pairwise(steps):
        tree = child(tree, step, [] if isinstance(after, int) else {})
    last = steps[-1]
    if "stringValue" in arg:
        value = child(tree, last, "") + arg["stringValue"]
    else:
        value = arg.get("numberValue", arg.get("boolValue"))
        child(tree, last, None)
    tree[last] = value


def child(tree: Any, step: Any, default: Any) -> Any:
    if isinstance(tree, list):
        tree.extend([default] if step == len(tree) else [])
        return tree[step]
    return tree.setdefault(step, default)


def count(expected: Expected, usage: dict[str, Any], response: object = None) -> None:
    output = usage.get("candidatesTokenCount", usage.get("responseTokenCount"))
    expected.count(response, input=usage.get("promptTokenCount"), output=output)


def read_interactions(payloads: list[Payload]) -> Expected:
    expected = Expected("gemini-interactions")
    for _, event, _ in payloads:
        if event == "[DONE]":
            continue
        index = event.get("index")
        match event["event_type"]:
            case "step.start":
                if event["step"]["type"] == "function_call":
                    expected.calls[index] = Call(event["step"]["name"])
            case "step.delta":
                delta = event["delta"]
                if delta["type"] == "text":
                    expected.add(f"item:{index}/text", delta["text"])
                if delta["type"] == "thought_summary":
                    expected.add(f"item:{index}/reasoning", delta["content"]["text"])
                if delta["type"] == "arguments_delta":
                    expected.calls[index].arguments += delta["arguments"]
            case "step.stop":
                if index in expected.calls:
                    expected.calls[index].complete = True
            case "interaction.completed":
                expected.finish(event["interaction"]["status"])
                usage = event["interaction"]["usage"]
                expected.count(input=usage["total_input_tokens"], output=usage["total_output_tokens"])
    return expected


def read_live(payloads: list[Payload]) -> Expected:
    expected = Expected("gemini-live")
    turn = 0
    for _, message, sent in payloads:
        if sent:
            continue
        content = message.get("serverContent", {})
        for part in content.get("modelTurn", {}).get("parts", []):
            read_part(expected, f"turn:{turn}", part, {})
        expected.add(f"turn:{turn}/text", content.get("outputTranscription", {}).get("text"))
        count(expected, message.get("usageMetadata", {}), turn)
        turn += bool(content.get("turnComplete"))
    return expected
