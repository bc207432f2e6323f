"""Every stream of a client: `wrap` around SDK clients, `Transport` inside HTTP clients."""

import asyncio
import gc
import gzip
import time
import zlib

import anthropic
import httpx
import httpx2
import openai
import pytest

import bodies
import midstream
import reading
import sdks
from midstream.stream import Guard, Pace, Settings
from provider import Forever, Pause, Provider, Stall

LOOP = "I am done. "
FRAGMENTS = ["All ", "is ", "well."]
LIBRARIES = {"httpx2": httpx2, "httpx": httpx}


@pytest.fixture
def looping(kind):
    head, event = sdks.LOOPED[kind]
    with Provider([*head, Forever((event,))]) as provider:
        yield provider


def test_a_wrapped_client_has_the_same_type_and_the_original_stays(kind):
    with Provider(sdks.BODIES[kind]([LOOP] * 30)) as provider:
        client = sdks.client(kind, provider)
        wrapped = midstream.wrap(client)
        assert type(wrapped) is type(client)
        assert wrapped is not client
        plain = reading.read(sdks.create(kind, client))
        _, error = reading.read(sdks.create(kind, wrapped))
    assert plain[1] is None
    assert isinstance(error, midstream.GuardStopped)


def test_a_raw_stream_of_a_wrapped_client_is_stopped(kind, looping):
    stream = sdks.create(kind, midstream.wrap(sdks.client(kind, looping)))
    _, error = reading.read(stream)
    raised_s = time.monotonic()
    assert isinstance(error, midstream.GuardStopped)
    assert midstream.summary(stream) == error.summary
    assert looping.last().hung_up_s - raised_s < 0.1


def test_a_helper_of_a_wrapped_client_is_stopped(kind, looping):
    with sdks.helper(kind, midstream.wrap(sdks.client(kind, looping))) as stream:
        _, error = reading.read(stream)
        raised_s = time.monotonic()
    assert isinstance(error, midstream.GuardStopped)
    assert error.summary == midstream.summary(stream)
    assert error.text.startswith(LOOP * 3)
    assert looping.last().hung_up_s - raised_s < 0.1


def test_an_async_helper_of_a_wrapped_client_is_stopped(kind, looping):
    async def main():
        async with sdks.helper(kind, midstream.wrap(sdks.client(kind, looping, asynchronous=True))) as stream:
            return await reading.read_async(stream), midstream.summary(stream), time.monotonic()

    (_, error), summary, raised_s = asyncio.run(main())
    assert isinstance(error, midstream.GuardStopped)
    assert error.summary == summary
    assert looping.last().hung_up_s - raised_s < 0.1


def test_what_with_options_makes_is_guarded_too(kind, looping):
    client = midstream.wrap(sdks.client(kind, looping)).with_options(timeout=5.0)
    assert isinstance(reading.read(sdks.create(kind, client))[1], midstream.GuardStopped)


def test_anthropics_beta_is_guarded_too():
    head, event = sdks.LOOPED["messages"]
    with Provider([*head, Forever((event,))]) as provider:
        client = midstream.wrap(sdks.client("messages", provider))
        said = [{"role": "user", "content": "Hi"}]
        with client.beta.messages.stream(model="m", max_tokens=9, messages=said) as stream:
            assert isinstance(reading.read(stream)[1], midstream.GuardStopped)


def test_a_whole_stream_of_a_wrapped_client_has_the_time_to_its_first_byte(kind):
    head, *rest = sdks.BODIES[kind](FRAGMENTS)
    with Provider([Pause(0.05), head, *rest]) as provider:
        with sdks.helper(kind, midstream.wrap(sdks.client(kind, provider))) as stream:
            assert reading.read(stream)[1] is None
        summary = midstream.summary(stream)
    assert summary.ending == "complete"
    assert 0.05 < summary.pace.first_byte_s < 1
    assert summary.pace.first_byte_s <= summary.pace.first_text_s


def test_what_is_no_stream_passes_a_wrapped_client():
    body = b'{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}'
    with Provider([body], content_type="application/json") as provider:
        client = midstream.wrap(sdks.client("chat", provider))
        assert client.chat.completions.create(model="m", messages=[]).id == "c"


def test_the_connections_live_as_long_as_one_of_both_clients(kind):
    with Provider(sdks.BODIES[kind](FRAGMENTS)) as provider:
        client = midstream.wrap(sdks.client(kind, provider))
        gc.collect()
        assert reading.read(sdks.create(kind, client))[1] is None
        other = sdks.client(kind, provider)
        midstream.wrap(other)
        gc.collect()
        assert reading.read(sdks.create(kind, other))[1] is None


def test_the_settings_of_a_wrapped_client_count(kind):
    found = []
    with Provider(sdks.BODIES[kind]([LOOP] * 30)) as provider:
        client = midstream.wrap(sdks.client(kind, provider), Settings(shadow=True), on_finding=found.append)
        for _ in range(2):
            assert reading.read(sdks.create(kind, client))[1] is None
    assert len(found) == 2


def test_a_refusal_that_calls_itself_a_stream_keeps_the_error_of_the_sdk(kind):
    with Provider([b'{"error": {"message": "no"}}'], status=400) as provider:
        client = midstream.wrap(sdks.client(kind, provider))
        with pytest.raises((openai.BadRequestError, anthropic.BadRequestError)):
            sdks.create(kind, client)


@pytest.mark.parametrize("thing", [None, "client", httpx2.Client(), openai, anthropic.Anthropic])
def test_what_is_no_client_is_refused(thing):
    with pytest.raises(TypeError, match="allowed: OpenAI, AsyncOpenAI, Anthropic, AsyncAnthropic"):
        midstream.wrap(thing)


def test_a_guard_is_refused_where_many_streams_come(kind):
    with Provider([]) as provider, pytest.raises(midstream.MidstreamError, match="hand in Settings"):
        midstream.wrap(sdks.client(kind, provider), Guard())
    with pytest.raises(midstream.MidstreamError, match="hand in Settings"):
        midstream.Transport(httpx2.HTTPTransport(), Guard())


@pytest.fixture(params=LIBRARIES.values(), ids=LIBRARIES.keys())
def library(request):
    return request.param


def test_a_transport_passes_bytes_untouched(library):
    body = bodies.chat(FRAGMENTS)
    with Provider(body) as provider:
        transport = midstream.Transport(library.HTTPTransport())
        assert isinstance(transport, midstream.Transport)
        assert isinstance(transport, library.BaseTransport)
        with library.Client(transport=transport) as client, client.stream("POST", provider.url) as response:
            assert b"".join(response.iter_raw()) == b"".join(body)
        assert midstream.summary(response).ending == "complete"


def test_a_transport_stops_a_loop(library):
    head, event = sdks.LOOPED["chat"]
    with Provider([*head, Forever((event,))]) as provider:
        transport = midstream.Transport(library.HTTPTransport())
        with library.Client(transport=transport) as client, client.stream("POST", provider.url) as response:
            chunks, error = reading.read(response.iter_bytes())
        assert isinstance(error, midstream.GuardStopped)
        assert b"".join(chunks).endswith(b"\n\n")
        assert provider.last().hung_up_s is not None


def test_an_async_transport_stops_a_loop(library):
    head, event = sdks.LOOPED["chat"]

    async def main(url):
        transport = midstream.AsyncTransport(library.AsyncHTTPTransport())
        assert isinstance(transport, library.AsyncBaseTransport)
        async with library.AsyncClient(transport=transport) as client, client.stream("POST", url) as response:
            return await reading.read_async(response.aiter_bytes())

    with Provider([*head, Forever((event,))]) as provider:
        _, error = asyncio.run(main(provider.url))
        assert isinstance(error, midstream.GuardStopped)
        assert provider.last().hung_up_s is not None


def test_an_async_transport_ends_a_stall(library):
    settings = Settings(pace=Pace(stall="stop", idle_s=0.1))

    async def main(url):
        transport = midstream.AsyncTransport(library.AsyncHTTPTransport(), settings)
        async with library.AsyncClient(transport=transport) as client, client.stream("POST", url) as response:
            got = await reading.read_async(response.aiter_bytes())
            assert asyncio.current_task().cancelling() == 0
            return *got, time.monotonic()

    with Provider([*bodies.chat(FRAGMENTS)[:2], Stall()]) as provider:
        chunks, error, raised_s = asyncio.run(main(provider.url))
        assert isinstance(error, midstream.GuardStopped)
        assert error.finding.kind == "stall"
        assert error.text == "All "
        assert chunks == bodies.chat(FRAGMENTS)[:2]
        assert provider.last().hung_up_s - raised_s < 0.1


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        (
            "application/x-ndjson",
            [b'{"model":"m","message":{"role":"assistant","content":"All "},"done":false}\n'],
            "All ",
        ),
        ("text/event-stream; charset=utf-8", bodies.chat(FRAGMENTS)[:2], "All "),
    ],
)
def test_streams_are_told_by_their_content_type(library, content_type, body, text):
    with Provider(body, content_type=content_type) as provider:
        transport = midstream.Transport(library.HTTPTransport())
        with library.Client(transport=transport) as client, client.stream("POST", provider.url) as response:
            chunks, error = reading.read(response.iter_bytes())
    assert isinstance(error, midstream.StreamTruncated)
    assert error.text == text
    assert chunks == body


def test_other_responses_pass_a_transport(library):
    with Provider([b"x" * 4_000], content_type="text/plain") as provider:
        with library.Client(transport=midstream.Transport(library.HTTPTransport())) as client:
            response = client.get(provider.url)
        assert response.text == "x" * 4_000
        with pytest.raises(midstream.MidstreamError, match="no guard watches"):
            midstream.summary(response)


def compressed(encoding, chunks):
    """The body in this encoding, flushed after each chunk as servers do."""
    packer = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    return [*(packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH) for chunk in chunks), packer.flush()]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_stream_is_read_and_stopped_as_any_other(kind, encoding):
    head, event = sdks.LOOPED[kind]
    packer = compressed(encoding, [*head, *[event] * 40])
    with Provider(packer, headers=(f"content-encoding: {encoding}",)) as provider:
        stream = midstream.watch(sdks.create(kind, sdks.client(kind, provider)))
        got, error = reading.read(stream)
    text = "".join(sdks.text(kind, item) for item in got)
    assert isinstance(error, midstream.GuardStopped)
    assert text == error.text == LOOP * 9


def test_a_compressed_stream_is_delivered_whole(library):
    body = bodies.chat(FRAGMENTS)
    with Provider([gzip.compress(b"".join(body))], headers=("content-encoding: gzip",)) as provider:
        transport = midstream.Transport(library.HTTPTransport())
        with library.Client(transport=transport) as client, client.stream("POST", provider.url) as response:
            assert b"".join(response.iter_bytes()) == b"".join(body)
        assert midstream.summary(response).ending == "complete"


def test_an_async_compressed_stream_is_delivered_whole(library):
    body = bodies.chat(FRAGMENTS)

    async def main(url):
        transport = midstream.AsyncTransport(library.AsyncHTTPTransport())
        async with library.AsyncClient(transport=transport) as client, client.stream("POST", url) as response:
            return b"".join([chunk async for chunk in response.aiter_bytes()])

    with Provider([gzip.compress(b"".join(body))], headers=("content-encoding: gzip",)) as provider:
        assert asyncio.run(main(provider.url)) == b"".join(body)


def test_a_transport_of_a_test_that_has_the_whole_body_is_guarded(library):
    def answer(_):
        return library.Response(200, headers={"content-type": "text/event-stream"}, content=b"".join(body))

    body = bodies.chat([LOOP] * 30)
    transport = midstream.Transport(library.MockTransport(answer))
    with library.Client(transport=transport) as client, client.stream("POST", "http://test") as response:
        _, error = reading.read(response.iter_bytes())
    assert isinstance(error, midstream.GuardStopped)
    client = openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=httpx2.MockTransport(mock(body))))
    stream = midstream.watch(sdks.create("chat", client))
    assert isinstance(reading.read(stream)[1], midstream.GuardStopped)


def mock(body):
    def answer(_):
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=b"".join(body))

    return answer


@pytest.mark.parametrize("kind", ["chat", "responses"])
def test_openai_over_httpx_1_is_guarded(kind, looping):
    client = sdks.client(kind, looping).copy(http_client=httpx.Client())
    for guarded in [
        midstream.wrap(client),
        client.copy(http_client=httpx.Client(transport=midstream.Transport(httpx.HTTPTransport()))),
    ]:
        stream = sdks.create(kind, guarded)
        assert isinstance(reading.read(stream)[1], midstream.GuardStopped)
        assert midstream.summary(stream).ending == "halted"
    assert isinstance(reading.read(midstream.watch(sdks.create(kind, client)))[1], midstream.GuardStopped)


@pytest.mark.parametrize("inner", [None, 3, object()])
def test_what_is_no_transport_is_refused(inner):
    with pytest.raises(TypeError, match="allowed: a transport of httpx2 or httpx"):
        midstream.Transport(inner)


def test_a_stream_that_was_read_already_is_refused(kind):
    with Provider(sdks.BODIES[kind](FRAGMENTS)) as provider:
        stream = sdks.create(kind, sdks.client(kind, provider))
        next(stream)
        with pytest.raises(midstream.MidstreamError, match="watch it before the first item"):
            midstream.watch(stream)
        stream.close()


def test_openais_helpers_are_for_wrap():
    with (
        Provider(bodies.chat(FRAGMENTS)) as provider,
        sdks.helper("chat", sdks.client("chat", provider)) as stream,
        pytest.raises(TypeError, match=r"midstream\.wrap"),
    ):
        midstream.watch(stream)
