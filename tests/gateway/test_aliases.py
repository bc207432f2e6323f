"""Names of models that the configuration gives, wherever an SDK puts them."""

import pytest

from answers import reply_to
from calls import CALLS, outcome
from gateways import running
from midstream.gateway import GatewayConfig, Route, Upstream
from provider import Provider

KINDS = ["openai-chat", "anthropic-messages-stream", "ollama-chat-stream", "google-content", "google-content-stream"]
KINDS += ["google-v1beta", "google-v1beta-stream"]
APIS = ("anthropic", "gemini", "ollama", "openai")


@pytest.mark.parametrize("name", KINDS)
def test_an_alias_reaches_the_provider_by_the_name_that_it_knows(name):
    call = CALLS[name]
    call.needs()
    asked = []

    def answer(request):
        asked.append(request)
        return reply_to(request)

    with Provider(answer) as provider:
        upstream = Upstream(url=provider.url.removesuffix("/v1"), apis=APIS)
        # The calls ask for these two.
        models = {alias: (Route(upstream="mock", model="other-name"),) for alias in ("m", "gemini-2.5-flash")}
        config = GatewayConfig(listen="127.0.0.1:0", drain_s=1, upstreams={"mock": upstream}, models=models)
        with running(config) as gateway:
            items, error = outcome(call, gateway.url)
            (stream,) = gateway.streams()
    assert error is None
    assert items
    assert stream["model"] in models
    (request,) = asked
    head, _, body = request.partition("\r\n\r\n")
    assert ("models/other-name:" in head) if "google" in name else ('"other-name"' in body)
    assert "gemini-2.5-flash" not in request
