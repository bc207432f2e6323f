"""Cohere chat, version 2: https://docs.cohere.com/v2/reference/chat-stream."""

from .bodies import Payload
from .expected import Call, Expected


def read(payloads: list[Payload]) -> Expected:
    expected = Expected("cohere")
    for _, event, _ in payloads:
        if event == "[DONE]":
            continue
        index = event.get("index")
        delta = event.get("delta") or {}
        message = delta.get("message") or {}
        match event["type"]:
            case "content-start" | "content-delta":
                expected.add(f"block:{index}/text", message["content"].get("text"))
                expected.add(f"block:{index}/reasoning", message["content"].get("thinking"))
            case "tool-plan-delta":
                expected.add("choice:0/reasoning", message["tool_plan"])
            case "tool-call-start":
                function = message["tool_calls"]["function"]
                expected.calls[index] = Call(function["name"], function.get("arguments", ""))
            case "tool-call-delta":
                expected.calls[index].arguments += message["tool_calls"]["function"]["arguments"]
            case "tool-call-end":
                expected.calls[index].complete = True
            case "message-end":
                expected.finish(delta["finish_reason"])
                tokens = delta["usage"].get("tokens") or delta["usage"]["billed_units"]
                expected.count(input=tokens["input_tokens"], output=tokens["output_tokens"])
    return expected
