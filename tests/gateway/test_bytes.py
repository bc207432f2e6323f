"""Recorded bodies pass byte by byte, however they are cut into chunks."""

import random

import httpx2
import pytest

import recorded
from gateways import gateway_to
from midstream.stream import Settings
from provider import Provider

CHUNKS = 400
"""Chunks of a body at most: each is a write of its own."""
PATHS = {
    "anthropic-messages": "/v1/messages",
    "gemini": "/v1beta/models/m:streamGenerateContent?alt=sse",
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
}


def cut(body: bytes, seed: int) -> list[bytes]:
    """The body in pieces, some of one byte."""
    pick = random.Random(seed)
    marks = sorted({pick.randrange(1, len(body)) for _ in range(min(CHUNKS, len(body) - 1))})
    return [body[start:end] for start, end in zip([0, *marks], [*marks, len(body)], strict=True) if end > start]


@pytest.mark.recorded
@pytest.mark.parametrize("api_format", PATHS)
def test_recorded_bodies_pass_unchanged(data, api_format):
    bodies = recorded.of_format(data, api_format)
    assert bodies
    current: list[bytes] = []
    with (
        Provider(lambda _: current, content_type="text/event-stream") as provider,
        gateway_to(provider.url, Settings(shadow=True)) as gateway,
        httpx2.Client(timeout=60) as client,
    ):
        for number, (name, body) in enumerate(bodies.items()):
            if len(body) < 2:
                continue
            current[:] = cut(body, number)
            answer = client.post(gateway.url + PATHS[api_format], json={"model": "m", "stream": True})
            assert answer.content == body, name
