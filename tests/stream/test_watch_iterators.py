"""Iterators of text, bytes and events with a guard beside them."""

import asyncio
from collections import OrderedDict
from typing import Any

import pydantic
import pytest

import bodies
import clocked
import midstream
from midstream.stream import AsyncWatched, EitherWatched, Guard, Pace, Settings, Watched
from midstream.stream.body import Body
from midstream.stream.reactions import Reactions
from midstream.stream.session import Session
from reading import read, read_async

LOOP = "I am done. "


class Source:
    """An endless iterator that remembers whether it was closed."""

    def __init__(self, item):
        self.item = item
        self.given = 0
        self.closed = False

    def __iter__(self):
        return self

    def __next__(self):
        self.given += 1
        return self.item

    def close(self):
        self.closed = True


class AsyncSource(Source):
    __iter__ = None
    __next__ = None

    def __aiter__(self):
        return self

    async def __anext__(self):
        self.given += 1
        return self.item

    async def aclose(self):
        self.closed = True


class BothSource(Source):
    def __aiter__(self):
        return self

    async def __anext__(self):
        return next(self)

    async def aclose(self):
        self.closed = True


class Chunk(pydantic.BaseModel):
    object: str = "chat.completion.chunk"
    choices: list[dict[str, Any]]


def event(text, finish=None):
    return {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
    }


ITEMS = {
    "str": LOOP,
    "bytes": bodies.chat_chunk({"content": LOOP}),
    "bytearray": bytearray(bodies.chat_chunk({"content": LOOP})),
    "dict": event(LOOP),
    "mapping": OrderedDict(event(LOOP)),
    "pydantic": Chunk(choices=event(LOOP)["choices"]),
}


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS.keys())
def test_a_looping_iterator_is_closed_at_the_decision(item):
    source = Source(item)
    watched = midstream.watch(source)
    assert isinstance(watched, Watched)
    for got in watched:
        assert got is item
        if source.closed:
            break
    assert source.given == 9
    with pytest.raises(midstream.GuardStopped) as stopped:
        next(watched)
    assert stopped.value.text == watched.text == LOOP * 9
    assert list(watched) == []
    assert watched.summary.ending == "halted"


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS.keys())
def test_a_looping_async_iterator_is_closed_at_the_decision(item):
    source = AsyncSource(item)
    watched = midstream.watch(source)
    assert isinstance(watched, AsyncWatched)
    got, stopped = asyncio.run(read_async(watched))
    assert got == [item] * 9
    assert source.closed
    assert stopped.summary == watched.summary


def test_an_iterator_that_goes_both_ways_stays_one():
    source = BothSource(LOOP)
    watched = midstream.watch(source)
    assert isinstance(watched, EitherWatched)
    assert len(read(watched)[0]) == 9
    watched = midstream.watch(BothSource(LOOP))
    assert len(asyncio.run(read_async(watched))[0]) == 9


def test_a_generator_is_closed_on_stop():
    closed = []

    def pieces():
        try:
            while True:
                yield LOOP
        finally:
            closed.append(True)

    list(midstream.watch(pieces(), on_stop="end"))
    assert closed == [True]


def test_an_async_generator_is_closed_on_stop():
    closed = []

    async def pieces():
        try:
            while True:
                yield LOOP
        finally:
            closed.append(True)

    async def main():
        return [piece async for piece in midstream.watch(pieces(), on_stop="end")]

    assert asyncio.run(main()) == [LOOP] * 9
    assert closed == [True]


def test_events_that_end_before_their_finish_are_truncated():
    watched = midstream.watch(iter([event("All "), event("is ")]))
    with pytest.raises(midstream.StreamTruncated) as truncated:
        list(watched)
    assert truncated.value.text == "All is "
    watched = midstream.watch(iter([event("All "), event("is well.", "stop")]))
    assert len(list(watched)) == 2
    assert watched.summary.ending == "complete"


def test_an_iterator_of_nothing_is_truncated():
    with pytest.raises(midstream.StreamTruncated):
        list(midstream.watch(iter([])))
    assert list(midstream.watch(iter([]), on_truncated="flag")) == []


def test_what_the_source_raises_comes_through():
    def pieces():
        yield "All "
        raise OSError("gone")

    watched = midstream.watch(pieces())
    assert next(watched) == "All "
    with pytest.raises(OSError, match="gone"):
        next(watched)
    assert watched.summary.ending == "truncated"


def test_close_tells_that_the_client_left():
    source = Source("x ")
    with midstream.watch(source) as watched:
        next(watched)
    assert source.closed
    assert watched.summary.ending == "cancelled"
    assert midstream.summary(watched) == watched.summary


def test_the_first_item_says_whether_items_can_be_read():
    source = Source(3)
    watched = midstream.watch(source)
    with pytest.raises(TypeError, match="an event is int, allowed: str, a mapping, a pydantic model"):
        next(watched)
    assert source.closed


def test_a_later_item_that_cannot_be_read_passes():
    items = ["All ", None, {"object"}, "is well."]
    watched = midstream.watch(iter(items))
    assert list(watched) == items
    assert watched.text == "All is well."


@pytest.mark.parametrize("thing", [3, None, "text", b"bytes", {"a": 1}, object(), len])
def test_what_is_no_stream_is_refused(thing):
    with pytest.raises(TypeError, match="stream is "):
        midstream.watch(thing)


def test_a_coroutine_is_to_be_awaited_first():
    async def create():
        return iter([])

    coroutine = create()
    with pytest.raises(TypeError, match="await it"):
        midstream.watch(coroutine)
    coroutine.close()


def test_a_guard_serves_one_stream_and_settings_any_number():
    guard, settings = Guard(), Settings()
    assert list(midstream.watch(iter(["a"]), guard)) == ["a"]
    with pytest.raises(midstream.MidstreamError, match="serves one"):
        midstream.watch(iter(["a"]), guard)
    for _ in range(2):
        assert list(midstream.watch(iter(["a"]), settings)) == ["a"]


def test_the_text_of_a_guard_of_the_callers_own_is_kept():
    _, stopped = read(midstream.watch(iter([LOOP] * 20), Guard()))
    assert stopped.text == LOOP * 9


def test_a_guard_file_guards(tmp_path):
    path = tmp_path / "guard.toml"
    path.write_text("[repeat]\nexact = 'warn'\n")
    for given in (path, str(path)):
        watched = midstream.watch(iter([LOOP] * 20), given)
        assert len(list(watched)) == 20
        assert [finding.action for finding in watched.summary.findings] == ["warn"]
    with pytest.raises(ValueError, match=r"cannot read the guard file .*no\.toml: no such file"):
        midstream.watch(iter(["a"]), tmp_path / "no.toml")


def test_words_are_checked():
    with pytest.raises(ValueError, match="on_stop is 'rise'; did you mean 'raise'"):
        midstream.watch(iter(["a"]), on_stop="rise")
    with pytest.raises(ValueError, match="on_truncated is 'flags'; did you mean 'flag'"):
        midstream.watch(iter(["a"]), on_truncated="flags")
    with pytest.raises(TypeError, match="on_finding is int"):
        midstream.watch(iter(["a"]), on_finding=3)


def test_a_stall_ends_the_wait_of_an_async_reader():
    async def pieces():
        yield "All "
        try:
            await asyncio.sleep(60)
        finally:
            closed.append(asyncio.get_running_loop().time())

    async def main():
        loop = asyncio.get_running_loop()
        settings = Settings(pace=Pace(stall="stop", idle_s=0.05))
        watched = midstream.watch(pieces(), settings)
        assert await anext(watched) == "All "
        started = loop.time()
        with pytest.raises(midstream.GuardStopped) as stopped:
            await anext(watched)
        assert 0.04 < loop.time() - started < 1
        assert asyncio.current_task().cancelling() == 0
        assert [item async for item in watched] == []
        return stopped.value

    closed = []
    stopped = asyncio.run(main())
    assert stopped.finding.kind == "stall"
    assert len(closed) == 1


def test_a_stall_is_told_while_an_async_reader_waits():
    async def pieces():
        yield "All "
        await go_on.wait()
        yield "is well."

    async def main():
        global go_on
        go_on = asyncio.Event()

        def tell(finding):
            found.append(finding.kind)
            go_on.set()

        settings = Settings(pace=Pace(idle_s=0.05))
        return [piece async for piece in midstream.watch(pieces(), settings, on_finding=tell)]

    found = []
    assert asyncio.run(main()) == ["All ", "is well."]
    assert found == ["stall"]


def test_a_consumer_that_takes_its_time_is_no_stall():
    now, found = [0], []
    for _ in clocked.watched(iter(["a", "b", "c"]), lambda: now[0], found.append):
        now[0] += 40 * 10**9
    assert found == []


def test_a_wait_that_is_too_long_is_a_stall_with_the_next_item():
    now = [0]

    def pieces():
        yield "a"
        now[0] += 31 * 10**9
        yield "b"

    found = []
    assert list(clocked.watched(pieces(), lambda: now[0], found.append)) == ["a", "b"]
    assert [finding.kind for finding in found] == ["stall"]


def test_the_end_stays_the_end_however_late_it_is_asked_for():
    now = [0]
    watched = clocked.watched(iter(["a"]), lambda: now[0])
    assert list(watched) == ["a"]
    now[0] += 10**12
    assert list(watched) == []


def test_a_guard_that_is_finished_is_refused():
    guard = Guard()
    guard.finish()
    with pytest.raises(midstream.MidstreamError, match="finished"):
        midstream.watch(iter(["a"]), guard)


class Broken:
    """A guard whose every method fails."""

    text = ""
    _tick_at_ns = None
    _redacts = _whole = _stops_when_quiet = _holds = _of_text = False
    _held_bytes = 0
    waiting = ()

    def fail(self, *_, **__):
        raise ArithmeticError("analysis failed")

    def _wait(self):
        """Nothing can fail in it."""

    def _next(self, items):
        """A guard that is finished reads nothing."""
        guard = Guard()
        guard.finish()
        return guard._next(items)

    resume = tick = feed = push = finish = _read = fail


@pytest.mark.parametrize("item", ["a", b"a", {"a": 1}])
def test_a_failure_of_the_analysis_costs_nothing(item):
    watched = Watched(iter([item] * 3), Session(Broken(), Reactions()))
    assert list(watched) == [item] * 3
    watched.close()


class BrokenAndRedacting(Broken):
    """The same where text is redacted."""

    _redacts = True
    _holds = False
    _held_bytes = 0


@pytest.mark.parametrize("item", ["a", b"a"])
def test_where_text_is_redacted_none_passes_that_the_analysis_failed_on(item):
    for stream in (
        Watched(iter([item] * 3), Session(BrokenAndRedacting(), Reactions())),
        Body([b"a", b"b"], Session(BrokenAndRedacting(), Reactions())),
    ):
        given = []
        with pytest.raises(ArithmeticError):
            given.extend(iter(stream))
        assert given == []


def test_a_failure_of_the_analysis_costs_no_byte_of_a_body():
    body = Body([b"a", b"b"], Session(Broken(), Reactions()))
    assert list(body) == [b"a", b"b"]
