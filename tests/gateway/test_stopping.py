"""A gateway that is told to stop while streams run: none is lost, none is silent, none is unbooked."""

import json
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

import bodies
from midstream.gateway import GatewayConfig, Upstream, Usage
from processes import posix
from provider import Provider, Reply, Stall
from serving import serve, serving, until

pytestmark = posix

ENDING, HANGING = 40, 10
FIRST, *REST = bodies.chat(["All ", "is ", "well."])
NEW = {
    "/v1/chat/completions": lambda told: told["error"]["type"] == "midstream_draining",
    "/v1/messages": lambda told: (told["type"], told["error"]["type"]) == ("error", "midstream_draining"),
    "/api/chat": lambda told: "stop" in told["error"],
    "/v1beta/models/m:streamGenerateContent": lambda told: told["error"]["code"] == 503,
}
"""What is asked of a gateway that stops, and whether the answer has the shape of the API."""


class Answers:
    """Streams that end once they may, and streams that never do."""

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def __call__(self, request: str) -> Reply:
        def script():
            yield FIRST
            if '"hangs"' in request:
                yield Stall()
            self.may_end.wait(60)
            yield from REST

        return Reply(script())


def serve_config(tmp_path, provider, drain_s):
    upstream = Upstream(url=provider.url.removesuffix("/v1"), apis=("anthropic", "gemini", "ollama", "openai"))
    usage = Usage(file=str(tmp_path / "usage.jsonl"))
    config = GatewayConfig(listen="127.0.0.1:0", upstreams={"mock": upstream}, usage=usage, drain_s=drain_s)
    path = tmp_path / "midstream.toml"
    path.write_text(config.to_toml())
    return path


def read(url, model):
    """The body of a stream, and whether it broke off."""
    body, asked = b"", {"model": model, "stream": True, "messages": []}
    try:
        path = f"{url}/v1/chat/completions"
        with httpx2.stream("POST", path, json=asked, trust_env=False, timeout=60) as answer:
            assert answer.status_code == 200
            for chunk in answer.iter_raw():
                body += chunk
    except httpx2.HTTPError:
        return body, True
    return body, False


def running(url):
    shown = httpx2.get(f"{url}/midstream/v1/streams?limit=1000", trust_env=False).json()["streams"]
    return sum(stream["state"] == "running" for stream in shown)


def ends_of(tmp_path):
    records = [json.loads(line) for line in (tmp_path / "usage.jsonl").read_text().splitlines()]
    assert len({record["stream"] for record in records}) == len(records)
    return Counter(record["end"] for record in records)


def is_broken_off(answer):
    body, broke = answer
    last = body.removeprefix(FIRST).decode()
    return broke and body.startswith(FIRST) and "the gateway stopped" in last and "[DONE]" not in last


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "ctrl-c"])
def test_running_streams_end_whole_new_ones_are_refused_and_the_rest_breaks_off(tmp_path, number):
    answers = Answers()
    with Provider(answers) as provider, ThreadPoolExecutor(ENDING + HANGING) as clients:
        config = serve_config(tmp_path, provider, drain_s=60)
        with serving(serve(config)) as (process, url):
            ending = [clients.submit(read, url, "ends") for _ in range(ENDING)]
            hanging = [clients.submit(read, url, "hangs") for _ in range(HANGING)]
            until(lambda: running(url) == ENDING + HANGING)
            process.send_signal(number)
            until(lambda: httpx2.get(f"{url}/readyz", trust_env=False).status_code == 503)
            for path, is_told in NEW.items():
                refused = httpx2.post(url + path, json={"model": "m"}, trust_env=False)
                assert refused.status_code == 503
                assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
                assert is_told(refused.json()), refused.text
            answers.may_end.set()
            assert {done.result() for done in ending} == {(b"".join([FIRST, *REST]), False)}
            process.send_signal(number)
            assert all(is_broken_off(done.result()) for done in hanging)
            assert process.wait(20) == (0 if number == signal.SIGTERM else 130)
    assert ends_of(tmp_path) == {"complete": ENDING, "cancelled": HANGING}


def test_what_still_runs_at_the_end_of_the_drain_breaks_off(tmp_path):
    answers = Answers()
    with Provider(answers) as provider, ThreadPoolExecutor(HANGING) as clients:
        config = serve_config(tmp_path, provider, drain_s=0.5)
        with serving(serve(config)) as (process, url):
            hanging = [clients.submit(read, url, "hangs") for _ in range(HANGING)]
            until(lambda: running(url) == HANGING)
            process.send_signal(signal.SIGTERM)
            assert all(is_broken_off(done.result()) for done in hanging)
            assert process.wait(20) == 0
    assert ends_of(tmp_path) == {"cancelled": HANGING}
