"""Anthropic messages: https://docs.claude.com/en/docs/build-with-claude/streaming."""

from typing import Any

from .bodies import Payload
from .expected import Call, Expected


def read(payloads: list[Payload]) -> Expected:
    expected = Expected("anthropic-messages")
    message, blocks, id = 0, {}, None
    for _, event, _ in payloads:
        match event["type"]:
            case "message_start":
                if blocks:
                    message, blocks = message + 1, {}
                id = event["message"].get("id")
                count(expected, event["message"].get("usage"), id)
            case "content_block_start":
                index, block = event["index"], event["content_block"]
                blocks[index] = block["type"]
                expected.add(channel(index, "text", message), block.get("text"))
                expected.add(channel(index, "reasoning", message), block.get("thinking"))
                if block["type"] == "tool_use":
                    expected.calls[message, index] = Call(block["name"])
            case "content_block_delta":
                index, delta = event["index"], event["delta"]
                expected.add(channel(index, "text", message), delta.get("text"))
                expected.add(channel(index, "reasoning", message), delta.get("thinking"))
                if blocks.get(index) == "tool_use":
                    expected.calls[message, index].arguments += delta.get("partial_json", "")
            case "content_block_stop":
                if call := expected.calls.get((message, event["index"])):
                    call.complete = True
            case "message_delta":
                expected.finish(event["delta"].get("stop_reason"))
                count(expected, event.get("usage"), id)
    return expected


def channel(index: int, kind: str, message: int) -> str:
    return f"block:{index}/{kind}" + (f":{message}" if message else "")


def count(expected: Expected, usage: dict[str, Any] | None, response: object) -> None:
    usage = usage or {}
    expected.count(response, input=usage.get("input_tokens"), output=usage.get("output_tokens"))
