"""A real model loops behind the gateway: it is stopped, goes idle, and everyone who looks is told."""

import json
import time

import anthropic
import httpx2
import openai
import pytest

from gateways import running
from midstream import local
from midstream.gateway import GatewayConfig, Upstream

MOST_TOKENS = 300
SENTENCE = "I am done. I am done."
NAME = local.MODEL.name


@pytest.fixture
def gateway(idle_model):
    upstream = Upstream(url=idle_model.address, apis=("anthropic", "openai"))
    with running(GatewayConfig(listen="127.0.0.1:0", drain_s=1, upstreams={"local": upstream})) as gateway:
        yield gateway


def completion(gateway):
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0)
    return client.completions.create(model=NAME, prompt=SENTENCE, max_tokens=MOST_TOKENS, temperature=0, stream=True)


def message(gateway):
    client = anthropic.Anthropic(base_url=gateway.url, api_key="none", max_retries=0)
    said = [{"role": "user", "content": f"Repeat after me for ever: {SENTENCE * 9}"}]
    return client.messages.create(
        model=NAME, max_tokens=MOST_TOKENS, messages=said, extra_body={"temperature": 0}, stream=True
    )


@pytest.mark.parametrize("ask", [completion, message], ids=["openai", "anthropic"])
def test_a_loop_is_stopped_and_the_model_goes_idle(gateway, idle_model, ask):
    before = idle_model.tokens_decoded()
    with pytest.raises((openai.APIError, anthropic.APIError), match="repeat"):
        for _ in ask(gateway):
            pass
    idle_model.wait_idle()
    assert 0 < idle_model.tokens_decoded() - before < MOST_TOKENS / 2
    (stream,) = gateway.streams()
    assert (stream["state"], stream["summary"]["ending"]) == ("ended", "halted")
    assert (stream["findings"][0]["check"], stream["findings"][0]["kind"]) == ("repeat", "exact")


def test_usage_is_booked_and_viewers_see_the_end(gateway, idle_model):
    with pytest.raises(openai.APIError):
        for _ in completion(gateway):
            pass
    idle_model.wait_idle()
    (stream,) = gateway.streams()
    (record,) = stream["usage"]
    assert (record["model"], record["upstream"], record["end"]) == (NAME, "local", "halted")
    assert record["source"] == "estimated"
    assert 0 < record["output"] < MOST_TOKENS
    places = f"{gateway.url}/midstream/v1/streams"
    events = httpx2.get(f"{places}/{stream['id']}/events", trust_env=False).text
    *_, last = events.strip().split("\n\n")
    assert "event: midstream.end" in last
    told = json.loads(next(line for line in last.splitlines() if line.startswith("data:"))[5:])
    assert told["summary"]["ending"] == "halted"
    assert '"kind":"text"' in events


def test_a_viewer_follows_a_stream_while_it_runs(gateway, idle_model):
    stream = completion(gateway)
    next(iter(stream))
    (shown,) = gateway.streams()
    url = f"{gateway.url}/midstream/v1/streams/{shown['id']}/events"
    with httpx2.stream("GET", url, trust_env=False, timeout=30) as response:
        lines = response.iter_lines()
        assert any('"kind":"text"' in line for line in lines)
        with pytest.raises(openai.APIError):
            for _ in stream:
                pass
        assert any(line == "event: midstream.end" for line in lines)


def test_a_client_that_leaves_lets_the_model_go_idle(gateway, idle_model):
    before = idle_model.tokens_decoded()
    stream = completion(gateway)
    next(iter(stream))
    stream.close()
    left = time.monotonic()
    idle_model.wait_idle()
    assert time.monotonic() - left < 5
    assert idle_model.tokens_decoded() - before < MOST_TOKENS / 2
