"""The packages google-genai and ollama and our guard read the same from recorded streams; neither has an accumulator."""

import json
from typing import Any

import httpx
import pytest

import recorded
from midstream.stream import Guard, Settings

genai = pytest.importorskip("google.genai", reason="google-genai is not installed: make .venv/.tools")
ollama = pytest.importorskip("ollama", reason="ollama is not installed: make .venv/.tools")


def by_gemini(body: bytes) -> dict[str, Any]:
    """Chunk by chunk, joined here."""
    headers = {"content-type": "text/event-stream"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=body))
    options = genai.types.HttpOptions(httpx_client=httpx.Client(transport=transport))
    client = genai.Client(api_key="k", http_options=options)
    read = list(client.models.generate_content_stream(model="m", contents="Hi"))
    candidates = [candidate for chunk in read for candidate in chunk.candidates or []]
    parts = [part for candidate in candidates if candidate.content for part in candidate.content.parts or []]
    calls = [part.function_call for part in parts if part.function_call]
    usage = [chunk.usage_metadata for chunk in read if chunk.usage_metadata]
    return {
        "text": "".join(part.text for part in parts if part.text and not part.thought),
        "reasoning": sum(len(part.text) for part in parts if part.text and part.thought),
        # Arguments that come in parts are put together by no SDK.
        "calls": None if any(call.will_continue for call in calls) else [(call.name, call.args) for call in calls],
        "usage": (usage[-1].prompt_token_count, usage[-1].candidates_token_count),
    }


def by_ollama(body: bytes) -> dict[str, Any]:
    """Line by line, joined here."""
    client = ollama.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    if b'"message"' not in body.partition(b"\n")[0]:
        read = list(client.generate(model="m", stream=True))
        texts, thoughts, calls = [part.response for part in read], [part.thinking for part in read], []
    else:
        read = list(client.chat(model="m", stream=True))
        texts, thoughts = [part.message.content for part in read], [part.message.thinking for part in read]
        calls = [call.function for part in read for call in part.message.tool_calls or []]
    return {
        "text": "".join(text or "" for text in texts),
        "reasoning": sum(len(thought or "") for thought in thoughts),
        "calls": [(call.name, dict(call.arguments)) for call in calls],
        "usage": (read[-1].prompt_eval_count, read[-1].eval_count),
    }


def by_guard(body: bytes) -> dict[str, Any]:
    guard = Guard(Settings(shadow=True), keep_text=True)
    guard.feed(body)
    text = guard.text
    summary = guard.finish()[1]
    output = summary.usage.output if summary.usage.source == "reported" else None
    return {
        "text": text,
        "reasoning": sum(channel.characters for channel in summary.channels if channel.kind == "reasoning"),
        "calls": [(call.name, json.loads(call.arguments or "{}")) for call in summary.tool_calls],
        "usage": (summary.usage.input, output),
    }


@pytest.mark.parametrize(("api_format", "read"), [("gemini", by_gemini), ("ollama-ndjson", by_ollama)])
def test_sdk_and_guard_read_the_same(data, api_format, read):
    compared = 0
    for name, body in recorded.of_format(data, api_format).items():
        theirs, ours = read(body), by_guard(body)
        if theirs["calls"] is None:
            ours["calls"] = None
        assert ours == theirs, name
        compared += 1
    assert compared
