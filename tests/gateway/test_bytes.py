"""Recorded bodies pass byte by byte, however they are cut into chunks, over each version of HTTP."""

import random
import shutil
import subprocess
from contextlib import contextmanager

import httpx2
import pytest

import recorded
from gateways import gateway_to
from midstream.gateway import Tls
from midstream.stream import Settings
from provider import Provider

CHUNKS = 400
"""Chunks of a body at most: each is a write of its own."""
PATHS = {
    "anthropic-messages": "/v1/messages",
    "gemini": "/v1beta/models/m:streamGenerateContent?alt=sse",
    "ollama-ndjson": "/api/chat",
    "openai-chat": "/v1/chat/completions",
    "openai-completions": "/v1/completions",
    "openai-responses": "/v1/responses",
}


def cut(body: bytes, seed: int) -> list[bytes]:
    """The body in pieces, some of one byte."""
    pick = random.Random(seed)
    marks = sorted({pick.randrange(1, len(body)) for _ in range(min(CHUNKS, len(body) - 1))})
    return [body[start:end] for start, end in zip([0, *marks], [*marks, len(body)], strict=True) if end > start]


@contextmanager
def gateway_before(current, api_format, **more):
    """A gateway before a provider that sends the pieces of the current body."""
    kind = "application/x-ndjson" if api_format == "ollama-ndjson" else "text/event-stream"
    with (
        Provider(lambda _: current, content_type=kind) as provider,
        gateway_to(provider.url, Settings(shadow=True), **more) as gateway,
    ):
        yield gateway


def bodies_of(data, api_format):
    """The recorded bodies of a format that can be cut."""
    found = {name: body for name, body in recorded.of_format(data, api_format).items() if len(body) > 1}
    assert found
    return found.items()


@pytest.mark.recorded
@pytest.mark.parametrize("api_format", PATHS)
def test_recorded_bodies_pass_unchanged(data, api_format):
    current: list[bytes] = []
    with gateway_before(current, api_format) as gateway, httpx2.Client(timeout=60) as client:
        for number, (name, body) in enumerate(bodies_of(data, api_format)):
            current[:] = cut(body, number)
            answer = client.post(gateway.url + PATHS[api_format], json={"model": "m", "stream": True})
            assert answer.content == body, name


@pytest.mark.recorded
@pytest.mark.parametrize("api_format", PATHS)
def test_recorded_bodies_pass_unchanged_over_tls_and_http_2(data, api_format, tmp_path):
    curl = shutil.which("curl")
    if curl is None or "HTTP2" not in subprocess.run([curl, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("no curl that speaks HTTP/2 is installed")
    current: list[bytes] = []
    with gateway_before(current, api_format, tls=Tls(generated=True)) as gateway:
        (tmp_path / "ca.pem").write_text(gateway.certificate.pem)
        show = ["--silent", "--show-error", "--noproxy", "*", "--http2", "--cacert", str(tmp_path / "ca.pem")]
        told = ["--write-out", "%{stderr}%{http_version}", "--json", '{"model": "m", "stream": true}']
        for number, (name, body) in enumerate(bodies_of(data, api_format)):
            current[:] = cut(body, number)
            words = [curl, *show, *told, gateway.url + PATHS[api_format]]
            done = subprocess.run(words, capture_output=True, check=True, timeout=60)
            assert (done.stderr, done.stdout) == (b"2", body), name
