"""Streams that stop before their semantic end, each way that it happens to the real SDKs."""

import asyncio

import anthropic
import httpx2
import openai
import pytest

import bodies
import midstream
import reading
import sdks
from provider import Cut, Provider, Reset

FRAGMENTS = ["All ", "is ", "well."]


@pytest.fixture(params=["sync", "async"])
def way(request):
    return request.param


def outcome(kind, way, script, **options):
    """The text that came, what was raised, and the stream."""

    async def main(client):
        stream = midstream.watch(await sdks.create(kind, client), **options)
        return *await reading.read_async(stream), stream

    with Provider(script) as provider:
        client = sdks.client(kind, provider, asynchronous=way == "async")
        if way == "async":
            got, error, stream = asyncio.run(main(client))
        else:
            stream = midstream.watch(sdks.create(kind, client), **options)
            got, error = reading.read(stream)
    return "".join(sdks.text(kind, item) for item in got), error, stream


def beginning(kind):
    """A stream that stops in the middle of the answer."""
    whole = sdks.BODIES[kind](FRAGMENTS)
    return whole[: next(i for i, event in enumerate(whole) if b"is " in event) + 1]


def test_a_whole_stream_is_complete(kind, way):
    got, error, stream = outcome(kind, way, sdks.BODIES[kind](FRAGMENTS))
    assert (got, error) == ("All is well.", None)
    summary = midstream.summary(stream)
    assert (summary.ending, summary.ending_notes, summary.findings) == ("complete", [], [])


def test_a_clean_close_before_the_end_raises(kind, way):
    got, error, stream = outcome(kind, way, beginning(kind))
    assert got == "All is "
    assert isinstance(error, midstream.StreamTruncated)
    assert error.text == "All is "
    assert error.summary.ending == "truncated"
    assert error.summary == midstream.summary(stream)


def test_a_clean_close_may_be_left_to_the_summary(kind, way):
    found = []
    got, error, stream = outcome(kind, way, beginning(kind), on_truncated="flag", on_finding=found.append)
    assert (got, error) == ("All is ", None)
    assert midstream.summary(stream).ending == "truncated"
    assert [(finding.check, finding.kind) for finding in found] == [("ending", "truncated")]


def test_an_empty_body_is_truncated(kind, way):
    _, error, _ = outcome(kind, way, [])
    assert isinstance(error, midstream.StreamTruncated)


@pytest.mark.parametrize("end", [Reset(), Cut()], ids=["reset", "cut"])
def test_an_abrupt_close_keeps_the_error_of_the_sdk(kind, way, end):
    _, error, stream = outcome(kind, way, [*beginning(kind), end])
    assert isinstance(error, httpx2.TransportError if kind == "messages" else openai.APIConnectionError)
    assert midstream.summary(stream).ending == "truncated"


def test_an_error_event_keeps_the_error_of_the_sdk(way):
    for kind, event, expected in [
        ("chat", bodies.CHAT_ERROR, openai.APIError),
        ("messages", bodies.MESSAGE_ERROR, anthropic.APIStatusError),
    ]:
        got, error, stream = outcome(kind, way, [*beginning(kind), event])
        assert isinstance(error, expected)
        assert got == "All is "
        assert midstream.summary(stream).ending == "failed"


def test_an_error_event_after_the_finish_reason_is_a_failure(way):
    script = [*bodies.chat(FRAGMENTS)[:-1], bodies.CHAT_ERROR, bodies.DONE]
    _, error, stream = outcome("chat", way, script)
    assert isinstance(error, openai.APIError)
    assert midstream.summary(stream).ending == "failed"


def test_a_finish_reason_without_done_is_complete(way):
    got, error, stream = outcome("chat", way, bodies.chat(FRAGMENTS)[:-1])
    assert (got, error) == ("All is well.", None)
    summary = midstream.summary(stream)
    assert (summary.ending, summary.ending_notes) == ("complete", ["no_end_mark"])


def test_cut_arguments_of_a_tool_call_are_truncated_at_a_clean_close(way):
    script = [bodies.chat_call("", "search"), bodies.chat_call('{"query": "all is w')]
    _, error, _ = outcome("chat", way, script)
    assert isinstance(error, midstream.StreamTruncated)
    assert "cut_tool_call" in error.summary.ending_notes
    assert [call.complete for call in error.summary.tool_calls] == [False]


def test_cut_arguments_of_a_tool_call_are_truncated_although_done_came(way):
    script = [
        bodies.chat_call("", "search"),
        bodies.chat_call('{"query": "all is w'),
        bodies.chat_chunk({}, "length"),
        bodies.DONE,
    ]
    _, error, stream = outcome("chat", way, script)
    assert isinstance(error, midstream.StreamTruncated)
    assert midstream.summary(stream).ending == "truncated"


def test_a_server_that_refuses_gives_the_error_of_the_sdk():
    with Provider([b'{"error": {"message": "no"}}'], status=429, content_type="application/json") as provider:
        client = midstream.wrap(sdks.client("chat", provider))
        with pytest.raises(openai.RateLimitError):
            sdks.create("chat", client)
