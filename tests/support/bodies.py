"""Bodies of streams as providers send them, made from fragments of an answer."""

import json
from collections.abc import Iterable


def sse(data: object, event: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n" if event else ""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"{head}data: {text}\n\n".encode()


def chat_chunk(delta: object, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return sse(head | {"choices": [choice]})


def chat_call(arguments: str, name: str | None = None) -> bytes:
    call: dict[str, object] = {"index": 0, "function": {"arguments": arguments}}
    if name:
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return chat_chunk({"tool_calls": [call]})


DONE = b"data: [DONE]\n\n"
CHAT_ERROR = sse({"error": {"message": "overloaded", "type": "server_error", "code": "overloaded"}})


def chat(fragments: Iterable[str]) -> list[bytes]:
    """A whole chat stream, one event a chunk."""
    first = chat_chunk({"role": "assistant", "content": ""})
    return [first, *(chat_chunk({"content": text}) for text in fragments), chat_chunk({}, "stop"), DONE]


def gemini_array(fragments: Iterable[str]) -> list[bytes]:
    """A whole Gemini stream as a JSON array, one element a chunk."""

    def element(text: str, **more: object) -> bytes:
        candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}, **more}
        return json.dumps({"candidates": [candidate], "modelVersion": "gemini-2.5", "responseId": "r1"}).encode()

    begun = [(b",\r\n" if at else b"[") + element(text) for at, text in enumerate(fragments)]
    return [*begun, b",\r\n" + element("", finishReason="STOP"), b"]"]


def response_event(name: str, sequence: int, **fields: object) -> bytes:
    return sse({"type": name, "sequence_number": sequence} | fields, name)


def response_of(status: str, text: str = "") -> dict[str, object]:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "m",
        "output": [message] if text else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
    }


def responses(fragments: Iterable[str]) -> list[bytes]:
    """A whole stream of the Responses API, one event a chunk."""
    fragments = list(fragments)
    text = "".join(fragments)
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    events: list[tuple[str, dict[str, object]]] = [
        ("response.created", {"response": response_of("in_progress")}),
        ("response.in_progress", {"response": response_of("in_progress")}),
        ("response.output_item.added", {"output_index": 0, "item": item}),
        ("response.content_part.added", place | {"part": part}),
        *(("response.output_text.delta", place | {"delta": piece, "logprobs": []}) for piece in fragments),
        ("response.output_text.done", place | {"text": text, "logprobs": []}),
        ("response.content_part.done", place | {"part": part | {"text": text}}),
        (
            "response.output_item.done",
            {"output_index": 0, "item": item | {"status": "completed", "content": [part | {"text": text}]}},
        ),
        ("response.completed", {"response": response_of("completed", text)}),
    ]
    return [response_event(name, sequence, **fields) for sequence, (name, fields) in enumerate(events)]


def message_event(name: str, **fields: object) -> bytes:
    return sse({"type": name} | fields, name)


def message_delta(text: str) -> bytes:
    return message_event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


MESSAGE_ERROR = message_event("error", error={"type": "overloaded_error", "message": "Overloaded"})


def messages(fragments: Iterable[str]) -> list[bytes]:
    """A whole stream of Anthropic's Messages API, one event a chunk."""
    usage = {"input_tokens": 3, "output_tokens": 1}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    return [
        message_event("message_start", message=message),
        message_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *(message_delta(text) for text in fragments),
        message_event("content_block_stop", index=0),
        message_event(
            "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 9}
        ),
        message_event("message_stop"),
    ]


def chat_usage() -> bytes:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    usage = {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}
    return sse(head | {"choices": [], "usage": usage})


def chat_with_usage(fragments: Iterable[str]) -> list[bytes]:
    """A whole chat stream with its token counts."""
    *body, done = chat(fragments)
    return [*body, chat_usage(), done]


def chat_with_call() -> list[bytes]:
    """A chat stream that calls a tool."""
    first = chat_chunk({"role": "assistant", "content": None})
    call = [chat_call('{"q": ', "search"), chat_call('"rain"}')]
    return [first, *call, chat_chunk({}, "tool_calls"), DONE]


def ollama_line(**fields: object) -> bytes:
    return (json.dumps({"model": "m", "created_at": "2026-11-21T20:48:36.1Z"} | fields) + "\n").encode()


COUNTS: dict[str, object] = {"done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 9}


def ollama_chat(fragments: Iterable[str]) -> list[bytes]:
    """A whole chat of Ollama, one line a chunk."""

    def message(text: str) -> dict[str, str]:
        return {"role": "assistant", "content": text}

    lines = [ollama_line(message=message(text), done=False) for text in fragments]
    return [*lines, ollama_line(message=message(""), **COUNTS)]


def ollama_generate(fragments: Iterable[str]) -> list[bytes]:
    """A whole completion of Ollama, one line a chunk."""
    return [*(ollama_line(response=text, done=False) for text in fragments), ollama_line(response="", **COUNTS)]


def ollama_call() -> list[bytes]:
    """A chat of Ollama that calls a tool."""
    call = {"function": {"name": "search", "arguments": {"q": "rain"}}}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    return [
        ollama_line(message=message, done=False),
        ollama_line(message={"role": "assistant", "content": ""}, **COUNTS),
    ]


def gemini_event(part: dict[str, object], **more: object) -> bytes:
    candidate = {"index": 0, "content": {"role": "model", "parts": [part]}, **more}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 9, "totalTokenCount": 12}
    body = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5", "responseId": "r1"}
    return sse(body)


def gemini(fragments: Iterable[str]) -> list[bytes]:
    """A whole Gemini stream, one event a chunk."""
    return [*(gemini_event({"text": text}) for text in fragments), gemini_event({"text": ""}, finishReason="STOP")]


def gemini_call() -> list[bytes]:
    """A Gemini stream that calls a tool."""
    return [gemini_event({"functionCall": {"name": "search", "args": {"q": "rain"}}}, finishReason="STOP")]
