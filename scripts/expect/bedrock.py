"""Bedrock ConverseStream: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html."""

from .bodies import Payload
from .expected import Call, Expected


def read(payloads: list[Payload]) -> Expected:
    expected = Expected("bedrock-converse")
    for name, value, _ in payloads:
        if not name:
            ((name, value),) = value.items()
        index = value.get("contentBlockIndex")
        match name:
            case "contentBlockStart":
                tool = value["start"].get("toolUse")
                if tool and tool.get("type") != "server_tool_use":
                    expected.calls[index] = Call(tool["name"])
            case "contentBlockDelta":
                delta = value["delta"]
                expected.add(f"block:{index}/text", delta.get("text"))
                expected.add(f"block:{index}/reasoning", delta.get("reasoningContent", {}).get("text"))
                if index in expected.calls:
                    expected.calls[index].arguments += delta.get("toolUse", {}).get("input", "")
            case "contentBlockStop":
                if index in expected.calls:
                    expected.calls[index].complete = True
            case "messageStop":
                expected.finish(value["stopReason"])
            case "metadata":
                usage = value.get("usage", {})
                expected.count(input=usage.get("inputTokens"), output=usage.get("outputTokens"))
    return expected
