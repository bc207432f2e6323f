"""OpenAI Responses and assistants, from https://platform.openai.com/docs/api-reference."""

from typing import Any

from .bodies import Payload
from .expected import Call, Expected

# The text of each event of one output item, and the part of the item that it numbers.
DELTAS = {
    "response.output_text.delta": ("text", "content_index"),
    "response.refusal.delta": ("refusal", "content_index"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary_index"),
    "response.reasoning_text.delta": ("reasoning", "content_index"),
}


def channel(place: str, kind: str, part: int) -> str:
    return f"{place}/{kind}:{part}" if part else f"{place}/{kind}"


def read(payloads: list[Payload]) -> Expected:
    """One body may hold several responses, each of which numbers its items from 0: they are numbered on."""
    expected = Expected("openai-responses")
    before = behind = 0
    for _, event, _ in payloads:
        if not isinstance(event, dict):
            continue
        if event["type"] == "response.created":
            before = behind
        index = before + event.get("output_index", 0)
        if "output_index" in event:
            behind = max(behind, index + 1)
        read_event(expected, index, event)
    return expected


def read_event(expected: Expected, index: int, event: dict[str, Any]) -> None:
    name = event["type"]
    if name in DELTAS:
        kind, part = DELTAS[name]
        expected.add(channel(f"item:{index}", kind, event.get(part, 0)), event["delta"])
    elif name in ("response.output_item.added", "response.output_item.done"):
        item = event["item"]
        if item["type"] in ("function_call", "custom_tool_call"):
            # The last word on a call is its item when it is done.
            whole = item.get("arguments") or item.get("input") or ""
            expected.calls[index] = Call(item["name"], whole, name.endswith("done"))
    elif name in ("response.completed", "response.incomplete", "response.failed"):
        response = event["response"]
        details = response.get("incomplete_details") or {}
        expected.finish(details.get("reason") or response["status"])
        usage = response.get("usage") or {}
        expected.count(response.get("id"), input=usage.get("input_tokens"), output=usage.get("output_tokens"))


def read_realtime(payloads: list[Payload]) -> Expected:
    """Items are numbered in the order in which responses begin them."""
    expected = Expected("openai-realtime")
    items: dict[str, int] = {}
    for _, event, sent in payloads:
        if sent:
            continue
        name = event["type"].replace("output_audio", "audio").replace("output_text", "text")
        if name == "response.output_item.added":
            items[event["item"]["id"]] = len(items)
        place = f"item:{items.get(event.get('item_id', ''), -1)}"
        part = event.get("content_index", 0)
        if name in ("response.text.delta", "response.audio_transcript.delta"):
            expected.add(channel(place, "text", part), event["delta"])
        elif name == "response.audio.delta":
            size = len(event["delta"].rstrip("=")) * 3 // 4
            sound = channel(place, "audio", part)
            expected.audio_bytes[sound] = expected.audio_bytes.get(sound, 0) + size
        elif name == "response.output_item.done" and event["item"]["type"] == "function_call":
            item = event["item"]
            expected.calls[item["call_id"]] = Call(item["name"], item["arguments"], True)
        elif name == "response.done":
            expected.finish(event["response"]["status"])
            usage = event["response"].get("usage") or {}
            id = event["response"].get("id")
            expected.count(id, input=usage.get("input_tokens"), output=usage.get("output_tokens"))
    return expected


def read_assistants(payloads: list[Payload]) -> Expected:
    """Messages and steps are numbered together, in the order of their first content."""
    expected = Expected("openai-assistants")
    items: dict[str, int] = {}
    for name, event, _ in payloads:
        if name == "thread.message.delta":
            place = f"item:{items.setdefault(event['id'], len(items))}"
            for content in event["delta"]["content"]:
                expected.add(channel(place, "text", content["index"]), content.get("text", {}).get("value"))
        elif name == "thread.run.step.delta":
            items.setdefault(event["id"], len(items))
        elif name == "thread.run.completed":
            expected.finish("completed")
            expected.count(input=event["usage"]["prompt_tokens"], output=event["usage"]["completion_tokens"])
    return expected
