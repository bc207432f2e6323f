"""An independent mock provider behind the gateway: npm's `@copilotkit/aimock`."""

import json
import re
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from calls import CALLS, outcome
from gateways import running
from midstream.gateway import GatewayConfig, Upstream

pytestmark = pytest.mark.slow

STREAMS = ["openai-chat-stream", "openai-responses-stream", "anthropic-messages-stream", "google-v1beta-stream"]
STREAMS += ["ollama-chat-stream", "langchain-chat-stream", "openai-chat-helper", "anthropic-messages-helper"]
WHOLE = ["openai-chat", "openai-responses", "anthropic-messages", "google-v1beta", "ollama-chat"]
TEXT = "It is raining, and it will rain until the evening; take an umbrella."
LOOP = "I am done. " * 40
NOT_THE_SAME = {"id", "created", "created_at", "created_time", "item_id", "responseId", "response_id"}
"""What this mock makes anew for every answer."""


@pytest.fixture(scope="module")
def program(project):
    """How the mock is started."""
    path = project / ".cache/aimock/node_modules/@copilotkit/aimock/dist/cli.js"
    if not path.is_file() or shutil.which("bash") is None:
        pytest.skip("aimock is not installed: make .venv/.aimock")
    return [str(project / "scripts/node.sh"), str(path), "--port", "0"]


@pytest.fixture
def both(program, tmp_path):
    """The mock with one answer to everything, and a gateway before it."""

    @contextmanager
    def both(response, **more):
        fixtures = [{"match": {}, "response": response, **more}]
        (tmp_path / "fixtures.json").write_text(json.dumps({"fixtures": fixtures}))
        words = [*program, "--fixtures", str(tmp_path / "fixtures.json")]
        mock = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            url = next(found[0] for line in mock.stdout if (found := re.search(r"http://\S+:\d+", line)))
            upstream = Upstream(url=url, apis=("anthropic", "gemini", "ollama", "openai"), retries=0)
            with running(GatewayConfig(listen="127.0.0.1:0", drain_s=1, upstreams={"aimock": upstream})) as gateway:
                yield url, gateway
        finally:
            mock.kill()
            mock.communicate()

    return both


def without_ids(item):
    """An item without what is another one in every answer."""
    if isinstance(item, dict):
        return {key: without_ids(value) for key, value in item.items() if key not in NOT_THE_SAME}
    return [without_ids(one) for one in item] if isinstance(item, list) else item


def call_of(name):
    CALLS[name].needs()
    return CALLS[name]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_answers_are_the_same_as_without_the_gateway(both, asynchronous):
    with both({"content": TEXT}) as (url, gateway):
        for name in [*STREAMS, *WHOLE]:
            direct, fault = outcome(call_of(name), url, asynchronous)
            through, error = outcome(call_of(name), gateway.url, asynchronous)
            assert (fault, error) == (None, None), name
            assert without_ids(through) == without_ids(direct), name
            assert through, name


@pytest.mark.parametrize("name", STREAMS)
def test_tool_calls_are_the_same_and_in_the_summary(both, name):
    with both({"toolCalls": [{"name": "search", "arguments": {"q": "rain"}}]}) as (url, gateway):
        direct, _ = outcome(call_of(name), url)
        through, error = outcome(call_of(name), gateway.url)
        summary = gateway.streams()[0]["summary"]
    assert error is None
    assert str(without_ids(through)).count("search") == str(without_ids(direct)).count("search") > 0
    assert [(call["name"], call["valid_json"]) for call in summary["tool_calls"]] == [("search", True)]


@pytest.mark.parametrize("name", STREAMS)
def test_a_truncated_stream_brings_the_same_items_and_is_no_complete_one(both, name):
    with both({"content": TEXT}, latency=5, chunkSize=8, truncateAfterChunks=3) as (url, gateway):
        direct, fault = outcome(call_of(name), url)
        through, error = outcome(call_of(name), gateway.url)
        (stream,) = gateway.streams()
    assert fault is None or error is not None
    assert without_ids(through)[: len(direct)] == without_ids(direct)
    assert stream["summary"]["ending"] in ("truncated", "failed")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 503])
def test_errors_raise_what_they_raise_without_the_gateway(both, status):
    with both({"error": {"message": "no", "type": "no"}, "status": status}) as (url, gateway):
        for name in [*STREAMS, *WHOLE]:
            _, fault = outcome(call_of(name), url)
            _, error = outcome(call_of(name), gateway.url)
            assert fault is not None, name
            assert type(error) is type(fault), name


@pytest.mark.parametrize("name", STREAMS)
def test_a_loop_is_stopped(both, name):
    with both({"content": LOOP}, latency=1, chunkSize=11) as (_, gateway):
        items, error = outcome(call_of(name), gateway.url)
        (stream,) = gateway.streams()
    assert "repeat" in str(error), (items, error)
    assert stream["summary"]["ending"] == "halted"
