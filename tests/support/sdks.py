"""Opens streams of the real SDKs against a provider on loopback, in the same way for each of them."""

from typing import Any

import anthropic
import openai

import bodies
from provider import Provider

BODIES = {"chat": bodies.chat, "responses": bodies.responses, "messages": bodies.messages}
LOOPED = {
    "chat": (bodies.chat(["x"])[:1], bodies.chat_chunk({"content": "I am done. "})),
    "responses": (
        bodies.responses([])[:4],
        bodies.response_event(
            "response.output_text.delta",
            4,
            item_id="msg_1",
            output_index=0,
            content_index=0,
            delta="I am done. ",
            logprobs=[],
        ),
    ),
    "messages": (bodies.messages([])[:2], bodies.message_delta("I am done. ")),
}
"""By API: how a stream begins, and an event of a loop."""

KINDS = sorted(BODIES)


def client(kind: str, provider: Provider, asynchronous: bool = False) -> Any:
    """A client of the SDK that speaks this API."""
    if kind == "messages":
        kind_of = anthropic.AsyncAnthropic if asynchronous else anthropic.Anthropic
        return kind_of(api_key="k", base_url=provider.url.removesuffix("/v1"), max_retries=0)
    return (openai.AsyncOpenAI if asynchronous else openai.OpenAI)(api_key="k", base_url=provider.url, max_retries=0)


def create(kind: str, client: Any) -> Any:
    """A raw stream; of an async client it is still to be awaited."""
    said: Any = [{"role": "user", "content": "Hi"}]
    match kind:
        case "chat":
            return client.chat.completions.create(model="m", messages=said, stream=True)
        case "responses":
            return client.responses.create(model="m", input="Hi", stream=True)
        case _:
            return client.messages.create(model="m", max_tokens=9, messages=said, stream=True)


def helper(kind: str, client: Any) -> Any:
    """The context manager that the SDK's ``.stream()`` gives."""
    said: Any = [{"role": "user", "content": "Hi"}]
    match kind:
        case "chat":
            return client.chat.completions.stream(model="m", messages=said)
        case "responses":
            return client.responses.stream(model="m", input="Hi")
        case _:
            return client.messages.stream(model="m", max_tokens=9, messages=said)


def text(kind: str, item: Any) -> str:
    """The text of the answer that an item of a raw stream brings."""
    match kind:
        case "chat":
            return "".join(choice.delta.content or "" for choice in item.choices)
        case "responses":
            return str(item.delta) if item.type == "response.output_text.delta" else ""
        case _:
            delta = getattr(item, "delta", None)
            return str(delta.text) if getattr(delta, "type", "") == "text_delta" else ""
