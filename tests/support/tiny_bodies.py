"""Small bodies of the project's own making."""

import json

__all__ = ["ANTHROPIC", "CHAT", "LOOP", "OLLAMA", "RESPONSES", "TEXT", "TOOL", "chat"]


def chat(*texts, finish="stop", done=True, usage=None):
    """A chat stream of these fragments."""

    def event(delta, finish=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "c1", "object": "chat.completion.chunk", "model": "tiny-1", "choices": [choice], **more}
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"

    events = [event({"role": "assistant", "content": ""}), *(event({"content": text}) for text in texts)]
    if finish:
        events.append(event({}, finish, **({"usage": usage} if usage else {})))
    return ("".join(events) + ("data: [DONE]\n\n" if done else "")).encode()


CHAT = chat("It is raining", " in 東京 🌧.", usage={"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16})
LOOP = chat("Well. ", *["I am done. "] * 40)
TEXT = b"It is raining.\nIt will not rain tomorrow.\n"
OLLAMA = b"".join(
    b'{"model":"tiny-2","created_at":"2026-11-21T20:48:36.%sZ","message":{"role":"assistant","content":"%s"},"done":%s}\n'
    % part
    for part in [(b"1", b"Yes", b"false"), (b"35", b".", b"false"), (b"6", b"", b'true,"done_reason":"stop"')]
)
TOOL = (
    b'data: {"object":"chat.completion.chunk","model":"tiny-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,'
    b'"id":"call_1","type":"function","function":{"name":"search","arguments":"{\\"q\\": \\"ra"}}]}}]}\n\n'
)
ANTHROPIC = b"".join(
    b"event: %s\ndata: %s\n\n" % (json.loads(data)["type"].encode(), data)
    for data in [
        b'{"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"tiny-3",'
        b'"content":[],"usage":{"input_tokens":3,"output_tokens":1}}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello."}}',
        b'{"type":"content_block_stop","index":0}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}',
        b'{"type":"message_stop"}',
    ]
)
RESPONSES = b"".join(
    b"event: %s\ndata: %s\n\n" % (json.loads(data)["type"].encode(), data)
    for data in [
        b'{"type":"response.created","sequence_number":0,"response":{"id":"r1","model":"tiny-4","status":"in_progress"}}',
        b'{"type":"response.output_text.delta","sequence_number":1,"item_id":"i1","output_index":0,"content_index":0,'
        b'"delta":"Good day."}',
        b'{"type":"response.completed","sequence_number":2,"response":{"id":"r1","model":"tiny-4","status":"completed",'
        b'"usage":{"input_tokens":2,"output_tokens":3}}}',
    ]
)
