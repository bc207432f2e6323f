"""Where a recording's semantic end lies: a slow, obvious twin of the ending rules, written from the providers' documentation.

A recording is read line by line (or frame by frame), and every line is told to one rule per format.
The result is a list of marks ``(offset, complete)``: from this byte offset on, up to the next mark, a body that is cut there is
complete or not.
"""

import json
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["is_complete", "marks"]

Payload = dict[str, Any] | str
Rule = Callable[[Iterator[tuple[int, Payload, str]]], Iterator[tuple[int, bool]]]


def payloads(body: bytes, framing: str) -> Iterator[tuple[int, Payload, str]]:
    """Yields ``(offset behind the payload's last character, payload, name of the frame)``."""
    if framing.startswith("aws"):
        yield from aws_frames(body)
        return
    name, at = "", 0
    for line in re.split(rb"(?<=\n)", body):
        text = line.rstrip()
        end, at = at + len(text), at + len(line)
        if framing == "sse":
            if text.startswith(b"event:"):
                name = text[6:].strip().decode()
            if not text:
                name = ""
            if not text.startswith(b"data:"):
                continue
            text = text[5:].strip()
        if not text:
            continue
        try:
            payload = json.loads(text)
        except ValueError:
            payload = text.decode("utf-8", "replace")
        if framing.startswith("websocket"):
            if payload["direction"] != "received":
                continue
            payload = payload["data"]
            payload = json.loads(payload) if isinstance(payload, str) else payload
        yield end, payload, name


def aws_frames(body: bytes) -> Iterator[tuple[int, Payload, str]]:
    at = 0
    while at < len(body):
        total, headers = struct.unpack(">II", body[at : at + 8])
        raw = body[at + 12 : at + 12 + headers]
        name = re.search(rb":event-type\x07..(\w+?)(?=[\r\x0b]|$)", raw, re.S)
        payload = json.loads(body[at + 12 + headers : at + total - 4] or b"{}")
        at += total
        yield at, payload, name.group(1).decode() if name else ""


def chat(frames: Iterator[tuple[int, Payload, str]]) -> Iterator[tuple[int, bool]]:
    """Complete from the last finish reason of every choice seen, or from ``[DONE]``; an error undoes it."""
    reasons: dict[int, bool] = {}
    failed = done = False
    for end, payload, name in frames:
        if isinstance(payload, str):
            done = done or payload == "[DONE]"
        else:
            failed = failed or name == "error" or bool(payload.get("error"))
            for choice in payload.get("choices") or []:
                index = choice.get("index") or 0
                reasons[index] = reasons.get(index, False) or bool(choice.get("finish_reason"))
        yield end, not failed and (done or (bool(reasons) and all(reasons.values())))


def last(
    test: Callable[[dict[str, Any], str], bool], again: Callable[[dict[str, Any]], bool] = lambda payload: False
) -> Rule:
    """Complete from a payload on that passes `test`, until one begins `again`: a body may hold several responses."""

    def rule(frames: Iterator[tuple[int, Payload, str]]) -> Iterator[tuple[int, bool]]:
        complete = False
        for end, payload, name in frames:
            if isinstance(payload, dict):
                complete = (complete and not again(payload)) or test(payload, name)
            yield end, complete

    return rule


def session(begin: Callable[[dict[str, Any]], bool], finish: Callable[[dict[str, Any]], bool]) -> Rule:
    """Complete while at least one turn has ended and none is open."""

    def rule(frames: Iterator[tuple[int, Payload, str]]) -> Iterator[tuple[int, bool]]:
        opened = finished = 0
        for end, payload, _ in frames:
            if isinstance(payload, dict):
                if finish(payload):
                    finished, opened = finished + 1, 0
                elif begin(payload):
                    opened = 1
            yield end, finished > 0 and not opened

    return rule


def gemini(frames: Iterator[tuple[int, Payload, str]]) -> Iterator[tuple[int, bool]]:
    """Complete after a finish reason, until more content comes."""
    complete = False
    for end, payload, _ in frames:
        if isinstance(payload, dict):
            for candidate in payload.get("candidates") or []:
                complete = bool(candidate.get("finishReason"))
            complete = complete or bool((payload.get("promptFeedback") or {}).get("blockReason"))
        yield end, complete


def gemini_turn_began(payload: dict[str, Any]) -> bool:
    content = payload.get("serverContent") or {}
    return bool(set(content) & {"modelTurn", "outputTranscription"} or payload.get("toolCall"))


def xai_finished(payload: dict[str, Any], name: str = "") -> bool:
    """An output's finish reason. Tools of the recordings run at the provider, so a call of theirs ends nothing."""
    outputs = (payload.get("chunk") or {}).get("outputs") or []
    return any(output.get("finish_reason") not in (None, "REASON_TOOL_CALLS") for output in outputs)


RULES: dict[str, Rule] = {
    "anthropic-messages": last(
        lambda p, _: p.get("type") == "message_stop" or bool((p.get("delta") or {}).get("stop_reason")),
        again=lambda p: p.get("type") == "message_start",
    ),
    "aws-eventstream": last(lambda p, name: name == "messageStop"),
    "bedrock-converse": last(lambda p, _: "messageStop" in p),
    "cohere": last(lambda p, _: p.get("type") == "message-end"),
    "cohere-v2": last(lambda p, _: p.get("type") == "message-end"),
    "gemini": gemini,
    "gemini-interactions": last(lambda p, _: p.get("event_type") == "interaction.completed"),
    "gemini-live-ws": session(gemini_turn_began, lambda p: bool((p.get("serverContent") or {}).get("turnComplete"))),
    "gemini-other": last(lambda p, _: p.get("event_type") == "interaction.completed"),
    "ollama-ndjson": last(lambda p, _: p.get("done") is True),
    "openai-assistants": last(lambda p, name: name == "thread.run.completed"),
    "openai-chat": chat,
    "openai-completions": chat,
    "openai-responses": last(
        lambda p, _: p.get("type") in ("response.completed", "response.incomplete"),
        again=lambda p: p.get("type") == "response.created",
    ),
    "realtime-ws": session(lambda p: p.get("type") == "response.created", lambda p: p.get("type") == "response.done"),
    "replicate": last(lambda p, name: name == "done"),
    "watsonx": last(
        lambda p, _: any(r.get("stop_reason") not in (None, "not_finished") for r in p.get("results") or [])
    ),
    "xai-grpc": last(xai_finished, again=lambda p: not xai_finished(p)),
}


def marks(path: Path, api_format: str, framing: str) -> list[tuple[int, bool]]:
    """The marks of the recording at `path`, in order, from offset 0 on."""
    rule = RULES.get(api_format)
    if rule is None:
        raise LookupError(f"no rule for {api_format}")
    return [(0, False), *rule(payloads(path.read_bytes(), framing))]


def is_complete(ends: list[tuple[int, bool]], cut: int) -> bool:
    """Whether a body cut at byte `cut` is complete."""
    return next(complete for offset, complete in reversed(ends) if offset <= cut)
