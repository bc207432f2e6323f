"""SDKs whose provider takes longer than they would wait in silence: comments come, then the answer or its error."""

import json
import threading
from types import SimpleNamespace

import anthropic
import httpx2
import openai
import pytest

import bodies
import sdks
from gateways import running
from midstream.errors import InputError
from midstream.gateway import GatewayConfig, Upstream
from other_sdks import SDKS, google, needs
from provider import Pause, Provider, Reply
from serving import until

COMMENT = b": keepalive\n\n"
REFUSALS = {
    "chat": {"error": {"message": "slow down", "type": "rate_limit", "code": "rate_limit", "param": None}},
    "messages": {"type": "error", "error": {"type": "overloaded_error", "message": "slow down"}},
    "google": {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}},
}
REFUSALS["responses"] = REFUSALS["chat"]


class Late:
    """Answers once somebody has heard a comment."""

    def __init__(self, reply):
        self.reply, self.may = reply, threading.Event()

    def __call__(self, _):
        self.may.wait(60)
        return self.reply


def early(provider, **more):
    url = provider.url.removesuffix("/v1")
    upstream = Upstream(url=url, apis=("anthropic", "gemini", "ollama", "openai"), retries=0)
    more = {"upstreams": {"mock": upstream}, **more}
    return running(GatewayConfig(listen="127.0.0.1:0", drain_s=1, early_head=True, keepalive_s=0.1, **more))


def refused(kind):
    return Late(Reply([json.dumps(REFUSALS[kind]).encode()], "application/json", 429))


def create(kind, gateway):
    through = SimpleNamespace(url=f"{gateway.url}/v1")
    return google(through, False) if kind == "google" else sdks.create(kind, sdks.client(kind, through))


def text(kind, item):
    return SDKS["google-genai"].text(item) if kind == "google" else sdks.text(kind, item)


def raised(kind):
    if kind != "google":
        return anthropic.APIError if kind == "messages" else openai.APIError
    return pytest.importorskip("google.genai.errors", reason="google-genai is not installed").APIError


def test_the_first_comment_comes_before_the_providers_head_and_the_answer_byte_for_byte():
    script = bodies.chat(["All ", "is ", "well."])
    late = Late(Reply(script))
    asked = {"model": "m", "stream": True, "messages": []}
    with Provider(late) as provider, early(provider) as gateway:
        url = f"{gateway.url}/v1/chat/completions"
        with httpx2.stream("POST", url, json=asked, trust_env=False, timeout=60) as answer:
            chunks = answer.iter_raw()
            assert (answer.status_code, next(chunks)) == (200, COMMENT)
            late.may.set()
            rest = b"".join(chunks)
    assert rest.replace(COMMENT, b"") == b"".join(script)


@pytest.mark.parametrize("kind", [*sdks.KINDS, "google"])
def test_a_late_answer_arrives_whole(kind):
    body = bodies.gemini(["All ", "is ", "well."]) if kind == "google" else sdks.BODIES[kind](["All ", "is ", "well."])
    late = Late(Reply(body))
    with Provider(late) as provider, early(provider) as gateway:
        threading.Timer(0.5, late.may.set).start()
        assert "".join(text(kind, item) for item in create(kind, gateway)) == "All is well."
        until(lambda: gateway.streams()[0]["end"] is not None)
        (stream,) = gateway.streams()
    assert stream["end"]["state"] == "complete"


@pytest.mark.parametrize("kind", [*sdks.KINDS, "google"])
def test_a_late_refusal_raises_the_sdks_own_error(kind):
    late, expected = refused(kind), raised(kind)
    with Provider(late) as provider, early(provider) as gateway:
        threading.Timer(0.5, late.may.set).start()
        with pytest.raises(expected, match="slow down"):
            list(create(kind, gateway))
        until(lambda: gateway.streams()[0]["end"] is not None)
        (stream,) = gateway.streams()
    assert stream["end"]["state"] == "failed"


@pytest.mark.parametrize("kind", [*sdks.KINDS, "google"])
def test_a_provider_that_never_answers_raises_the_sdks_own_error(kind):
    late, expected = refused(kind), raised(kind)
    with Provider(late) as provider:
        url = provider.url.removesuffix("/v1")
        upstream = Upstream(url=url, apis=("anthropic", "gemini", "openai"), first_byte_s=0.4)
        with early(provider, upstreams={"mock": upstream}) as gateway, pytest.raises(expected, match=r"within 0\.4 s"):
            list(create(kind, gateway))
        late.may.set()


def test_without_comments_no_head_is_sent_early():
    with pytest.raises(InputError, match="early_head is true, allowed is false, as long as keepalive_s is 0"):
        GatewayConfig.loads("early_head = true\nkeepalive_s = 0")


def test_googles_sdk_reads_an_answer_that_is_silent_for_long():
    needs("google.genai")
    first, *rest = bodies.gemini(["All ", "is ", "well."])
    with Provider([first, Pause(0.5), *rest]) as provider, early(provider) as gateway:
        assert "".join(text("google", item) for item in create("google", gateway)) == "All is well."
