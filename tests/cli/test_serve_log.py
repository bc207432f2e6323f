"""What ``midstream serve`` writes to standard error: one line for what happens, and nothing that anybody wrote."""

import json
import signal

import httpx2
import pytest

import bodies
from processes import posix
from provider import Provider

pytestmark = posix
NO_KEYS = dict.fromkeys(
    ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MIDSTREAM_CONFIG", "MIDSTREAM_UPSTREAM"], ""
)
ASKED = {"model": "fast", "messages": [{"role": "user", "content": "canary-prompt"}], "stream": True}
HEADERS = {"authorization": "Bearer canary-key", "x-canary": "canary-header"}


@pytest.fixture
def provider():
    with Provider(bodies.chat(["All ", "is ", "canary-text."])) as provider:
        yield provider


@pytest.fixture
def logged(program, start, tmp_path, provider):
    """What a server with that table ``[log]`` tells of one answer, from its start to its stop."""

    def logged(log):
        (tmp_path / "a.toml").write_text(f"""
            [upstreams.mine]
            url = "{provider.url.removesuffix("/v1")}"
            apis = ["openai"]
            [models]
            fast = [{{ upstream = "mine", model = "m" }}]
            {log}
        """)
        process = start([program, "serve", "--listen", "127.0.0.1:0", "--config", "a.toml"], env=NO_KEYS)
        url = next(line.strip().partition("=")[2] for line in process.stdout if line.startswith("OPENAI_BASE_URL"))
        answer = httpx2.post(f"{url}/chat/completions?key=canary-query", json=ASKED, headers=HEADERS, trust_env=False)
        assert b"canary-text" in answer.content
        process.send_signal(signal.SIGTERM)
        return process.communicate(timeout=20)[1], answer.headers["x-midstream-stream-id"]

    return logged


def test_away_from_a_terminal_each_line_is_an_object_with_the_facts_of_its_event(logged):
    text, stream = logged("")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["message"] for line in lines] == ["started", "stream_ended", "draining", "stopped"]
    started, ended = lines[:2]
    assert (started["upstreams"], started["tls"], started["level"]) == ("mine", False, "INFO")
    assert started["timestamp"].endswith("Z")
    told = {name: ended[name] for name in ("stream", "api", "model", "upstream", "status", "end")}
    assert told == {
        "stream": stream,
        "api": "openai",
        "model": "fast",
        "upstream": "mine",
        "status": 200,
        "end": "complete",
    }
    assert 0 < ended["ttft_ms"] <= ended["duration_ms"]


def test_lines_for_people_hold_the_same_and_nothing_that_anybody_wrote(logged):
    text, stream = logged('[log]\nformat = "text"\nlevel = "debug"')
    (line,) = [line for line in text.splitlines() if "stream_ended" in line]
    assert f' INFO stream_ended stream="{stream}" api="openai" model="fast" upstream="mine" status=200' in line
    assert "canary" not in text


def test_the_level_says_what_is_worth_a_line(logged):
    assert logged('[log]\nlevel = "warn"')[0] == ""
