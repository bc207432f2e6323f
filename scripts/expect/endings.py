"""How each recording ends, by hand from reading it. What is not named here is complete."""

ENDINGS: dict[str, str] = {
    # `event: error` after reasoning, no finish reason.
    "openai-chat/groq-tool-use-failed-error-streaming.sse": "failed",
    # `error` beside `choices`, after a finish reason and before `[DONE]`.
    "openai-chat/openrouter-openrouter-stream-error.sse": "failed",
    # The JSON of its first and of its last event lacks a brace, so nothing that can be read says how it ended.
    "openai-responses/openai-parallel-tool-call-wrapper.1.jsonl": "truncated",
}
