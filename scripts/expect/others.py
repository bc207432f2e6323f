"""Formats outside the large families.

Replicate: https://replicate.com/docs/topics/predictions/streaming. watsonx: https://cloud.ibm.com/apidocs/watsonx-ai.
xAI: https://docs.x.ai (gRPC, as JSON). MCP: https://modelcontextprotocol.io/specification (Streamable HTTP).
"""

from .bodies import Payload
from .expected import Call, Expected


def read_replicate(payloads: list[Payload]) -> Expected:
    expected = Expected("replicate")
    for name, text, _ in payloads:
        if name == "output":
            expected.add("text", text)
    return expected


def read_watsonx(payloads: list[Payload]) -> Expected:
    expected = Expected("watsonx")
    for _, chunk, _ in payloads:
        for index, result in enumerate(chunk.get("results", [])):
            expected.add(f"choice:{index}/text", result.get("generated_text"))
            expected.count(
                input=result.get("input_token_count") or None, output=result.get("generated_token_count") or None
            )
            if result.get("stop_reason") != "not_finished":
                expected.finish(result.get("stop_reason"))
    return expected


def read_xai(payloads: list[Payload]) -> Expected:
    """Turns of the server's own tools are left out: their answers are no text and their reason is no end."""
    expected = Expected("xai-grpc")
    for _, line, _ in payloads:
        chunk = line["chunk"]
        for output in chunk.get("outputs", []):
            index, delta = output.get("index", 0), output.get("delta", {})
            if delta.get("role") == "ROLE_TOOL":
                continue
            expected.add(f"choice:{index}/reasoning", delta.get("reasoning_content"))
            expected.add(f"choice:{index}/text", delta.get("content"))
            for call in delta.get("tool_calls", []):
                if call.get("type", "TOOL_CALL_TYPE_CLIENT_SIDE_TOOL") == "TOOL_CALL_TYPE_CLIENT_SIDE_TOOL":
                    function = call["function"]
                    expected.calls[index, call["id"]] = Call(function["name"], function["arguments"], True)
            calls_client = any(output_index == index for output_index, _ in expected.calls)
            if output.get("finish_reason") != "REASON_TOOL_CALLS" or calls_client:
                expected.finish(output.get("finish_reason"))
        usage = chunk.get("usage", {})
        expected.count(input=usage.get("prompt_tokens"), output=usage.get("completion_tokens"))
    return expected


def read_mcp(payloads: list[Payload]) -> Expected:
    expected = Expected("mcp")
    responses = 0
    for _, message, _ in payloads:
        if "result" in message:
            for part in message["result"].get("content", []):
                expected.add(f"item:{responses}/text", part.get("text"))
            responses += 1
    return expected
