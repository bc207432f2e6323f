"""Results are values: they compare, copy and travel to another process."""

import copy
import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

import bodies
import looping
from midstream.errors import GuardStopped, InputError, StreamTruncated
from midstream.stream import Channel, Chunk, Finding, Guard, PaceSummary, Recording, Summary, ToolCall, Usage, check

CALL = bodies.chat_call('{"a": 1}', "look")


def decided():
    """The decision that stops a loop, and the summary of its stream."""
    guard = Guard(started_ns=0)
    body = b"".join([*bodies.chat(["I am done. "] * 20)[:-1], CALL, bodies.DONE])
    decision = guard.feed(body, 3_333_333)
    return decision, guard.finish("clean", 7_777_777)[1]


def results():
    decision, summary = decided()
    plain = [decision, summary, decision.findings[0], decision.events[0], summary.usage, summary.pace]
    called = Guard()
    called.feed(CALL)
    told = called.finish()[1]
    reported = Guard().feed(b"".join(bodies.chat(["Hi"]))).events
    return [*plain, summary.channels[0], told.tool_calls[0], told.findings[0], *reported]


@pytest.mark.parametrize("result", results(), ids=lambda result: type(result).__name__)
@pytest.mark.parametrize(
    "twin",
    [copy.copy, copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result))],
    ids=["copy", "deep", "pickle"],
)
def test_a_result_equals_its_copy(result, twin):
    copied = twin(result)
    assert type(copied) is type(result)
    assert copied == result
    assert repr(copied) == repr(result)


def test_results_that_differ_are_not_equal():
    one, other = check("All is well."), check("All is well!!")
    assert one != other
    assert one.channels != other.channels
    first, second = (Guard().feed(chunk, 0) for chunk in (bodies.chat(["a"])[1], bodies.chat(["b"])[1]))
    assert first != second
    assert first.events != second.events
    assert first.events[0] != "an event"


@pytest.mark.parametrize("kind", [Channel, Finding, PaceSummary, Summary, ToolCall, Usage])
def test_a_result_reads_the_json_it_wrote(kind):
    (result,) = [result for result in results() if type(result) is kind][:1]
    assert kind.from_json(result.to_json()) == result
    assert json.loads(result.to_json()) == json.loads(kind.from_json(result.to_json()).to_json())


def test_json_that_lacks_a_field_is_refused_with_its_name():
    with pytest.raises(InputError, match=r"^json holds no Usage: missing field `source`"):
        Usage.from_json('{"input": 1}')


@pytest.mark.parametrize(("error", "name"), [(GuardStopped, "stopped"), (StreamTruncated, "truncated")])
def test_an_error_survives_pickle_and_copy_with_what_it_tells(error, name):
    with pytest.raises(error) as caught:
        getattr(looping, name)()
    told = caught.value
    for twin in (pickle.loads(pickle.dumps(told)), copy.copy(told), copy.deepcopy(told)):
        assert (str(twin), twin.summary, twin.text) == (str(told), told.summary, told.text)
        assert vars(twin) == vars(told)


@pytest.fixture(scope="module")
def elsewhere():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


def test_a_summary_comes_back_from_another_process(elsewhere):
    summary = elsewhere.submit(check, "I am done. " * 20).result()
    assert summary == check("I am done. " * 20)


def test_a_stop_in_another_process_is_raised_here(elsewhere):
    with pytest.raises(GuardStopped, match="repeat/exact") as caught:
        elsewhere.submit(looping.stopped).result()
    assert caught.value.finding == check("I am done. " * 20).findings[0]
    assert caught.value.summary.ending == "halted"


def test_a_recording_survives_pickle():
    recording = Recording(chunks=[Chunk(0, b"data: [DONE]")], request={"model": "m"})
    assert pickle.loads(pickle.dumps(recording)) == recording
