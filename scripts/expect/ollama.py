"""Ollama chat and generate: https://docs.ollama.com/api."""

import json

from .bodies import Payload
from .expected import Call, Expected


def read(payloads: list[Payload]) -> Expected:
    expected = Expected("ollama")
    for _, line, _ in payloads:
        message = line.get("message", {})
        expected.add("choice:0/reasoning", message.get("thinking") or line.get("thinking"))
        expected.add("choice:0/text", message.get("content") or line.get("response"))
        for call in message.get("tool_calls", []):
            function = call["function"]
            expected.calls[len(expected.calls)] = Call(function["name"], json.dumps(function["arguments"]), True)
        if line.get("done"):
            expected.finish(line.get("done_reason"))
            expected.count(input=line.get("prompt_eval_count"), output=line.get("eval_count"))
    return expected
