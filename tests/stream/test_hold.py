"""Held text passes once the caller's check lets it, sync and async, and never before."""

import asyncio
import json
import pickle
import random
import threading
import time

import httpx2
import pytest

import bodies
import reading
from midstream.errors import GuardStopped, InputError
from midstream.stream import (
    AsyncTransport,
    Budget,
    Guard,
    Hold,
    Recording,
    Redact,
    Repeat,
    Settings,
    Transport,
    check,
    replay,
    watch,
)

SETTINGS = Settings(hold=Hold())
PIECES = ["All is ", "well. It ", "is. And", " so on"]


def bounded(then, seconds=0.05):
    return Settings(hold=Hold(max_hold_s=seconds, at_max_hold=then))


async def arriving(pieces, pause_s=0.0):
    for piece in pieces:
        await asyncio.sleep(pause_s)
        yield piece


def run(pieces, moderate, settings=SETTINGS, pause_s=0.0):
    """The items of an async stream, what ended it, and the stream."""

    async def main():
        watched = watch(arriving(pieces, pause_s), settings, moderate=moderate)
        return *await reading.read_async(watched), watched

    return asyncio.run(main())


def test_the_check_is_asked_for_every_sentence_with_all_that_came_before():
    asked = []
    assert list(watch(iter(PIECES), SETTINGS, moderate=asked.append)) == ["All is well.", " It is.", " And so on"]
    assert [held.text for held in asked] == ["All is well.", " It is.", " And so on"]
    assert [held.so_far for held in asked] == ["All is well.", "All is well. It is.", "All is well. It is. And so on"]
    assert [(held.id, held.channel, held.onset, held.offset) for held in asked[:2]] == [
        (0, "text", 0, 12),
        (1, "text", 12, 19),
    ]


@pytest.mark.parametrize("verdict", [False, "rude"])
def test_a_text_that_is_refused_ends_the_stream_and_does_not_pass(verdict):
    watched = watch(iter(PIECES), SETTINGS, moderate=lambda held: verdict if "It" in held.text else True)
    items, error = reading.read(watched)
    assert items == ["All is well."]
    assert isinstance(error, GuardStopped)
    assert (error.finding.check, error.finding.kind, error.text) == ("hold", "refused", "All is well.")
    assert error.finding.evidence == (verdict or "")
    assert "It is" not in str(error)
    assert (error.summary.ending, error.summary.hold.pieces, error.summary.hold.refused) == ("halted", 2, 1)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_the_check_raises_ends_the_stream_and_reaches_the_reader(asynchronous):
    def moderate(held):
        raise ConnectionError("no answer")

    pieces = PIECES
    if asynchronous:
        items, error, _ = run(pieces, moderate)
    else:
        items, error = reading.read(watch(iter(pieces), SETTINGS, moderate=moderate))
    assert items == []
    assert isinstance(error, ConnectionError)


def test_an_async_check_is_awaited_while_the_stream_is_read_on():
    read, at_verdict = [], []

    async def source():
        for piece in PIECES:
            read.append(piece)
            yield piece
            await asyncio.sleep(0)

    async def moderate(held):
        await asyncio.sleep(0.05)
        at_verdict.append(len(read))

    async def main():
        return await reading.read_async(watch(source(), SETTINGS, moderate=moderate))

    items, error = asyncio.run(main())
    assert (error, "".join(items)) == (None, "".join(PIECES))
    assert at_verdict[0] == len(PIECES)


def test_a_plain_check_of_an_async_stream_runs_in_a_thread():
    threads = set()

    def moderate(held):
        threads.add(threading.current_thread())

    items, error, _ = run(PIECES, moderate)
    assert (error, "".join(items)) == (None, "".join(PIECES))
    assert threading.main_thread() not in threads


def test_verdicts_in_any_order_let_text_pass_in_order():
    rng = random.Random(3)
    pieces = [rng.choice(["One", " two", ". ", "\n", "3.1"]) for _ in range(60)]

    async def moderate(held):
        await asyncio.sleep(rng.random() * 0.01)

    for _ in range(10):
        items, error, watched = run(pieces, moderate)
        assert (error, "".join(items)) == (None, "".join(pieces))
        assert watched.summary.hold.held_bytes == 0


def test_a_check_that_takes_too_long_stops_an_async_stream_that_waits():
    async def moderate(held):
        await asyncio.sleep(30)

    started = time.monotonic()
    items, error, _ = run(PIECES, moderate, bounded("stop"))
    assert (items, error.finding.kind) == ([], "max_hold")
    assert time.monotonic() - started < 5


def test_a_check_that_takes_too_long_lets_the_text_pass_where_that_was_chosen():
    async def moderate(held):
        await asyncio.sleep(0.3)

    items, error, watched = run(PIECES, moderate, bounded("pass"))
    assert (error, "".join(items)) == (None, "".join(PIECES))
    assert watched.summary.hold.late == 3
    assert {finding.action for finding in watched.summary.findings} == {"warn"}


def test_a_check_whose_text_passed_without_it_does_not_keep_the_stream_open():
    async def moderate(held):
        await asyncio.sleep(30)

    began = time.monotonic()
    items, error, _ = run(PIECES, moderate, bounded("pass"))
    assert (error, "".join(items)) == (None, "".join(PIECES))
    assert time.monotonic() - began < 10


def test_a_refusal_behind_the_end_that_was_read_is_no_quiet_end():
    body = b"".join(bodies.chat(["One is fine. ", "And two. ", "Initech is", " better. "]))
    watched = watch(iter([body]), SETTINGS, moderate=lambda held: "Initech" not in held.text, on_stop="error")
    items, error = reading.read(watched)
    assert b"Initech" not in b"".join(items)
    assert isinstance(error, GuardStopped) or b"error" in b"".join(items)


def test_a_sync_stream_measures_the_check_when_it_returns():
    items, error = reading.read(watch(iter(PIECES), bounded("stop", 0.01), moderate=lambda held: time.sleep(0.05)))
    assert (items, error.finding.kind) == ([], "max_hold")


def test_leaving_early_ends_the_check_and_releases_nothing():
    ended = []

    async def moderate(held):
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(held.id)

    async def main():
        watched = watch(arriving(PIECES), SETTINGS, moderate=moderate)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(watched), 0.05)
        await watched.aclose()
        return watched

    watched = asyncio.run(main())
    assert ended == [0, 1, 2]
    assert (watched.summary.ending, watched.text) == ("cancelled", "")


def test_the_source_is_not_read_far_ahead_of_the_check():
    read = []

    async def source():
        for number in range(10_000):
            read.append(number)
            yield "word " * 20 + ".\n"

    async def main():
        gate = asyncio.Event()
        settings = Settings(hold=Hold(), repeat=Repeat(exact="off"))
        watched = watch(source(), settings, moderate=lambda held: gate.wait())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(watched), 0.5)
        await watched.aclose()

    asyncio.run(main())
    assert len(read) < 3_000


def test_held_text_is_the_redacted_text():
    settings = Settings(hold=Hold(), redact=Redact(rules=("email",)))
    asked = []
    pieces = ["Ask bob@exam", "ple.org now. ", "Bye"]
    assert "".join(watch(iter(pieces), settings, moderate=asked.append)) == "Ask [EMAIL] now. Bye"
    assert [held.text for held in asked] == ["Ask [EMAIL] now.", " Bye"]


def test_other_checks_still_stop_the_stream_and_what_waits_is_dropped():
    settings = Settings(hold=Hold(), budget=Budget(output_characters=20))
    items, error = reading.read(watch(iter(PIECES), settings, moderate=lambda held: True))
    assert (items, error.finding.check, error.text) == (["All is well."], "budget", "All is well.")


def test_events_in_place_of_bytes_are_refused():
    watched = watch(iter([{"choices": [{"delta": {"content": "Hi."}}]}]), SETTINGS, moderate=lambda held: True)
    with pytest.raises(InputError, match="hold is a table for events"):
        next(watched)


async def slow(held):
    """A check that is async."""


@pytest.mark.parametrize(
    ("settings", "moderate", "raised", "told"),
    [
        (SETTINGS, None, InputError, "moderate is not given, and the settings hold text"),
        (None, print, InputError, "moderate is given, but the settings hold no text"),
        (SETTINGS, slow, TypeError, "moderate is async, but the stream is not"),
        (SETTINGS, 5, TypeError, "moderate is int"),
    ],
)
def test_a_check_and_settings_that_do_not_go_together_are_refused_before_the_stream(settings, moderate, raised, told):
    with pytest.raises(raised, match=told):
        watch(iter(PIECES), settings, moderate=moderate)
    guard = Guard(settings)
    with pytest.raises(raised, match=told):
        watch(iter(PIECES), guard, moderate=moderate)


def test_transports_refuse_them_too():
    with pytest.raises(InputError, match="moderate is not given"):
        Transport(httpx2.HTTPTransport(), SETTINGS)
    with pytest.raises(TypeError, match="moderate is async"):
        Transport(httpx2.HTTPTransport(), SETTINGS, moderate=slow)
    AsyncTransport(httpx2.AsyncHTTPTransport(), SETTINGS, moderate=slow)


def test_what_is_no_verdict_ends_the_stream():
    items, error = reading.read(watch(iter(PIECES), SETTINGS, moderate=lambda held: 1))
    assert items == []
    assert isinstance(error, TypeError)
    assert "moderate gave int" in str(error)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"max_hold_s": 1}, "hold.at_max_hold"),
        ({"at_max_hold": "stop"}, "hold.max_hold_s"),
        ({"limit": 0}, "hold.limit"),
        ({"channels": ("texts",)}, "hold.channels[0]"),
        ({"max_hold_s": 1, "at_max_hold": "drop"}, "hold.at_max_hold"),
    ],
)
def test_settings_that_leave_a_choice_open_are_refused_by_name(wrong, key):
    with pytest.raises(InputError) as refused:
        Settings(hold=Hold(**wrong))
    assert refused.value.key == key


def test_settings_summary_and_held_texts_survive_their_tables():
    settings = bounded("pass")
    assert Settings.loads(settings.to_toml()) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings
    guard = Guard(SETTINGS)
    decision = guard.push("Well.")
    assert pickle.loads(pickle.dumps(decision)).held == decision.held
    guard.release(0)
    _, summary = guard.finish()
    assert pickle.loads(pickle.dumps(summary)).hold == summary.hold
    assert json.loads(summary.to_json())["hold"]["pieces"] == 1


def test_finished_text_and_replays_ask_nobody():
    assert check("All is well. And", SETTINGS).ending == "complete"
    body = b'data: {"object":"chat.completion.chunk","choices":[{"delta":{"content":"Hi."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    summary = replay(Recording.load(body), SETTINGS)
    assert (summary.hold, summary.findings) == (None, [])


def test_an_unknown_id_is_refused():
    guard = Guard(SETTINGS)
    with pytest.raises(InputError, match="id is 3"):
        guard.release(3)


@pytest.mark.parametrize("kind", ["sync", "async", "async, refused before an earlier text is judged"])
def test_a_recording_holds_what_passed(tmp_path, kind):
    pieces = [piece.encode() for piece in PIECES]
    passes = b"All is well." if "before" in kind else b"All is well. It is."

    def moderate(held):
        return "And" not in held.text

    async def amoderate(held):
        if "It" in held.text and "before" in kind:
            await asyncio.sleep(60)
        return moderate(held)

    told = {"on_stop": "end", "record": tmp_path / "stream.jsonl"}

    async def main():
        return [item async for item in watch(arriving(pieces), SETTINGS, moderate=amoderate, **told)]

    items = list(watch(iter(pieces), SETTINGS, moderate=moderate, **told)) if kind == "sync" else asyncio.run(main())
    recording = Recording.load(tmp_path / "stream.jsonl")
    assert b"".join(chunk.data for chunk in recording.chunks) == b"".join(items) == passes


def test_a_recording_holds_what_passed_beside_checks_in_threads(tmp_path):
    told = {"moderate": lambda held: "And" not in held.text, "on_stop": "end", "record": tmp_path / "stream.jsonl"}

    async def main():
        return [item async for item in watch(arriving([piece.encode() for piece in PIECES]), SETTINGS, **told)]

    passed = b"".join(asyncio.run(main()))
    recording = Recording.load(tmp_path / "stream.jsonl")
    assert b"".join(chunk.data for chunk in recording.chunks) == passed
    # The refusal may come before the second text is judged.
    assert passed in (b"All is well.", b"All is well. It is.")
