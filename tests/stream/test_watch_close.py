"""A consumer that leaves early, and what becomes of its connection."""

import asyncio
import time

import anthropic
import openai
import pytest

import midstream
import reading
import sdks
from midstream.stream import Pace, Settings
from provider import Forever, Provider, Stall


@pytest.fixture
def endless(kind):
    head, event = sdks.LOOPED[kind]
    events = tuple(event.replace(b"I am done", f"Number {number * number}".encode()) for number in range(200))
    with Provider([*head, Forever(events)]) as provider:
        yield provider


def test_close_after_a_break_closes_the_connection(kind, endless):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, endless)))
    for number, _ in enumerate(stream):
        if number == 5:
            break
    stream.close()
    closed_s = time.monotonic()
    assert endless.last().hung_up_s - closed_s < 0.05
    assert midstream.summary(stream).ending == "cancelled"


def test_a_with_statement_closes_the_connection(kind, endless):
    with midstream.watch(sdks.create(kind, sdks.client(kind, endless))) as stream:
        next(stream)
    closed_s = time.monotonic()
    assert endless.last().hung_up_s - closed_s < 0.05
    assert midstream.summary(stream).ending == "cancelled"


def test_an_error_of_the_consumer_is_its_own(kind, endless):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, endless)))

    def consume():
        with stream:
            for _ in stream:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consume()
    assert endless.last().hung_up_s is not None
    assert midstream.summary(stream).ending == "cancelled"


def test_an_async_with_statement_closes_the_connection(kind, endless):
    async def main():
        async with midstream.watch(await sdks.create(kind, sdks.client(kind, endless, asynchronous=True))) as stream:
            async for _ in stream:
                break
        return stream, time.monotonic()

    stream, closed_s = asyncio.run(main())
    assert endless.last().hung_up_s - closed_s < 0.05
    assert midstream.summary(stream).ending == "cancelled"


def test_a_cancelled_task_stays_cancelled(kind, endless):
    async def main():
        stream = midstream.watch(await sdks.create(kind, sdks.client(kind, endless, asynchronous=True)))

        async def read():
            async for _ in stream:
                pass

        task = asyncio.create_task(read())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await stream.close()
        return stream

    stream = asyncio.run(main())
    assert midstream.summary(stream).ending == "cancelled"
    assert endless.last().hung_up_s is not None


def test_a_stream_that_is_dropped_unread_closes_the_connection(kind, endless):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, endless)))
    stream.close()
    assert midstream.summary(stream).ending == "cancelled"
    assert endless.last().hung_up_s is not None


def test_there_is_no_summary_while_the_stream_runs(kind, endless):
    with midstream.watch(sdks.create(kind, sdks.client(kind, endless))) as stream:
        next(stream)
        with pytest.raises(midstream.MidstreamError, match="has not ended"):
            midstream.summary(stream)


@pytest.mark.parametrize("entered", [False, True])
def test_anthropics_helper_is_watched_before_and_after_it_is_entered(entered):
    with Provider(sdks.BODIES["messages"](["All ", "is well."])) as provider:
        manager = sdks.helper("messages", sdks.client("messages", provider))
        with manager if entered else midstream.watch(manager) as stream:
            watched = midstream.watch(stream) if entered else stream
            assert watched is stream
            assert isinstance(watched, anthropic.lib.streaming.MessageStream)
            assert "".join(watched.text_stream) == "All is well."
            assert watched.get_final_text() == "All is well."
        assert midstream.summary(stream).ending == "complete"


def test_anthropics_async_helper_is_watched_before_it_is_entered():
    async def main(provider):
        client = sdks.client("messages", provider, asynchronous=True)
        async with midstream.watch(sdks.helper("messages", client)) as stream:
            text = await stream.get_final_text()
        return text, midstream.summary(stream)

    with Provider(sdks.BODIES["messages"](["All ", "is well."])) as provider:
        text, summary = asyncio.run(main(provider))
    assert (text, summary.ending) == ("All is well.", "complete")


def test_a_reader_that_times_out_gave_up():
    head = sdks.BODIES["chat"](["All "])[:2]
    with Provider([*head, Stall()]) as provider:
        stream = midstream.watch(sdks.create("chat", sdks.client("chat", provider).with_options(timeout=0.2)))
        items, error = reading.read(stream)
    assert len(items) == 2
    assert isinstance(error, openai.APITimeoutError)
    assert midstream.summary(stream).ending == "stalled"


@pytest.mark.parametrize("on_stop", ["raise", "end"])
def test_a_stall_ends_the_wait_of_an_async_reader(kind, on_stop):
    async def main(provider):
        client = sdks.client(kind, provider, asynchronous=True)
        settings = Settings(pace=Pace(stall="stop", idle_s=0.2))
        stream = midstream.watch(await sdks.create(kind, client), settings, on_stop=on_stop)
        got = await reading.read_async(stream)
        assert asyncio.current_task().cancelling() == 0
        return *got, stream, time.monotonic()

    with Provider([*sdks.LOOPED[kind][0], Stall()]) as provider:
        items, error, stream, ended_s = asyncio.run(main(provider))
        assert provider.last().hung_up_s - ended_s < 0.1
    assert len(items) == len(sdks.LOOPED[kind][0])
    assert isinstance(error, midstream.GuardStopped) == (on_stop == "raise")
    assert midstream.summary(stream).ending == "halted"
    assert midstream.summary(stream).pace.stalls == 1
