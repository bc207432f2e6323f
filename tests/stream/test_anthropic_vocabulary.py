"""Every event, delta, block and stop reason in the types of the installed package is known."""

import json
from typing import Any, get_args

import pytest
from anthropic.types import beta

from midstream.stream import Guard

START = {"type": "message_start", "message": {"id": "m", "model": "m", "content": []}}


def literals(annotation: Any) -> list[str]:
    """The words in an annotation, or in the `type` of the models it unites."""
    words = []
    for part in get_args(annotation):
        if isinstance(part, str):
            words.append(part)
        elif hasattr(part, "model_fields"):
            words += get_args(part.model_fields["type"].annotation)
        else:
            words += literals(part)
    return words


BLOCKS = literals(beta.BetaRawContentBlockStartEvent.model_fields["content_block"].annotation)
DELTAS = literals(beta.BetaRawContentBlockDelta)
EVENTS = literals(beta.BetaRawMessageStreamEvent)
REASONS = literals(beta.BetaStopReason)


def unknown_events(*events: dict[str, Any]) -> int:
    """How many of the events the guard does not know."""
    guard = Guard(dialect="anthropic-messages", framing="ndjson")
    guard.feed("".join(json.dumps(event) + "\n" for event in events).encode())
    return guard.finish("clean")[1].anomalies.get("unknown_event", 0)


def test_an_invented_event_is_unknown() -> None:
    assert unknown_events(START, {"type": "message_pause"}) == 1


@pytest.mark.parametrize("name", EVENTS)
def test_events_are_known(name: str) -> None:
    event = {"type": name, "index": 0, "delta": {"type": "text_delta"}, "content_block": {"type": "text"}}
    assert unknown_events(START, event) == 0


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_known(name: str) -> None:
    assert unknown_events(START, {"type": "content_block_start", "index": 0, "content_block": {"type": name}}) == 0


@pytest.mark.parametrize("name", DELTAS)
def test_deltas_are_known(name: str) -> None:
    assert unknown_events(START, {"type": "content_block_delta", "index": 0, "delta": {"type": name}}) == 0


@pytest.mark.parametrize("name", REASONS)
def test_stop_reasons_are_known(name: str) -> None:
    guard = Guard(dialect="anthropic-messages", framing="ndjson")
    decision = guard.feed(json.dumps({"type": "message_delta", "delta": {"stop_reason": name}}).encode() + b"\n")
    (finish,) = (event for event in decision.events if event.kind == "finish")
    assert finish.fields["reason"] not in (None, "other")
    assert guard.finish("clean")[1].finish_reasons == [name]
