"""Official clients through the gateway: what they get and raise is what they get and raise without it."""

import hashlib
from dataclasses import replace

import pytest

import bodies
from answers import refusal, reply_to
from calls import CALLS, TWICE, outcome
from gateways import gateway_to, nobody, running
from midstream.gateway import GatewayConfig, Key, Limits, Route, Upstream
from provider import Cut, Provider, Reply, Reset, Silence

STREAMS = [name for name in CALLS if name.endswith("-stream")]
ONE_EACH = ["openai-chat", "openai-chat-stream", "openai-responses-stream", "anthropic-messages-stream", "ollama-chat"]
ONE_EACH += ["ollama-chat-stream", "google-content", "google-content-stream", "langchain-chat-stream"]
STATUSES = [400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504, 529]
APIS = ("anthropic", "gemini", "ollama", "openai")


@pytest.fixture
def call(request):
    call = (CALLS | TWICE)[request.param]
    call.needs()
    return call


def root(provider):
    return provider.url.removesuffix("/v1")


def both(call, script, asynchronous=False):
    """What a call gives without the gateway and with it."""
    with Provider(script) as provider, gateway_to(provider.url) as gateway:
        return outcome(call, root(provider), asynchronous), outcome(call, gateway.url, asynchronous)


def words(error):
    """What tells one error from another: its class, and the status that it names."""
    status = getattr(error, "status_code", getattr(error, "code", None))
    return type(error).__module__, type(error).__qualname__, status


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("call", CALLS, indirect=True)
def test_every_call_gives_the_same_as_without_a_gateway(call, asynchronous):
    (direct, fault), (through, error) = both(call, reply_to, asynchronous)
    assert (fault, error) == (None, None)
    assert through == direct
    assert direct


@pytest.mark.parametrize("call", ONE_EACH, indirect=True)
def test_a_providers_refusals_raise_the_same_exceptions(call):
    for status in STATUSES:
        with Provider(refusal(status)) as provider:
            upstream = Upstream(url=root(provider), apis=APIS, retries=0)
            config = GatewayConfig(listen="127.0.0.1:0", drain_s=1, upstreams={"mock": upstream})
            with running(config) as gateway:
                _, direct = outcome(call, root(provider))
                _, through = outcome(call, gateway.url)
        assert direct is not None
        assert words(through) == words(direct), status


@pytest.mark.parametrize("end", [Cut, Reset, None], ids=["cut", "reset", "clean"])
@pytest.mark.parametrize("call", STREAMS, indirect=True)
def test_a_stream_that_is_cut_raises_behind_the_same_items(call, end):
    def cut(request):
        reply = reply_to(request)
        return Reply([*list(reply.script)[:2], *([end()] if end else [])], reply.content_type)

    (direct, fault), (through, error) = both(call, cut)
    if end is None:
        assert (through, type(error)) == (direct, type(fault))
    else:
        # The gateway tells of it in the words of the API, where the transport alone would.
        assert error is not None
        assert through[: len(direct)] == direct


def own_fault(status, url):
    """A configuration under which the gateway itself refuses with that status, at the latest the second time."""
    upstream = {"url": url, "apis": APIS, "retries": 0}
    alice = Key(sha256=hashlib.sha256(b"k").hexdigest())
    match status:
        case 401:
            return {"keys": {"alice": replace(alice, sha256="0" * 64)}}, upstream
        case 403:
            return {"keys": {"alice": replace(alice, models=("other",))}}, upstream
        case 413:
            return {"max_body": 4}, upstream
        case 429:
            return {"keys": {"alice": replace(alice, limits=Limits(requests_per_min=1))}}, upstream
        case 502:
            return {}, upstream | {"url": nobody()}
        case 503:
            return {}, upstream | {"url": nobody(), "breaker_failures": 1}
        case _:
            return {}, upstream | {"first_byte_s": 0.2}


@pytest.mark.parametrize("status", [401, 403, 413, 429, 502, 503, 504])
@pytest.mark.parametrize("call", ONE_EACH, indirect=True)
def test_the_gateways_own_refusals_raise_what_a_providers_do(call, status):
    with Provider(refusal(status)) as provider:
        _, expected = outcome(call, root(provider))
    with Provider(reply_to if status == 429 else lambda _: Silence()) as provider:
        more, upstream = own_fault(status, root(provider))
        config = GatewayConfig(listen="127.0.0.1:0", drain_s=1, upstreams={"mock": Upstream(**upstream)}, **more)
        with running(config) as gateway:
            if status in (429, 503):
                outcome(call, gateway.url)
            _, raised = outcome(call, gateway.url)
    assert words(raised) == words(expected)
    assert "127.0.0.1" not in str(raised)


@pytest.mark.parametrize("call", ONE_EACH, indirect=True)
def test_a_model_that_nobody_serves_is_not_found(call):
    with Provider(refusal(404)) as provider:
        _, expected = outcome(call, root(provider))
    # The server of the model speaks another API than the one that is asked.
    other = "openai" if "google" in call.package else "gemini"
    upstreams = {"mock": Upstream(url=nobody(), apis=APIS), "none": Upstream(url=nobody(), apis=(other,))}
    route = (Route(upstream="none"),)
    config = GatewayConfig(listen="127.0.0.1:0", upstreams=upstreams, models={"m": route, "gemini-2.5-flash": route})
    with running(config) as gateway:
        _, raised = outcome(call, gateway.url)
    assert words(raised) == words(expected)


def looping(request):
    """An answer of the API that is asked which goes round and round."""

    path = request.split(" ", 2)[1].partition("?")[0]
    made = {
        "/v1/chat/completions": bodies.chat,
        "/v1/responses": bodies.responses,
        "/v1/messages": bodies.messages,
        "/api/chat": bodies.ollama_chat,
        "/api/generate": bodies.ollama_generate,
    }.get(path, bodies.gemini)
    return Reply(
        made(["I am done. "] * 40), "application/x-ndjson" if path.startswith("/api/") else "text/event-stream"
    )


STOPPED = [name for name in STREAMS if "completions" not in name]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("call", STOPPED, indirect=True)
def test_a_stop_inside_a_stream_raises_the_clients_own_error(call, asynchronous):
    with Provider(looping) as provider, gateway_to(provider.url) as gateway:
        items, error = outcome(call, gateway.url, asynchronous)
        (stream,) = gateway.streams()
    assert items
    assert error is not None
    assert type(error).__module__.partition(".")[0] in (
        "openai",
        "anthropic",
        "ollama",
        "google",
        "httpx",
        "langchain_openai",
    )
    assert "repeat" in str(error), repr(error)
    assert stream["summary"]["ending"] == "halted"


@pytest.mark.parametrize("call", TWICE, indirect=True)
def test_a_request_that_says_twice_what_decides_is_a_bad_one(call):
    with Provider(refusal(400)) as provider:
        _, expected = outcome(call, root(provider))
    with gateway_to(nobody()) as gateway:
        _, raised = outcome(call, gateway.url)
    assert words(raised) == words(expected)
    assert words(raised)[2] == 400
    assert "twice" in str(raised)
