"""What is handed in and not allowed is told with its name, and with what is allowed."""

import array
import copy
import pickle
from typing import Any

import pytest
from pydantic import BaseModel

import bodies
import midstream
from midstream.errors import InputError, MidstreamError, StateError, UnknownArgument
from midstream.stream import (
    AgentChecks,
    Checks,
    Chunk,
    Ending,
    Guard,
    Pace,
    Record,
    Recording,
    Repeat,
    RepeatActions,
    Replay,
    Settings,
    Summary,
    Table,
    Trace,
    check,
    replay,
)

HI = b"".join(bodies.chat(["Hi"]))


@pytest.mark.parametrize(
    ("given", "nearest"), [("openai", "openai-chat"), ("anthropic", "anthropic-messages"), ("Gemini", "gemini")]
)
def test_the_beginning_of_a_dialect_names_the_nearest(given: str, nearest: str) -> None:
    with pytest.raises(InputError, match=rf'^no dialect is named "{given}"; did you mean "{nearest}"\? known: '):
        Guard(dialect=given)


@pytest.mark.parametrize("table", [Ending, Pace, Repeat, RepeatActions, Settings])
def test_an_unknown_setting_names_the_nearest(table: Any) -> None:
    known = next(iter(table.__dataclass_fields__))
    with pytest.raises(
        UnknownArgument, match=rf"^{table.__name__} has no setting '{known}x'; did you mean '{known}'\?"
    ):
        table(**{f"{known}x": 1})
    with pytest.raises(TypeError, match=r"known: "):
        table(zzzzzz=1)


def test_settings_are_given_by_name() -> None:
    known = "actions, budget, ending, hold, pace, redact, repeat, shadow"
    with pytest.raises(TypeError, match=f"^Settings takes its settings by name: {known}"):
        Settings(Pace())  # type: ignore[misc]


def test_an_unknown_argument_is_told_in_facts_that_survive() -> None:
    with pytest.raises(UnknownArgument) as caught:
        Settings(repaet=1)  # type: ignore[call-arg]
    for twin in (caught.value, pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert (twin.name, twin.nearest) == ("repaet", "repeat")


@pytest.mark.parametrize("name", ["txt", "audio"])
def test_channels_are_kinds_that_hold_text(name: str) -> None:
    with pytest.raises(InputError, match=r"known: reasoning, refusal, text, tool$"):
        Guard().push("x", channel=name)


@pytest.mark.parametrize("status", [0, -1, 99, 1000, 99999, 10**40])
def test_a_status_out_of_range_is_refused(status: int) -> None:
    with pytest.raises(InputError, match=r"^http_status is .*, allowed is an integer from 100 to 999"):
        Guard(http_status=status)


@pytest.mark.parametrize("given", ["200", 200.0, True, b"", object()])
def test_numbers_are_integers(given: Any) -> None:
    kind = type(given).__name__
    with pytest.raises(TypeError, match=f"^http_status is {kind}, allowed: an integer from 100 to 999"):
        Guard(http_status=given)
    for made in (Guard, Checks):
        with pytest.raises(TypeError, match=f"^started_ns is {kind}, allowed: an integer of nanoseconds"):
            made(started_ns=given)
        for call in (made().tick, made().resume, lambda now_ns, made=made: made().push("x", now_ns=now_ns)):
            with pytest.raises(TypeError, match=f"^now_ns is {kind}, allowed: an integer of nanoseconds"):
                call(now_ns=given)


@pytest.mark.parametrize("given", [10**40, -(10**40), 1 << 63])
def test_times_fit_into_64_bits(given: int) -> None:
    with pytest.raises(InputError, match=r"^now_ns is beyond 64 bits, allowed is"):
        Guard().feed(b"x", given)
    with pytest.raises(InputError, match=r"^started_ns is beyond 64 bits, allowed is"):
        Guard(started_ns=given)


@pytest.mark.parametrize("times", [(-(1 << 63), (1 << 63) - 1), ((1 << 63) - 1, -(1 << 63)), (0, -5, -5)])
def test_any_times_are_read_and_those_that_go_back_are_counted(times: tuple[int, ...]) -> None:
    guard = Guard(started_ns=times[0])
    for now_ns in times:
        assert guard.feed(HI, now_ns).forward is HI
        guard.tick(now_ns)
    assert guard.finish("clean", times[-1])[1].clock_regressions == sum(
        later < max(times[: at + 1]) for at, later in enumerate(times)
    ) * 2 + (times[-1] < max(times))


@pytest.mark.parametrize(
    "buffer", [bytearray, memoryview, lambda data: array.array("b", data), lambda d: memoryview(d)[::1]]
)
def test_any_buffer_is_read_and_a_copy_of_it_passed_on(buffer: Any) -> None:
    guard = Guard()
    decision = guard.feed(buffer(HI))
    assert type(decision.forward) is bytes
    assert decision.forward == HI
    assert decision.events == Guard().feed(HI, decision.events[0].at_ns).events


@pytest.mark.parametrize("given", ["text", 5, None, [1], 1.5])
def test_a_chunk_is_a_buffer(given: Any) -> None:
    kind = type(given).__name__
    with pytest.raises(TypeError, match=f"^chunk is {kind}, allowed: bytes, bytearray, memoryview; text goes to push"):
        Guard().feed(given)


def test_a_released_buffer_is_refused() -> None:
    released = memoryview(b"x")
    released.release()
    with pytest.raises(InputError, match=r"^chunk cannot be read: "):
        Guard().feed(released)


def test_half_of_a_surrogate_pair_is_one_unknown_character() -> None:
    assert check("a\ud800b").channels[0].characters == 3
    assert check("\ud83d\ude00").channels[0].characters == 1
    guard = Guard(keep_text=True)
    assert guard.push("a\udfff").events[-1].text == "a\ufffd"
    assert guard.text == "a\ufffd"
    with pytest.raises(InputError, match="no dialect is named"):
        Guard(dialect="\ud800")
    assert Guard(content_type="\ud800").feed(HI).action == "pass"
    read = list(midstream.watch(iter(["a\ud800", "b"])))
    assert read == ["a\ud800", "b"]


class Model(BaseModel):
    object: str = "chat.completion.chunk"
    choices: list[Any]


@pytest.mark.parametrize(
    "made", [lambda choices: {"object": "chat.completion.chunk", "choices": choices}, lambda c: Model(choices=c)]
)
def test_half_of_a_surrogate_pair_in_an_event_is_one_unknown_character(made: Any) -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a": "\ud800"}'}}
    guard = Guard()
    events = guard.push(made([{"index": 0, "delta": {"content": "a\ud800.", "tool_calls": [call]}}])).events
    assert [event.text for event in events if event.text] == ["a\ufffd.", '{"a": "\ufffd"}']


@pytest.mark.parametrize("event", [{"a": {1, 2, object()}}, {(1, 2): 3}, {"a": object()}])
def test_an_event_that_json_cannot_hold_is_refused(event: Any) -> None:
    with pytest.raises(InputError, match=r"^an event is a dict that JSON cannot hold: "):
        Guard().push(event)


@pytest.mark.parametrize("given", [{}, 5, b""])
def test_settings_of_another_type_are_named_as_the_argument_is(given: Any) -> None:
    with pytest.raises((TypeError, InputError), match=r"^guard is .*Settings"):
        check("x", given)
    with pytest.raises(
        TypeError, match=r"^settings is .*, allowed: midstream\.stream\.Settings, path of a guard file or None$"
    ):
        Guard(given)


def test_finished_text_is_not_checked_with_a_guard() -> None:
    with pytest.raises(StateError, match="finished text is checked with Settings"):
        check("x", Guard())  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["x", None, b"", 5])
def test_only_a_recording_is_played(given: Any) -> None:
    with pytest.raises(
        TypeError, match=f"^recording is {type(given).__name__}, allowed: Recording; Recording.load reads"
    ):
        replay(given)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"chunks": None}, "chunks is NoneType, allowed: a sequence of Chunk"),
        ({"chunks": "ab"}, "chunks[0] is str, allowed: Chunk(t_ns, data, direction)"),
        ({"chunks": [Chunk(0, b""), (1,)]}, "chunks[1] is tuple, allowed: Chunk(t_ns, data, direction)"),
        ({"chunks": [(0.5, b"")]}, "chunks[0].t_ns is 0.5, allowed are integers of 64 bits and None"),
        ({"chunks": [(1 << 63, b"")]}, f"chunks[0].t_ns is {1 << 63}, allowed are integers of 64 bits and None"),
        ({"chunks": [(0, "a")]}, "chunks[0].data is str, allowed: bytes"),
        ({"chunks": [(0, b"", "up")]}, 'chunks[0].direction is \'up\', allowed are "in" and "out"'),
        ({"end": 5}, "end is 5, allowed are clean, abrupt, client_left, stopped, gave_up and None"),
        ({"end_ns": "1"}, "end_ns is '1', allowed are integers of 64 bits and None"),
        ({"model": 5}, "model is int, allowed: str or None"),
        ({"usage": 5}, "usage is int, allowed: Mapping or None"),
        ({"left_out": 5}, "left_out is int, allowed: str or None"),
        ({"from_request": 5}, "from_request is int, allowed: True or False"),
        ({"findings": 5}, "findings is 5, allowed: a sequence of mappings"),
        ({"findings": ["x"]}, "findings is ['x'], allowed: a sequence of mappings"),
        ({"url": "http://[x"}, "url is 'http://[x', allowed is a URL: Invalid IPv6 URL"),
    ],
)
def test_the_fields_of_a_recording_are_checked(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((InputError, TypeError)) as caught:
        Recording(**({"chunks": []} | fields))
    assert str(caught.value) == message


def test_a_recording_takes_any_bytes_and_any_text(tmp_path: Any) -> None:
    recording = Recording(chunks=[(0, bytearray(b"a"))], model="\ud800")  # type: ignore[list-item]
    recording.save(tmp_path / "a.jsonl")
    assert Recording.load(tmp_path / "a.jsonl").model == "\ud800"


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_a_path_that_no_file_can_have_is_refused(path: str) -> None:
    with pytest.raises(InputError, match=r"^source is .*, which no file is named"):
        Recording.load(path)


@pytest.mark.parametrize("call", ["feed", "push", "push_json", "tick", "resume", "finish"])
def test_after_the_end_every_call_is_out_of_order(call: str) -> None:
    guard = Guard()
    guard.finish()
    given = {"feed": [b""], "push": ["x"], "push_json": ["{}"]}.get(call, [])
    with pytest.raises(StateError, match=r"^the guard is finished; a second stream needs a new Guard$") as caught:
        getattr(guard, call)(*given)
    assert isinstance(caught.value, MidstreamError)


class Elements:
    """An array that cannot say whether it equals a word."""

    def __eq__(self, _: object) -> bool:
        raise ValueError("the truth value of an array is ambiguous")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "call",
    [
        lambda given: midstream.watch(iter(["x"]), on_stop=given),
        lambda given: midstream.watch(iter(["x"]), on_truncated=given),
        lambda given: Recording(chunks=[], end=given),
        lambda given: Recording(chunks=[(0, b"", given)]),
        lambda given: Settings(repeat=Repeat(counter_stop_copies=given)),
        lambda given: Settings(repeat=Repeat(reasoning=RepeatActions(exact=given))),
        lambda given: Settings.from_dict({"repeat": {"reasoning": {"near": given}}}),
        lambda given: Settings.from_dict({"pace": given}),
        lambda given: Settings.from_dict({"shadow": given}),
    ],
)
def test_a_word_is_not_compared_with_what_is_none(call: Any) -> None:
    with pytest.raises(InputError, match=r" is <.*(allowed|known)"):
        call(Elements())


@pytest.mark.parametrize("given", [None, "x", [], b"", 5])
def test_settings_are_made_from_a_mapping(given: Any) -> None:
    with pytest.raises(TypeError, match=f"^tables is {type(given).__name__}, allowed: a mapping of tables$"):
        Settings.from_dict(given)


def test_a_path_that_no_file_can_have_is_not_written(tmp_path: Any) -> None:
    with pytest.raises(InputError, match=r"^path is .*, which no file is named"):
        Recording(chunks=[]).save(f"{tmp_path}/a\0b")


GUARD, AGENT, RECORDING = Guard(), AgentChecks(), Recording(chunks=[])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Guard(dialect=5), "dialect is int, allowed: str"),
        (lambda: Guard(framing=None), "framing is NoneType, allowed: str"),
        (lambda: Guard(content_type=b"x"), "content_type is bytes, allowed: str or None"),
        (lambda: Guard(end=True), "end is bool, allowed: str"),
        (lambda: Guard(keep_text=1), "keep_text is int, allowed: True or False"),
        (lambda: Checks(keep_text="x"), "keep_text is str, allowed: True or False"),
        (lambda: GUARD.push("x", channel=5), "channel is int, allowed: str"),
        (lambda: GUARD.push_json({}), "json is dict, allowed: str"),
        (lambda: GUARD.release("x"), "id is str, allowed: an integer, the id of a Held"),
        (lambda: GUARD.release(-1), "id is -1, allowed is an integer, the id of a Held"),
        (lambda: GUARD.refuse(None), "id is NoneType, allowed: an integer, the id of a Held"),
        (lambda: GUARD.refuse(1, 5), "reason is int, allowed: str"),
        (lambda: GUARD.finish(5), "how is int, allowed: str"),
        (lambda: Guard.restore("x"), "data is str, allowed: bytes, which snapshot gave"),
        (lambda: AgentChecks.restore(None), "data is NoneType, allowed: bytes, which snapshot gave"),
        (lambda: AGENT.call(5, {}), "tool is int, allowed: str"),
        (lambda: AGENT.call("x", id=5), "id is int, allowed: str or None"),
        (lambda: AGENT.result("x", id=5), "id is int, allowed: str or None"),
        (lambda: AGENT.result("x", tool=b"x"), "tool is bytes, allowed: str or None"),
        (lambda: AGENT.result("x", failed="yes"), "failed is str, allowed: True, False or None"),
        (lambda: AGENT.message(None), "text is NoneType, allowed: str"),
        (lambda: AGENT.message("x", agent=5), "agent is int, allowed: str"),
        (lambda: AGENT.messages(None), "messages is NoneType, allowed is a list of mappings or pydantic models"),
        (lambda: AGENT.messages({}), "messages is dict, allowed is a list of mappings or pydantic models"),
        (lambda: AGENT.messages([{}, 5]), "messages[1] is int, allowed is a mapping or a pydantic model"),
        (lambda: AGENT.messages([{}, "x"]), "messages[1] is str, allowed is a mapping or a pydantic model"),
        (lambda: Summary.from_json(5), "json is int, allowed: str"),
        (lambda: Settings.load(5), "path is int, allowed: a path; loads reads text"),
        (lambda: Settings.loads(5), "text is int, allowed: str or bytes of TOML; load reads a file"),
        (lambda: Recording.load(5), "source is int, allowed: a path or the bytes of a recording"),
        (lambda: Trace.load_all(None), "source is NoneType, allowed: a path or the bytes of a recording"),
        (lambda: RECORDING.save(None), "path is NoneType, allowed: a path"),
        (lambda: Trace(5), "document is 5, allowed is an object"),
        (lambda: Replay.of(RECORDING, on_decided=5), "on_decided is int, allowed: a callable or None"),
        (lambda: Record("x", request=5), "request is int, allowed: True or False"),
        (lambda: Table(5, []), "columns is int, allowed: a mapping of names to Arrow types"),
        (lambda: Table({}, 5), "rows is int, allowed: an iterable of tuples, one a row"),
    ],
)
def test_a_value_of_another_type_is_told_with_its_argument(call: Any, message: str) -> None:
    with pytest.raises((TypeError, InputError)) as caught:
        call()
    assert str(caught.value) == message


def test_a_message_that_json_cannot_hold_is_told_by_its_index() -> None:
    with pytest.raises(InputError, match=r"^messages\[1\] is a dict that JSON cannot hold: "):
        AgentChecks().messages([{}, {"a": object()}])


def test_text_is_text() -> None:
    with pytest.raises(TypeError, match=r"^text is bytes, allowed: str$"):
        check(b"x")  # type: ignore[arg-type]
