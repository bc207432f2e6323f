"""Clients of SDKs read a redacted stream as they read any other: items, helpers and the final object agree."""

import asyncio

import httpx2
import pytest

import midstream
import reading
import sdks
from midstream.stream import AsyncTransport, Redact, Settings, Transport
from provider import Provider

FRAGMENTS = ["Ask jane", ".doe@exam", "ple.org", " or call 555-555-", "0123. By", "e"]
REDACTED = "Ask [EMAIL] or call [PHONE]. Bye"
SETTINGS = Settings(redact=Redact(rules=("built_in",)))


def final(kind, stream):
    """The text of the object that a helper made of its stream."""
    match kind:
        case "chat":
            return stream.get_final_completion().choices[0].message.content
        case "responses":
            return stream.get_final_response().output_text
        case _:
            return stream.get_final_message().content[0].text


def test_items_of_a_watched_stream_are_redacted(kind, provider):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, provider)), SETTINGS)
    items, error = reading.read(stream)
    assert error is None
    assert "".join(sdks.text(kind, item) for item in items) == REDACTED
    assert "jane" not in repr(items)
    summary = midstream.summary(stream)
    assert summary.ending == "complete"
    assert [found.kind for found in summary.findings] == ["email", "phone"]


def test_a_helper_of_a_wrapped_client_makes_its_final_object_of_redacted_text(kind, provider):
    with sdks.helper(kind, midstream.wrap(sdks.client(kind, provider), SETTINGS)) as stream:
        items, error = reading.read(stream)
        assert error is None
        assert final(kind, stream) == REDACTED
    assert "jane" not in repr(items)


def test_an_async_stream_is_redacted(kind, provider):
    async def main():
        client = sdks.client(kind, provider, asynchronous=True)
        return await reading.read_async(midstream.watch(await sdks.create(kind, client), SETTINGS))

    items, error = asyncio.run(main())
    assert error is None
    assert "".join(sdks.text(kind, item) for item in items) == REDACTED


def test_a_transport_gives_the_redacted_bytes(kind, provider):
    client = sdks.client(kind, provider).copy(
        http_client=httpx2.Client(transport=Transport(httpx2.HTTPTransport(), SETTINGS))
    )
    items, error = reading.read(sdks.create(kind, client))
    assert error is None
    assert "".join(sdks.text(kind, item) for item in items) == REDACTED


def test_an_async_transport_gives_the_redacted_bytes(kind, provider):
    async def main():
        http = httpx2.AsyncClient(transport=AsyncTransport(httpx2.AsyncHTTPTransport(), SETTINGS))
        client = sdks.client(kind, provider, asynchronous=True).copy(http_client=http)
        return await reading.read_async(await sdks.create(kind, client))

    items, error = asyncio.run(main())
    assert error is None
    assert "".join(sdks.text(kind, item) for item in items) == REDACTED


def test_a_format_that_is_not_known_ends_the_stream(kind):
    unknown = b'data: {"words":["jane"]}\n\n'
    with Provider([unknown]) as provider:
        stream = midstream.watch(sdks.create(kind, sdks.client(kind, provider)), SETTINGS)
        items, error = reading.read(stream)
    assert isinstance(error, midstream.GuardStopped)
    assert (items, error.finding.kind) == ([], "unreadable")


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "application/json"])
def test_a_stream_that_was_asked_for_is_redacted_whatever_its_content_type_says(kind, content_type):
    with Provider(sdks.BODIES[kind](FRAGMENTS), content_type=content_type) as provider:
        client = midstream.wrap(sdks.client(kind, provider), SETTINGS)
        items, error = reading.read(sdks.create(kind, client))
    assert error is None
    assert "".join(sdks.text(kind, item) for item in items) == REDACTED


def test_a_request_whose_prompt_speaks_of_a_stream_asks_for_none():
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"text": "Ask jane.doe@example.org"})

    transport = Transport(httpx2.MockTransport(answer), SETTINGS)
    body = {"prompt": 'Send {"stream": true} to the server'}
    assert "jane" in httpx2.Client(transport=transport).post("http://127.0.0.1/v1/x", json=body).text
