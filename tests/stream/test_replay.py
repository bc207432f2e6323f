"""Recordings played to guards: what would have been decided, when, and what it would have saved."""

import asyncio
import time

import pytest

import bodies
from midstream.errors import InputError
from midstream.stream import Pace, Recording, Redact, Repeat, RepeatActions, Replay, Settings, replay, replay_async

GAP_NS = 50_000_000
LOOPED = bodies.chat(["Well. ", *["I am done. "] * 40])
STOP = Settings()
WATCH = Settings(shadow=True)


def recorded(chunks, **options):
    timed = [(at * GAP_NS, chunk) for at, chunk in enumerate(chunks, 1)]
    return Recording(**{"chunks": timed, "framing": "sse", "dialect": "openai-chat"} | options)


def usage(output, **more):
    return bodies.sse({"object": "chat.completion.chunk", "choices": [], "usage": {"completion_tokens": output} | more})


def test_a_stop_is_told_with_its_time_and_the_last_byte_that_would_have_passed():
    seen = Replay.of(recorded(LOOPED), STOP)
    assert seen.summary.ending == "halted"
    assert seen.recorded.ending == "complete"
    assert seen.stop.finding.action == "stop"
    chunks = seen.stop.at_ns // GAP_NS
    assert seen.stop.byte == sum(map(len, LOOPED[:chunks]))
    assert seen.stop in seen.decided


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_the_cut_does_not_depend_on_how_the_recording_is_cut(size):
    body = b"".join(LOOPED)
    whole = Replay.of(recorded(LOOPED), STOP)
    pieces = [(0, body[at : at + size]) for at in range(0, len(body), size)]
    cut = Replay.of(Recording(chunks=pieces, framing="sse", dialect="openai-chat"), STOP)
    assert (cut.stop.byte, cut.saved) == (whole.stop.byte, whole.saved)


def test_characters_behind_the_cut_are_saved_and_tokens_by_reported_usage():
    body = [*LOOPED[:-1], usage(100), LOOPED[-1]]
    seen = Replay.of(recorded(body), STOP)
    before = sum(channel.characters for channel in seen.summary.channels)
    after = sum(channel.characters for channel in seen.recorded.channels) - before
    assert seen.saved.characters == after > 0
    assert seen.saved.tokens == 100 - round(100 * before / (before + after))
    assert seen.saved.rule.startswith("estimate: reported output tokens (100) minus")


def test_without_reported_usage_tokens_are_estimated_from_characters():
    saved = Replay.of(recorded(LOOPED), STOP).saved
    assert (saved.tokens, saved.rule) == (saved.characters // 4, "estimate: characters behind the cut / 4")


def test_reasoning_that_is_not_in_the_stream_is_not_shared_out():
    body = [*LOOPED[:-1], usage(1000, completion_tokens_details={"reasoning_tokens": 900}), LOOPED[-1]]
    assert Replay.of(recorded(body), STOP).saved.tokens < 100


def test_where_nothing_stops_nothing_is_saved():
    seen = Replay.of(recorded(LOOPED), WATCH)
    assert (seen.stop, seen.saved[:2]) == (None, (0, 0))
    assert [one.finding.kind for one in seen.decided] == ["exact"]
    assert seen.summary.ending == "complete"


def test_the_cut_of_a_redacted_stream_is_a_byte_of_the_recording():
    settings = Settings(redact=Redact(rules=("email",), action="stop"))
    body = bodies.chat(["Ask jane", ".doe@exam", "ple.org now, ", "or later."])
    seen = Replay.of(recorded(body), settings)
    assert seen.stop.finding.kind == "email"
    assert seen.stop.byte == sum(map(len, body[:4]))
    assert seen.saved.characters == len("or later.")


def test_a_stall_is_decided_when_the_owners_timer_would_have_rung():
    body = bodies.chat(["One, ", "two."])
    times = [0, 10**9, 60 * 10**9, 61 * 10**9, 62 * 10**9]
    recording = Recording(chunks=list(zip(times, body, strict=True)), framing="sse", dialect="openai-chat")
    seen = Replay.of(recording, Settings(pace=Pace(stall="stop", idle_s=5.0)))
    assert seen.stop.finding.kind == "stall"
    assert seen.stop.at_ns == 6 * 10**9
    assert seen.stop.byte == len(body[0]) + len(body[1])


def test_real_time_takes_the_recordings_time_and_half_at_twice_the_speed():
    for speed in (1, 2):
        started_s = time.monotonic()
        summary = replay(recorded(bodies.chat(["All ", "is ", "well."])), speed=speed)
        took_s = time.monotonic() - started_s
        assert took_s >= 6 * GAP_NS / 1e9 / speed
        assert summary.pace.duration_s == pytest.approx(6 * GAP_NS / 1e9)


def test_behind_a_stop_nothing_is_waited_for():
    chunks = [(0, chunk) for chunk in LOOPED[:-1]] + [(3600 * 10**9, LOOPED[-1])]
    recording = Recording(chunks=chunks, framing="sse", dialect="openai-chat")
    assert Replay.of(recording, STOP, speed=1).stop


@pytest.mark.parametrize("framing", ["sse", "text"])
def test_without_times_a_speed_makes_even_ones(framing):
    body = (
        b"".join(bodies.chat(["One, ", "two."]))
        if framing == "sse"
        else b"".join(b"Line %d of text. " % at for at in range(17))
    )
    recording = Recording.load(body)
    assert Replay.of(recording).times is None
    seen = Replay.of(recording, speed=1000)
    assert seen.times == "even"
    assert 0.06 < seen.summary.pace.duration_s < 0.11
    assert seen.recorded.bytes == len(body)


def test_each_decision_is_told_when_it_is_made():
    told = []
    seen = Replay.of(recorded(LOOPED), STOP, on_decided=told.append)
    assert tuple(told) == seen.decided


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_is_not_above_zero_is_refused(speed):
    with pytest.raises(InputError, match="allowed is above 0"):
        replay(recorded(LOOPED), speed=speed)


def test_what_is_no_recording_or_no_speed_is_a_type_error():
    with pytest.raises(TypeError, match="recording is bytes"):
        Replay.of(b"")
    with pytest.raises(TypeError, match="speed is str"):
        replay(recorded(LOOPED), speed="fast")


def test_reasoning_that_would_have_been_ended_is_cut_there():
    settings = Settings(repeat=Repeat(reasoning=RepeatActions(exact="end_reasoning")))
    thinking = [bodies.chat_chunk({"reasoning_content": "Wait, let me check. "})] * 40
    seen = Replay.of(recorded([*thinking, *bodies.chat(["Yes."])]), settings)
    assert seen.stop.finding.action == "end_reasoning"
    assert seen.summary.ending == "halted"
    assert seen.saved.characters > 300


def test_the_async_twin_gives_the_same_summary_at_once_and_at_a_speed():
    recording = recorded(LOOPED)
    for speed in (None, 20):
        assert asyncio.run(replay_async(recording, STOP, speed=speed)) == replay(recording, STOP)


def test_the_async_twin_plays_in_real_time_while_the_loop_goes_on():
    turns = []

    async def count():
        while True:
            turns.append(time.monotonic())
            await asyncio.sleep(0.005)

    async def main():
        counting = asyncio.create_task(count())
        started_s = time.monotonic()
        await replay_async(recorded(bodies.chat(["a", "b"])), speed=1)
        counting.cancel()
        return time.monotonic() - started_s

    chunks = len(bodies.chat(["a", "b"]))
    assert asyncio.run(main()) >= chunks * GAP_NS / 1e9 * 0.99
    assert len(turns) > 5


def test_the_async_twin_gives_the_loop_turns_when_it_plays_at_once():
    turns = []

    async def count():
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def main():
        counting = asyncio.create_task(count())
        body = bodies.chat([f"word {number}, " for number in range(20_000)])
        await replay_async(Recording(chunks=[(None, chunk) for chunk in body]), WATCH)
        counting.cancel()

    asyncio.run(main())
    assert len(turns) > 2


def test_the_async_twin_can_be_cancelled():
    async def main():
        slow = Recording(chunks=[(3_600_000_000_000, b"data: [DONE]\n\n")])
        await asyncio.wait_for(replay_async(slow, speed=1), 0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(main())


@pytest.mark.parametrize(("given", "kind"), [({"recording": 5}, TypeError), ({"speed": 0}, InputError)])
def test_the_async_twin_refuses_what_replay_refuses(given, kind):
    with pytest.raises(kind, match=next(iter(given))):
        asyncio.run(replay_async(**({"recording": recorded(LOOPED)} | given)))
