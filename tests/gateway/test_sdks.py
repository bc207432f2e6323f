"""The official SDKs through the gateway: only their base URL is another."""

import time
from types import SimpleNamespace

import anthropic
import openai
import pytest

import sdks
from gateways import gateway_to
from provider import Forever, Provider, Stall


def client(kind, gateway, asynchronous=False):
    return sdks.client(kind, SimpleNamespace(url=f"{gateway.url}/v1"), asynchronous)


@pytest.mark.parametrize("kind", sdks.KINDS)
def test_a_stream_has_the_same_items_as_without_a_gateway(kind):
    body = sdks.BODIES[kind](["Hel", "lo ", "\U0001f600"])
    with Provider(body) as provider, gateway_to(provider.url) as gateway:
        direct = [item.model_dump() for item in sdks.create(kind, sdks.client(kind, provider))]
        through = [item.model_dump() for item in sdks.create(kind, client(kind, gateway))]
    assert through == direct
    assert len(direct) > 3


@pytest.mark.parametrize("kind", sdks.KINDS)
def test_the_sdks_own_helper_gets_the_whole_answer(kind):
    with (
        Provider(sdks.BODIES[kind](["Hel", "lo"])) as provider,
        gateway_to(provider.url) as gateway,
        sdks.helper(kind, client(kind, gateway)) as stream,
    ):
        assert sum(1 for _ in stream) > 3


@pytest.mark.parametrize("kind", sdks.KINDS)
def test_a_loop_is_stopped_with_the_sdks_own_error_and_the_provider_closed(kind):
    begin, loop = sdks.LOOPED[kind]
    with Provider([*begin, Forever((loop,))]) as provider, gateway_to(provider.url) as gateway:
        with pytest.raises((openai.APIError, anthropic.APIError)) as raised:
            for _ in sdks.create(kind, client(kind, gateway)):
                pass
        assert provider.last().hung_up_s is not None
        (stream,) = gateway.streams()
    assert "repeat" in str(raised.value)
    assert stream["summary"]["ending"] == "halted"
    assert stream["findings"][0]["check"] == "repeat"


@pytest.mark.parametrize("kind", sdks.KINDS)
def test_a_client_that_leaves_closes_the_provider(kind):
    begin, loop = sdks.LOOPED[kind]
    with Provider([*begin, loop, Stall()]) as provider, gateway_to(provider.url) as gateway:
        stream = sdks.create(kind, client(kind, gateway))
        next(iter(stream))
        left = time.monotonic()
        stream.close()
        hung_up = provider.last().hung_up_s
    assert hung_up is not None
    assert hung_up >= left


def test_a_providers_refusal_passes_as_it_is():
    refusal = b'{"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limit", "param": null}}'
    headers = ("retry-after: 7",)
    with (
        Provider([refusal], status=429, content_type="application/json", headers=headers) as provider,
        gateway_to(provider.url) as gateway,
        pytest.raises(openai.RateLimitError) as raised,
    ):
        sdks.create("chat", client("chat", gateway))
    assert raised.value.response.headers["retry-after"] == "7"
    assert raised.value.body["message"] == "slow down"
