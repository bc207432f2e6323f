"""What the package openai accumulates from the same bytes, served to it without a network."""

import json
from typing import Any

from .bodies import Payload
from .expected import canonical


def client(events: list[Payload]) -> Any:
    """A client whose every request is answered by these events."""
    import httpx2
    from openai import OpenAI

    body = "".join(
        f"event: {event.name or kind(event.value)}\ndata: {text(event.value)}\n\n" for event in events if not event.sent
    )
    headers = {"content-type": "text/event-stream"}
    answer = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=body))
    return OpenAI(api_key="none", max_retries=0, http_client=httpx2.Client(transport=answer))


def kind(value: Any) -> str:
    return value.get("type", "message") if isinstance(value, dict) else "message"


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def chat(events: list[Payload]) -> dict[str, Any]:
    ask = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    with client(events).chat.completions.stream(**ask) as stream:
        for _ in stream:
            pass
        completion = stream.current_completion_snapshot
    message = completion.choices[0].message
    extra = message.model_extra or {}
    reasoning = extra.get("reasoning_content") or extra.get("reasoning")
    result = {
        "calls": [(call.function.name, canonical(call.function.arguments or "")) for call in message.tool_calls or []],
        "text": message.content or "",
    }
    if reasoning:
        result["reasoning"] = reasoning
    if completion.usage:
        result |= {"input": completion.usage.prompt_tokens, "output": completion.usage.completion_tokens}
    return result


def completions(events: list[Payload]) -> dict[str, Any]:
    """Each chunk as the package reads it; it has no accumulator for them."""
    chunks = list(client(events).completions.create(model="m", prompt="x", stream=True))
    usage = [chunk.usage for chunk in chunks if chunk.usage]
    return {
        "text": "".join(choice.text for chunk in chunks for choice in chunk.choices),
        "input": usage[-1].prompt_tokens if usage else None,
        "output": usage[-1].completion_tokens if usage else None,
    }


def responses(events: list[Payload]) -> dict[str, Any]:
    starts = sum(kind(event.value) == "response.created" for event in events)
    if starts != 1:
        raise ValueError(f"{starts} responses in one body")
    with client(events).responses.stream(model="m", input="x") as stream:
        response = stream.get_final_response()
    calls = [item for item in response.output if item.type in ("function_call", "custom_tool_call")]
    return {
        "calls": [
            (item.name, canonical(item.arguments if item.type == "function_call" else item.input)) for item in calls
        ],
        "input": response.usage.input_tokens,
        "output": response.usage.output_tokens,
        "text": response.output_text,
    }


def assistants(events: list[Payload]) -> dict[str, Any]:
    import warnings

    warnings.simplefilter("ignore", DeprecationWarning)
    ask = {"thread_id": "t", "assistant_id": "a"}
    with client(events).beta.threads.runs.stream(**ask) as stream:
        messages = stream.get_final_messages()
        run = stream.current_run
    return {
        "input": run.usage.prompt_tokens,
        "output": run.usage.completion_tokens,
        "text": "".join(part.text.value for message in messages for part in message.content),
    }
