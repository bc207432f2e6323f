"""Every event and finish reason in the types of the installed package is known."""

import json
from typing import Any, get_args, get_origin

import pytest
from openai.types import realtime, responses
from openai.types.beta import AssistantStreamEvent
from openai.types.chat.chat_completion_chunk import Choice

from midstream.stream import Guard


def literals(annotation: Any, key: str = "type") -> list[str]:
    """The words that field `key` may have in the models that an annotation unites."""
    if key in getattr(annotation, "model_fields", {}):
        return list(get_args(annotation.model_fields[key].annotation))
    parts = [part for part in get_args(annotation) if get_origin(part) or hasattr(part, "model_fields")]
    return [word for part in parts for word in literals(part, key)]


ASSISTANTS = literals(AssistantStreamEvent, "event")
RESPONSES = literals(responses.ResponseStreamEvent)
SERVER = literals(realtime.RealtimeServerEvent)
CLIENT = literals(realtime.RealtimeClientEvent)


def unknown_events(dialect: str, *lines: dict[str, Any], framing: str = "ndjson") -> int:
    """How many of the events the guard does not know."""
    guard = Guard(dialect=dialect, framing=framing)
    guard.feed("".join(json.dumps(line) + "\n" for line in lines).encode())
    return guard.finish("clean")[1].anomalies.get("unknown_event", 0)


def test_an_invented_event_is_unknown() -> None:
    assert unknown_events("openai-responses", {"type": "response.dance"}) == 1
    assert unknown_events("openai-realtime", {"type": "response.dance"}) == 1
    assert unknown_events("openai-assistants", {"event": "thread.dance", "data": {"object": "thread.dance"}}) == 1


def test_the_package_has_as_many_events_as_its_documents() -> None:
    assert len(RESPONSES) >= 58
    assert len(SERVER) >= 46
    assert len(CLIENT) >= 11
    assert len(ASSISTANTS) >= 24


@pytest.mark.parametrize("name", RESPONSES)
def test_events_of_responses_are_known(name: str) -> None:
    assert unknown_events("openai-responses", {"type": name}) == 0


@pytest.mark.parametrize("name", SERVER)
def test_events_of_a_realtime_server_are_known(name: str) -> None:
    assert unknown_events("openai-realtime", {"type": name}) == 0


@pytest.mark.parametrize("name", CLIENT)
def test_events_of_a_realtime_client_are_known(name: str) -> None:
    frame = {"direction": "sent", "data": {"type": name}}
    assert unknown_events("openai-realtime", frame, framing="websocket-lines") == 0


@pytest.mark.parametrize("name", ASSISTANTS)
def test_events_of_assistants_are_known(name: str) -> None:
    objects = [
        "thread.message.delta",
        "thread.run.step.delta",
        "thread.run.step",
        "thread.message",
        "thread.run",
        "thread",
    ]
    data = {"object": next((known for known in objects if name.startswith(known)), name)}
    assert unknown_events("openai-assistants", {"event": name, "data": data}) == 0


@pytest.mark.parametrize("name", get_args(get_args(Choice.model_fields["finish_reason"].annotation)[0]))
def test_finish_reasons_of_chat_are_known(name: str) -> None:
    guard = Guard(dialect="openai-chat", framing="ndjson")
    decision = guard.feed(json.dumps({"choices": [{"delta": {}, "finish_reason": name}]}).encode() + b"\n")
    (finish,) = (event for event in decision.events if event.kind == "finish")
    assert finish.fields["reason"] not in (None, "other")
    assert guard.finish("clean")[1].finish_reasons == [name]
