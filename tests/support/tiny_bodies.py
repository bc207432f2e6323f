"""Small bodies of the project's own making."""

import json

__all__ = ["CHAT", "LOOP", "OLLAMA", "TEXT", "TOOL", "chat"]


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
