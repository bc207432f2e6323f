"""A consumer that leaves early, and what becomes of its connection."""

import asyncio
import time

import pytest

import midstream
import sdks
from provider import Forever, Provider


@pytest.fixture(params=sdks.KINDS)
def kind(request):
    return request.param


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


def test_anthropics_manager_gives_a_stream_to_watch():
    with Provider(sdks.BODIES["messages"](["All ", "is well."])) as provider:
        client = sdks.client("messages", provider)
        with sdks.helper("messages", client) as stream:
            watched = midstream.watch(stream)
            assert watched is stream
            assert "".join(watched.text_stream) == "All is well."
            assert watched.get_final_text() == "All is well."
        assert midstream.summary(stream).ending == "complete"
