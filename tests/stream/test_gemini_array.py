"""Gemini's JSON array, which says of itself that it is JSON, inside the clients' transports."""

import asyncio
import json
import time
from typing import Any

import httpx
import httpx2
import pytest

import bodies
import midstream
from provider import Cut, Forever, Provider, Step

PATH = "/models/gemini-2.5-flash:streamGenerateContent"
TYPE = "application/json; charset=UTF-8"


@pytest.fixture(params=[httpx2, httpx], ids=["httpx2", "httpx"])
def library(request: pytest.FixtureRequest) -> Any:
    return request.param


def fetch(library: Any, provider: Provider, path: str = PATH, **options: Any) -> tuple[Any, bytes]:
    """The response and the bytes that came, by a client with a guard."""
    transport = midstream.Transport(library.HTTPTransport(), **options)
    with library.Client(transport=transport) as client, client.stream("POST", provider.url + path) as response:
        return response, b"".join(response.iter_bytes())


def served(script: list[Step], **options: Any) -> Provider:
    return Provider(script, content_type=TYPE, **options)


def test_the_array_is_read_and_passes_whole(library: Any) -> None:
    body = bodies.gemini_array(["All ", "is well."])
    with served(body) as provider:
        response, read = fetch(library, provider)
    summary = midstream.summary(response)
    assert read == b"".join(body)
    assert (summary.dialect, summary.framing, summary.ending) == ("gemini", "json-array", "complete")
    assert [(channel.id, channel.characters) for channel in summary.channels] == [("choice:0/text", 12)]


def test_a_loop_is_stopped_and_the_server_sees_it(library: Any) -> None:
    first, event = bodies.gemini_array(["I am done. "] * 2)[:2]
    with served([first, Forever((event,))]) as provider:
        with pytest.raises(midstream.GuardStopped, match="repeat/exact"):
            fetch(library, provider)
        raised_s = time.monotonic()
        assert provider.last().hung_up_s - raised_s < 0.1


def test_a_cut_array_is_told(library: Any) -> None:
    begun = bodies.gemini_array(["All ", "is well."])[:2]
    with served(begun) as provider, pytest.raises(midstream.StreamTruncated):
        fetch(library, provider)
    with served([*begun, Cut()]) as provider, pytest.raises(library.RemoteProtocolError):
        fetch(library, provider)


def test_an_async_client_is_guarded_too(library: Any) -> None:
    async def main(provider: Provider) -> None:
        transport = midstream.AsyncTransport(library.AsyncHTTPTransport())
        async with (
            library.AsyncClient(transport=transport) as client,
            client.stream("POST", provider.url + PATH) as response,
        ):
            async for _ in response.aiter_bytes():
                pass

    first, event = bodies.gemini_array(["I am done. "] * 2)[:2]
    with served([first, Forever((event,))]) as provider, pytest.raises(midstream.GuardStopped):
        asyncio.run(main(provider))


@pytest.mark.parametrize(
    ("path", "status"), [("/models/gemini-2.5-flash:generateContent", 200), (PATH, 429)], ids=["whole", "error"]
)
def test_json_that_is_no_stream_passes_without_a_guard(library: Any, path: str, status: int) -> None:
    body = json.dumps([{"error": {"code": status}}]).encode()
    with served([body], status=status) as provider:
        response, read = fetch(library, provider, path)
    assert read == body
    with pytest.raises(midstream.MidstreamError, match="no guard watches"):
        midstream.summary(response)
