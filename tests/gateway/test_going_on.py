"""Answers that are cut at every event go on at the next route, and the official SDKs get one whole answer."""

import anthropic
import openai
import pytest

import bodies
from gateways import running
from midstream.gateway import Continuation, GatewayConfig, Prefill, Route, Upstream
from provider import Provider

PIECES = ["The quick ", "brown fox", " jumps over", " the dog."]
TEXT = "".join(PIECES)


def two_routes(first, second):
    """A gateway whose model is served by one provider, and then by the other."""
    upstreams = {
        name: Upstream(url=provider.url.removesuffix("/v1"), apis=("anthropic", "openai"), prefill=Prefill(), retries=0)
        for name, provider in (("first", first), ("second", second))
    }
    routes = (Route(upstream="first"), Route(upstream="second"))
    return running(
        GatewayConfig(
            listen="127.0.0.1:0",
            drain_s=1,
            upstreams=upstreams,
            models={"m": routes},
            continuation=Continuation(on_break=True),
        )
    )


def events(body):
    """The events of a stream, however the script cuts them."""
    whole = b"".join(body)
    return [event + b"\n\n" for event in whole.split(b"\n\n") if event.strip()]


def said(cut):
    """How many pieces stand in events up to a cut."""
    text = b"".join(cut).decode()
    return sum(1 for piece in PIECES if f'"{piece}"' in text)


@pytest.mark.parametrize("behind", range(1, len(events(bodies.chat(PIECES)))))
def test_a_chat_cut_behind_any_event_is_one_answer_to_the_sdk(behind):
    cut = events(bodies.chat(PIECES))[:behind]
    with (
        Provider(cut) as first,
        Provider(bodies.chat(PIECES[said(cut) :])) as second,
        two_routes(first, second) as gateway,
        openai.OpenAI(api_key="k", base_url=f"{gateway.url}/v1", max_retries=0) as client,
        client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "Hi"}]) as stream,
    ):
        answer = stream.get_final_completion()
    assert [choice.message.content for choice in answer.choices] == [TEXT]
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("behind", range(1, len(events(bodies.messages(PIECES)))))
def test_a_message_cut_behind_any_event_is_one_answer_to_the_sdk(behind):
    cut = events(bodies.messages(PIECES))[:behind]
    with (
        Provider(cut) as first,
        Provider(bodies.messages(PIECES[said(cut) :])) as second,
        two_routes(first, second) as gateway,
        anthropic.Anthropic(api_key="k", base_url=gateway.url, max_retries=0) as client,
        client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as stream,
    ):
        answer = stream.get_final_message()
    assert [block.text for block in answer.content] == [TEXT]
    assert answer.stop_reason == "end_turn"
