"""The accumulators of the official SDKs and ours read the same text, tool calls and usage from recorded streams."""

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest

import midstream
import recorded
import sdks
from midstream.stream import Guard, Settings


def accumulated(kind: str, body: bytes) -> dict[str, object]:
    """What the SDK's own accumulator makes of a body; a stream that it gives up on has none."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    sdk = anthropic.Anthropic if kind == "messages" else openai.OpenAI
    with sdks.helper(kind, sdk(api_key="k", http_client=http, max_retries=0)) as stream:
        for _ in stream:
            pass
        match kind:
            case "chat":
                return of_completion(stream.current_completion_snapshot)
            case "responses":
                return of_response(stream.get_final_response())
            case _:
                return of_message(stream.current_message_snapshot)


def of_completion(completion):
    (message,) = (choice.message for choice in completion.choices)
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
    output = completion.usage.completion_tokens if completion.usage else None
    return {"text": message.content or "", "calls": calls, "output": output}


def of_response(response):
    calls = [(item.name, item.arguments) for item in response.output if item.type == "function_call"]
    output = response.usage.output_tokens if response.usage else None
    return {"text": response.output_text, "calls": calls, "output": output}


def of_message(message):
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    return {"text": text, "calls": calls, "output": message.usage.output_tokens}


def ours(kind: str, body: bytes) -> dict[str, Any]:
    """The same facts by our guard, and calls that the SDK does not list."""
    guard = Guard(Settings(shadow=True), keep_text=True, content_type="text/event-stream")
    guard.feed(body)
    text = guard.text
    _, summary = guard.finish()
    calls = [
        (call.name, json.loads(call.arguments or "{}") if kind == "messages" else call.arguments)
        for call in summary.tool_calls
    ]
    output = summary.usage.output if summary.usage.source == "reported" else None
    return {"text": text, "calls": calls, "output": output}


@pytest.mark.parametrize("kind", sdks.KINDS)
def test_sdk_and_guard_read_the_same(data, kind):
    compared, given_up = 0, []
    for name, body in recorded.of_kind(data, kind).items():
        if body.count(b"event: message_start") > 1:
            continue  # several responses in one body: the SDK keeps the first
        try:
            theirs = accumulated(kind, body)
        except Exception as error:
            given_up.append(f"{name}: {type(error).__name__}")
            continue
        read = ours(kind, body)
        calls = [call for call in read["calls"] if call in theirs["calls"]]
        # Groq reports usage in a field of its own, which the SDK does not read.
        output = read["output"] if theirs["output"] is not None else None
        assert {"text": read["text"], "calls": calls, "output": output} == theirs, name
        compared += 1
    assert compared > 2 * len(given_up), given_up


@pytest.mark.parametrize("kind", sdks.KINDS)
def test_a_watched_recording_gives_what_the_bare_sdk_gives(data, kind):
    for name, body in recorded.of_kind(data, kind).items():
        bare, watched = (items(kind, body, watch) for watch in (False, True))
        assert watched == bare, name


def items(kind, body, watch):
    """The items of a raw stream and the kind of error that ends it."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    sdk = anthropic.Anthropic if kind == "messages" else openai.OpenAI
    stream = sdks.create(kind, sdk(api_key="k", http_client=http, max_retries=0))
    got = []
    try:
        for item in midstream.watch(stream, Settings(shadow=True), on_truncated="flag") if watch else stream:
            got.append(item)
    except Exception as error:
        return got, type(error)
    return got, None
