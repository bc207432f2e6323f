"""What the providers' own packages accumulate from the same bytes, served to them without a network."""

import json
import sys
from pathlib import Path
from typing import Any

from . import openai_sdk
from .bodies import Payload, payloads
from .expected import Expected, canonical

Differences = list[str]


def compare(path: Path, framing: str, expected: Expected) -> Differences | None:
    """How the package's answer differs; `None` where the package does not accept the recording."""
    comparison = {
        "anthropic-messages": anthropic,
        "gemini": gemini,
        "ollama": ollama,
        "openai-assistants": openai_sdk.assistants,
        "openai-chat": openai_sdk.chat,
        "openai-completions": openai_sdk.completions,
        "openai-responses": openai_sdk.responses,
    }.get(expected.dialect)
    if comparison is None:
        return None
    try:
        theirs = comparison(payloads(path, framing))
    except Exception as error:
        print(f"{path.name}: not accepted: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
        return None
    ours = {
        "calls": [(call.name, canonical(call.arguments)) for call in expected.calls.values()],
        "input": expected.total("input"),
        "output": expected.total("output"),
        "reasoning": joined(expected, "reasoning"),
        "text": joined(expected, "text"),
    }
    return [f"{name}: {ours[name]!r} is not {theirs[name]!r}" for name in theirs if ours[name] != theirs[name]]


def joined(expected: Expected, kind: str) -> str:
    return "".join(text for name, text in expected.channels.items() if f"/{kind}" in name)


def anthropic(events: list[Payload]) -> dict[str, Any]:
    """The last message: the package forgets one that another follows."""
    import httpx2
    from anthropic import Anthropic

    starts = [at for at, event in enumerate(events) if event.value["type"] == "message_start"]
    if len(starts) > 1:
        raise ValueError("several messages in one body")
    body = "".join(f"event: {event.value['type']}\ndata: {json.dumps(event.value)}\n\n" for event in events)
    client = Anthropic(
        api_key="none",
        http_client=httpx2.Client(
            transport=httpx2.MockTransport(
                lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)
            )
        ),
    )
    ask = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
    with client.beta.messages.stream(**ask) as stream:
        message = stream.get_final_message()
    tools = [block for block in message.content if block.type == "tool_use"]
    return {
        "calls": [(block.name, canonical(json.dumps(block.input))) for block in tools],
        "input": message.usage.input_tokens,
        "output": message.usage.output_tokens,
        "reasoning": "".join(block.thinking for block in message.content if block.type == "thinking"),
        "text": "".join(block.text for block in message.content if block.type == "text"),
    }


def gemini(chunks: list[Payload]) -> dict[str, Any]:
    """Chunk by chunk: the package has no accumulator, so their texts are joined here."""
    import httpx
    from google.genai import Client
    from google.genai.types import HttpOptions

    body = "".join(f"data: {json.dumps(chunk.value)}\n\n" for chunk in chunks)
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    )
    client = Client(api_key="none", http_options=HttpOptions(httpx_client=httpx.Client(transport=transport)))
    read = list(client.models.generate_content_stream(model="m", contents="x"))
    parts = [part for chunk in read for part in (chunk.candidates[0].content.parts or [])]
    result = {
        "reasoning": "".join(part.text for part in parts if part.text and part.thought),
        "text": "".join(part.text for part in parts if part.text and not part.thought),
        "input": read[-1].usage_metadata.prompt_token_count,
        "output": read[-1].usage_metadata.candidates_token_count,
    }
    calls = [part.function_call for part in parts if part.function_call]
    if not any(call.will_continue for call in calls):
        result["calls"] = [(call.name, canonical(json.dumps(call.args))) for call in calls]
    return result


def ollama(lines: list[Payload]) -> dict[str, Any]:
    import httpx
    from ollama import Client

    body = "".join(json.dumps(line.value) + "\n" for line in lines)
    client = Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    chat = "message" in lines[0].value
    stream = client.chat(model="m", stream=True) if chat else client.generate(model="m", stream=True)
    read = list(stream)
    texts = [part.message.content if chat else part.response for part in read]
    thoughts = [part.message.thinking if chat else part.thinking for part in read]
    calls = [call.function for part in read if chat for call in part.message.tool_calls or []]
    return {
        "calls": [(call.name, canonical(json.dumps(dict(call.arguments)))) for call in calls],
        "input": read[-1].prompt_eval_count,
        "output": read[-1].eval_count,
        "reasoning": "".join(thought or "" for thought in thoughts),
        "text": "".join(text or "" for text in texts),
    }
