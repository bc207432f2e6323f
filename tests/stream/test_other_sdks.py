"""`watch` over the streams of ollama, google-genai, LangChain and LiteLLM."""

import asyncio
import inspect
import time

import pytest

import midstream
import other_sdks
from midstream.stream import Redact, Settings
from other_sdks import LOOP, SDKS
from provider import Cut, Forever, Provider
from reading import read, read_async

FRAGMENTS = ["All ", "is ", "well."]


@pytest.fixture(params=SDKS)
def sdk(request):
    sdk = SDKS[request.param]
    other_sdks.needs(sdk.package)
    return sdk


def serve(sdk, script):
    return Provider(script, content_type=sdk.content_type)


def looping(sdk):
    head, event = sdk.looped()
    return serve(sdk, [*head, Forever((event,))])


async def opened(sdk, provider):
    stream = sdk.open(provider, True)
    return await stream if inspect.isawaitable(stream) else stream


def texts(sdk, items):
    return "".join(sdk.text(item) for item in items)


def test_an_answer_passes_whole_and_is_summed_up(sdk):
    with serve(sdk, sdk.body(FRAGMENTS)) as provider:
        watched = midstream.watch(sdk.open(provider, False))
        items, error = read(watched)
    assert error is None
    assert {type(item).__name__ for item in items} == {sdk.item}
    assert texts(sdk, items) == watched.text == "All is well."
    summary = watched.summary
    assert (summary.ending, summary.finish_reasons, summary.findings) == ("complete", [sdk.finish], [])
    assert summary.anomalies == {}
    assert [channel.characters for channel in summary.channels] == [12]
    if sdk.item != "AIMessageChunk" or sdk.finish != "completed":
        assert (summary.usage.input, summary.usage.output) == (3, 9)


def test_an_async_answer_passes_whole_and_is_summed_up(sdk):
    async def main(provider):
        watched = midstream.watch(await opened(sdk, provider))
        return *await read_async(watched), watched.summary

    with serve(sdk, sdk.body(FRAGMENTS)) as provider:
        items, error, summary = asyncio.run(main(provider))
    assert error is None
    assert texts(sdk, items) == "All is well."
    assert (summary.ending, summary.finish_reasons) == ("complete", [sdk.finish])


def test_a_loop_is_stopped_and_the_provider_sees_it(sdk):
    with looping(sdk) as provider:
        watched = midstream.watch(sdk.open(provider, False))
        items, error = read(watched)
        raised_s = time.monotonic()
        assert isinstance(error, midstream.GuardStopped), error
        assert provider.last().hung_up_s - raised_s < 0.05
        assert len(provider.connections) == 1
    assert texts(sdk, items) == error.text == LOOP * 9
    assert watched.summary.ending == "halted"


def test_an_async_loop_is_stopped_and_the_provider_sees_it(sdk):
    async def main(provider):
        watched = midstream.watch(await opened(sdk, provider))
        items, error = await read_async(watched)
        raised_s = time.monotonic()
        # Inner generators of an SDK are closed by the event loop.
        while not provider.connections[0].over.is_set() and time.monotonic() - raised_s < 1:
            await asyncio.sleep(0.001)
        return items, error, raised_s

    with looping(sdk) as provider:
        items, error, raised_s = asyncio.run(main(provider))
        assert isinstance(error, midstream.GuardStopped), error
        assert provider.last().hung_up_s - raised_s < 0.05
        assert len(provider.connections) == 1
    assert texts(sdk, items) == error.text == LOOP * 9


def test_a_clean_cut_is_told(sdk):
    with serve(sdk, sdk.body(FRAGMENTS)[: sdk.head + 2]) as provider:
        items, error = read(midstream.watch(sdk.open(provider, False)))
    assert isinstance(error, midstream.StreamTruncated), error
    assert texts(sdk, items) == error.text == "All is "
    assert error.summary.ending == "truncated"


def test_an_async_clean_cut_is_told(sdk):
    async def main(provider):
        return await read_async(midstream.watch(await opened(sdk, provider)))

    with serve(sdk, sdk.body(FRAGMENTS)[: sdk.head + 2]) as provider:
        items, error = asyncio.run(main(provider))
    assert isinstance(error, midstream.StreamTruncated), error
    assert texts(sdk, items) == error.text == "All is "


def test_an_abrupt_cut_keeps_the_error_of_the_sdk(sdk):
    def script():
        return serve(sdk, [*sdk.body(FRAGMENTS)[: sdk.head + 2], Cut()])

    with script() as provider:
        _, plain = read(sdk.open(provider, False))
    with script() as provider:
        watched = midstream.watch(sdk.open(provider, False))
        _, error = read(watched)
    assert type(error) is type(plain)
    assert not isinstance(error, midstream.MidstreamError)
    assert (watched.summary.ending, watched.text) == ("truncated", "All is ")


def test_an_early_break_closes_the_upstream(sdk):
    with looping(sdk) as provider:
        with midstream.watch(sdk.open(provider, False)) as watched:
            next(watched)
        left_s = time.monotonic()
        assert provider.last().hung_up_s - left_s < 0.05
    assert watched.summary.ending == "cancelled"


def test_items_are_not_redacted_and_the_error_says_so(sdk):
    with looping(sdk) as provider:
        watched = midstream.watch(sdk.open(provider, False), Settings(redact=Redact(rules=("email",))))
        with pytest.raises(midstream.MidstreamError, match="stream of bytes"):
            next(watched)
        assert provider.last().hung_up_s is not None


@pytest.mark.parametrize("kind", [kind for kind, sdk in SDKS.items() if sdk.call])
def test_a_tool_call_is_in_the_summary(kind):
    sdk = SDKS[kind]
    other_sdks.needs(sdk.package)
    with serve(sdk, sdk.call) as provider:
        watched = midstream.watch(sdk.open(provider, False))
        assert read(watched)[1] is None
    (call,) = watched.summary.tool_calls
    assert (call.name, call.valid_json) == ("search", True)
    assert watched.summary.ending == "complete"
