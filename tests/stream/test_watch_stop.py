"""A guard that stops a stream of the real SDKs: what the reader gets, and what the server sees."""

import asyncio
import time

import pytest

import bodies
import midstream
import reading
import sdks
from midstream.stream import Repeat, Settings
from provider import Forever, Provider

LOOP = "I am done. "


@pytest.fixture
def looping(kind):
    head, event = sdks.LOOPED[kind]
    with Provider([*head, Forever((event,))]) as provider:
        yield provider


def read(stream, kind):
    """The text that a reader got, and what ended the iteration."""
    got, error = reading.read(stream)
    return "".join(sdks.text(kind, item) for item in got), error


async def read_async(stream, kind):
    got, error = await reading.read_async(stream)
    return "".join(sdks.text(kind, item) for item in got), error


def test_a_stop_raises_after_the_item_that_fired(kind, looping):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, looping)))
    got, error = read(stream, kind)
    assert isinstance(error, midstream.GuardStopped)
    assert (error.finding.check, error.finding.kind, error.finding.period) == ("repeat", "exact", len(LOOP))
    assert got == error.text
    assert got.count(LOOP) * len(LOOP) == len(got)
    assert len(got) - len(LOOP) < error.finding.offset <= len(got)
    assert error.summary.ending == "halted"
    assert midstream.summary(stream) == error.summary


def test_the_server_sees_its_socket_closed_before_the_raise(kind, looping):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, looping)))
    _, error = read(stream, kind)
    raised_s = time.monotonic()
    connection = looping.last()
    assert isinstance(error, midstream.GuardStopped)
    assert connection.hung_up_s - raised_s < 0.1


def test_an_async_stop_raises_and_closes_the_socket(kind, looping):
    async def main():
        stream = midstream.watch(await sdks.create(kind, sdks.client(kind, looping, asynchronous=True)))
        return await read_async(stream, kind), time.monotonic()

    (got, error), raised_s = asyncio.run(main())
    assert isinstance(error, midstream.GuardStopped)
    assert got == error.text
    assert looping.last().hung_up_s - raised_s < 0.1


def test_the_iteration_ends_where_that_is_asked_for(kind, looping):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, looping)), on_stop="end")
    got, error = read(stream, kind)
    assert error is None
    assert got.startswith(LOOP * 3)
    assert midstream.summary(stream).ending == "halted"
    assert looping.last().hung_up_s is not None


def test_an_async_iteration_ends_where_that_is_asked_for(kind, looping):
    async def main():
        stream = midstream.watch(await sdks.create(kind, sdks.client(kind, looping, asynchronous=True)), on_stop="end")
        return await read_async(stream, kind), midstream.summary(stream)

    (_, error), summary = asyncio.run(main())
    assert error is None
    assert summary.ending == "halted"


def test_there_is_exactly_one_end(kind, looping):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, looping)))
    read(stream, kind)
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(stream)
    stream.close()
    assert midstream.summary(stream).ending == "halted"


def test_events_behind_the_one_that_fired_are_not_delivered(kind):
    head, event = sdks.LOOPED[kind]
    with Provider([b"".join(head) + event * 60]) as provider:
        stream = midstream.watch(sdks.create(kind, sdks.client(kind, provider)))
        got, error = read(stream, kind)
    assert isinstance(error, midstream.GuardStopped)
    assert len(got) - len(LOOP) < error.finding.offset <= len(got) < 60 * len(LOOP)


def test_shadow_tells_and_does_not_act(kind):
    found = []
    with Provider(sdks.BODIES[kind]([LOOP] * 30)) as provider:
        stream = midstream.watch(
            sdks.create(kind, sdks.client(kind, provider)), Settings(shadow=True), on_finding=found.append
        )
        got, error = read(stream, kind)
    assert error is None
    assert got == LOOP * 30
    assert [finding.action for finding in found] == ["stop"]
    assert midstream.summary(stream).ending == "complete"


def test_a_warning_is_told_and_the_stream_goes_on(kind):
    found = []
    with Provider(sdks.BODIES[kind]([LOOP] * 30)) as provider:
        settings = Settings(repeat=Repeat(exact="warn"))
        stream = midstream.watch(sdks.create(kind, sdks.client(kind, provider)), settings, on_finding=found.append)
        got, error = read(stream, kind)
    assert error is None
    assert got == LOOP * 30
    assert [(finding.kind, finding.action) for finding in found] == [("exact", "warn")]


def test_what_the_callback_raises_follows_the_item_that_was_found(kind, looping):
    def complain(finding):
        raise KeyError(finding.kind)

    settings = Settings(repeat=Repeat(exact="warn"))
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, looping)), settings, on_finding=complain)
    got, error = read(stream, kind)
    assert isinstance(error, KeyError)
    assert got.count(LOOP) >= 3
    assert looping.last().hung_up_s is not None


def test_a_stop_at_the_last_event_leaves_out_the_mark_behind_it():
    head, event = sdks.LOOPED["chat"]
    with Provider([b"".join(head) + event * 9 + bodies.chat_chunk({}, "stop") + bodies.DONE]) as provider:
        stream = midstream.watch(sdks.create("chat", sdks.client("chat", provider)))
        _, error = read(stream, "chat")
    assert isinstance(error, midstream.GuardStopped)
