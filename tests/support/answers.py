"""Answers in one piece, as providers send them, and a provider that gives every one of them."""

import json
from collections.abc import Callable

import bodies
from provider import Reply, Step

__all__ = ["TOOL", "refusal", "reply_to"]

Json = dict[str, object]

FRAGMENTS = ["All ", "is ", "well."]
TEXT = "".join(FRAGMENTS)
TOOL: Json = {"type": "object", "properties": {"q": {"type": "string"}}}
COUNTS: Json = {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}


def chat(asked: Json) -> Json:
    message: Json = {"role": "assistant", "content": TEXT}
    if "tools" in asked:
        function = {"name": "search", "arguments": '{"q": "rain"}'}
        message = {"role": "assistant", "content": None}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    reason = "tool_calls" if "tools" in asked else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": COUNTS}


def completion(_: Json) -> Json:
    choice = {"index": 0, "text": TEXT, "finish_reason": "stop", "logprobs": None}
    return {"id": "c1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice], "usage": COUNTS}


def completion_stream() -> list[bytes]:
    def chunk(text: str, reason: str | None = None) -> bytes:
        choice = {"index": 0, "text": text, "finish_reason": reason, "logprobs": None}
        return bodies.sse({"id": "c1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]})

    return [*(chunk(text) for text in FRAGMENTS), chunk("", "stop"), bodies.DONE]


def embeddings(_: Json) -> Json:
    vector = {"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}
    return {"object": "list", "data": [vector], "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}}


def models(_: Json) -> Json:
    one = {"id": "m", "object": "model", "created": 1, "owned_by": "mock"}
    return {"object": "list", "data": [one], "has_more": False, "first_id": "m", "last_id": "m"}


def anthropic_models(_: Json) -> Json:
    one = {"id": "m", "type": "model", "display_name": "M", "created_at": "2026-11-21T20:48:36Z"}
    return {"data": [one], "has_more": False, "first_id": "m", "last_id": "m"}


def message(asked: Json) -> Json:
    content: Json = {"type": "text", "text": TEXT}
    if "tools" in asked:
        content = {"type": "tool_use", "id": "call_1", "name": "search", "input": {"q": "rain"}}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [content],
        "stop_reason": "tool_use" if "tools" in asked else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 9},
    }


def message_with_call() -> list[bytes]:
    head, tail = bodies.messages([])[0], bodies.messages([])[-3:]
    block = {"type": "tool_use", "id": "call_1", "name": "search", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": text} for text in ('{"q": ', '"rain"}')]
    return [
        head,
        bodies.message_event("content_block_start", index=0, content_block=block),
        *(bodies.message_event("content_block_delta", index=0, delta=piece) for piece in pieces),
        *tail,
    ]


def ollama(**said: object) -> Json:
    return {"model": "m", "created_at": "2026-11-21T20:48:36.1Z"} | said | bodies.COUNTS


def gemini(asked: Json) -> Json:
    part: Json = {"functionCall": {"name": "search", "args": {"q": "rain"}}} if "tools" in asked else {"text": TEXT}
    candidate = {"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
    counts = {"promptTokenCount": 3, "candidatesTokenCount": 9, "totalTokenCount": 12}
    return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": "m", "responseId": "r1"}


WHOLE: dict[str, Callable[[Json], Json]] = {
    "/v1/chat/completions": chat,
    "/v1/completions": completion,
    "/v1/responses": lambda _: bodies.response_of("completed", TEXT),
    "/v1/embeddings": embeddings,
    "/v1/models": models,
    "/v1/messages": message,
    "/v1/messages/count_tokens": lambda _: {"input_tokens": 3},
    "/api/chat": lambda _: ollama(message={"role": "assistant", "content": TEXT}),
    "/api/generate": lambda _: ollama(response=TEXT),
    "/api/tags": lambda _: {"models": [{"model": "m", "digest": "d", "size": 1}]},
    ":generateContent": gemini,
}
STREAMED: dict[str, Callable[[Json], list[bytes]]] = {
    "/v1/chat/completions": lambda asked: (
        bodies.chat_with_call() if "tools" in asked else bodies.chat_with_usage(FRAGMENTS)
    ),
    "/v1/completions": lambda _: completion_stream(),
    "/v1/responses": lambda _: bodies.responses(FRAGMENTS),
    "/v1/messages": lambda asked: message_with_call() if "tools" in asked else bodies.messages(FRAGMENTS),
    "/api/chat": lambda asked: bodies.ollama_call() if "tools" in asked else bodies.ollama_chat(FRAGMENTS),
    "/api/generate": lambda _: bodies.ollama_generate(FRAGMENTS),
    ":streamGenerateContent": lambda asked: bodies.gemini_call() if "tools" in asked else bodies.gemini(FRAGMENTS),
}


def parts(request: str) -> tuple[str, Json]:
    """The path of a request, and what its body asks for."""
    path = request.split(" ", 2)[1].partition("?")[0]
    body = request.partition("\r\n\r\n")[2]
    return path, json.loads(body) if body else {}


def reply_to(request: str) -> Reply:
    """What a provider of every API answers."""
    path, asked = parts(request)
    if path == "/v1/models" and "anthropic-version" in request.lower():
        return whole(anthropic_models(asked))
    streams = asked.get("stream", path.startswith("/api/")) or path.endswith(":streamGenerateContent")
    for end, body in STREAMED.items() if streams else ():
        if path.endswith(end):
            kind = "application/x-ndjson" if path.startswith("/api/") else "text/event-stream"
            return Reply(body(asked), kind)
    return whole(next(body for end, body in WHOLE.items() if path.endswith(end))(asked))


def whole(body: Json, status: int = 200) -> Reply:
    script: list[Step] = [json.dumps(body).encode()]
    return Reply(script, "application/json", status)


def refusal(status: int) -> Callable[[str], Reply]:
    """A provider that answers every request with an error, in the words of its API."""

    def answer(request: str) -> Reply:
        path, _ = parts(request)
        if path.startswith("/api/"):
            return whole({"error": "no"}, status)
        if path.startswith("/v1beta/"):
            return whole({"error": {"code": status, "message": "no", "status": "NO"}}, status)
        if path.startswith("/v1/messages"):
            return whole({"type": "error", "error": {"type": "no", "message": "no"}}, status)
        return whole({"error": {"message": "no", "type": "no", "code": "no", "param": None}}, status)

    return answer
