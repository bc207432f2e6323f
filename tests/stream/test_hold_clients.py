"""Clients of SDKs read a stream whose text waits for a check as they read any other."""

import asyncio

import httpx2

import midstream
import reading
import sdks
from midstream.stream import AsyncTransport, Hold, Redact, Settings, Transport
from provider import Pause, Provider

FRAGMENTS = ["All is", " well. ", "Ask bob@exam", "ple.org. By", "e"]
TEXT = "".join(FRAGMENTS)
SETTINGS = Settings(hold=Hold())


def text_of(kind, items):
    return "".join(sdks.text(kind, item) for item in items)


async def soon(held):
    await asyncio.sleep(0.005)


def no_bob(held):
    return "bob" not in held.so_far


def test_a_stream_that_the_check_lets_pass_is_the_same(kind, provider):
    plain, _ = reading.read(sdks.create(kind, sdks.client(kind, provider)))
    asked = []
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, provider)), SETTINGS, moderate=asked.append)
    items, error = reading.read(stream)
    assert error is None
    assert items == plain
    assert "".join(held.text for held in asked) == TEXT
    summary = midstream.summary(stream)
    assert (summary.ending, summary.hold.pieces, summary.hold.held_bytes) == ("complete", len(asked), 0)


def test_an_async_stream_that_the_check_lets_pass_is_the_same(kind, provider):
    async def main():
        client = sdks.client(kind, provider, asynchronous=True)
        return await reading.read_async(midstream.watch(await sdks.create(kind, client), SETTINGS, moderate=soon))

    items, error = asyncio.run(main())
    assert error is None
    assert text_of(kind, items) == TEXT


def test_nothing_of_a_refused_text_reaches_the_client(kind, provider):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, provider)), SETTINGS, moderate=no_bob)
    items, error = reading.read(stream)
    assert isinstance(error, midstream.GuardStopped)
    assert error.finding.kind == "refused"
    assert "bob" not in repr(items)
    # The piece that begins the refused sentence waits with it.
    assert text_of(kind, items) == "All is"
    assert error.text == "All is well."


def test_nothing_of_a_refused_text_reaches_an_async_client(kind, provider):
    async def main():
        client = midstream.wrap(sdks.client(kind, provider, asynchronous=True), SETTINGS, moderate=no_bob)
        return await reading.read_async(await sdks.create(kind, client))

    items, error = asyncio.run(main())
    assert isinstance(error, midstream.GuardStopped)
    assert "bob" not in repr(items)


def test_a_helper_of_a_wrapped_client_is_asked_for(kind, provider):
    with sdks.helper(kind, midstream.wrap(sdks.client(kind, provider), SETTINGS, moderate=lambda held: None)) as stream:
        items, error = reading.read(stream)
    assert error is None
    assert "bob@example.org" in repr(items[-1]) or "bob" in repr(items)


def test_transports_ask_too(kind, provider):
    http = httpx2.Client(transport=Transport(httpx2.HTTPTransport(), SETTINGS, moderate=no_bob))
    items, error = reading.read(sdks.create(kind, sdks.client(kind, provider).copy(http_client=http)))
    assert isinstance(error, midstream.GuardStopped)
    assert "bob" not in repr(items)

    async def main():
        http = httpx2.AsyncClient(transport=AsyncTransport(httpx2.AsyncHTTPTransport(), SETTINGS, moderate=soon))
        client = sdks.client(kind, provider, asynchronous=True).copy(http_client=http)
        return await reading.read_async(await sdks.create(kind, client))

    items, error = asyncio.run(main())
    assert error is None
    assert text_of(kind, items) == TEXT


def test_the_check_sees_the_redacted_text(kind, provider):
    asked = []
    settings = Settings(hold=Hold(), redact=Redact(rules=("email",)))
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, provider)), settings, moderate=asked.append)
    items, error = reading.read(stream)
    assert error is None
    assert text_of(kind, items) == TEXT.replace("bob@example.org", "[EMAIL]")
    assert "bob" not in "".join(held.text for held in asked)


def test_a_check_that_takes_too_long_closes_the_connection(kind):
    async def never(held):
        await asyncio.sleep(30)

    body = sdks.BODIES[kind](FRAGMENTS)
    with Provider([*body[:-1], Pause(20), body[-1]]) as provider:

        async def main():
            client = sdks.client(kind, provider, asynchronous=True)
            settings = Settings(hold=Hold(max_hold_s=0.05, at_max_hold="stop"))
            return await reading.read_async(midstream.watch(await sdks.create(kind, client), settings, moderate=never))

        items, error = asyncio.run(main())
        assert provider.last().hung_up_s is not None
    assert isinstance(error, midstream.GuardStopped)
    assert (error.finding.kind, text_of(kind, items)) == ("max_hold", "")
