"""Recorded streams, stopped at random events: the official SDKs read the one end that they get as their own."""

import random

import anthropic
import httpx
import httpx2
import openai
import pytest

import recorded
import sdks
from midstream.stream import Guard, Pace, Repeat, Settings

CUTS = 6
LATE_NS = 10**15
STALLS = Settings(pace=Pace(stall="stop"), repeat=Repeat(exact="off", counter="off"))
MESSAGE = "stopped by midstream: pace/stall"


def ended(body: bytes, cut: int, end: str) -> tuple[bytes, str, bool]:
    """The body up to a cut with its end, the text so far, and whether there is an end."""
    guard = Guard(STALLS, end=end, keep_text=True, content_type="text/event-stream")
    for line in body[:cut].splitlines(keepends=True):
        guard.feed(line, 0)
    assert guard.tick(LATE_NS).halted
    closing = guard.finish("stopped", LATE_NS)[0].forward
    return body[:cut] + closing, guard.text, bool(closing)


def cuts(name: str, body: bytes, border: bytes) -> list[int]:
    """Some ends of events, the first left out: an answer has begun."""
    ends = [at + len(border) for at in range(len(body)) if body.startswith(border, at)]
    return sorted(random.Random(name).sample(ends[1:-1], min(CUTS, len(ends[1:-1]))))


@pytest.mark.parametrize("kind", sdks.KINDS)
@pytest.mark.parametrize("end", ["error", "finish"])
def test_sdk_accumulators_read_the_end(data, kind, end):
    read = 0
    for name, body in recorded.of_kind(data, kind).items():
        if body.count(b"event: message_start") > 1 or accumulated(kind, body)[1] is not None:
            continue  # the SDK gives up on the whole recording, or reads its first response alone
        for cut in cuts(name, body, b"\n\n"):
            stopped, text, has_end = ended(body, cut, end)
            if not has_end:
                continue
            snapshot, error = accumulated(kind, stopped)
            context = f"{name} at {cut}: {error!r}"
            if end == "error":
                assert isinstance(error, (anthropic if kind == "messages" else openai).APIError), context
                assert MESSAGE in str(error), context
            else:
                assert error is None, context
                assert reasons(kind, snapshot) <= {"length", "max_tokens", "stop", "tool_calls", None}, context
                assert text_of(kind, snapshot) == text, context
            read += 1
    assert read > 20, read


def accumulated(kind, body):
    """What the SDK's own accumulator makes of a body, and what it raised."""

    def answer(_):
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    sdk = anthropic.Anthropic if kind == "messages" else openai.OpenAI
    snapshot = None
    with sdks.helper(kind, sdk(api_key="k", http_client=http, max_retries=0)) as stream:
        try:
            for item in stream:
                match kind:
                    case "chat":
                        snapshot = stream.current_completion_snapshot
                    case "messages":
                        snapshot = stream.current_message_snapshot
                    case _:
                        snapshot = getattr(item, "response", snapshot)
        except Exception as error:
            return snapshot, error
    return snapshot, None


def reasons(kind, snapshot):
    match kind:
        case "chat":
            return {choice.finish_reason for choice in snapshot.choices}
        case "messages":
            return {snapshot.stop_reason}
        case _:
            assert snapshot.status == "incomplete"
            return {"length"} if snapshot.incomplete_details.reason == "max_output_tokens" else set()


def text_of(kind, snapshot):
    match kind:
        case "chat":
            return "".join(choice.message.content or "" for choice in snapshot.choices)
        case "messages":
            return "".join(block.text for block in snapshot.content if block.type == "text")
        case _:
            return snapshot.output_text


@pytest.mark.parametrize("end", ["error", "finish"])
def test_google_genai_reads_the_end(data, end):
    genai = pytest.importorskip("google.genai", reason="google-genai is not installed: make .venv/.tools")

    def read(body):
        headers = {"content-type": "text/event-stream"}
        transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=body))
        options = genai.types.HttpOptions(httpx_client=httpx.Client(transport=transport))
        client = genai.Client(api_key="k", http_options=options)
        return list(client.models.generate_content_stream(model="m", contents="Hi"))

    compared = 0
    for name, body in recorded.of_format(data, "gemini").items():
        for cut in cuts(name, body, b"\r\n\r\n" if b"\r\n\r\n" in body else b"\n\n"):
            stopped, _, has_end = ended(body, cut, end)
            if not has_end:
                continue
            if end == "error":
                with pytest.raises(genai.errors.APIError, match=MESSAGE):
                    read(stopped)
            else:
                assert read(stopped)[-1].candidates[0].finish_reason.name == "MAX_TOKENS", name
            compared += 1
    assert compared > 5, compared


@pytest.mark.parametrize("end", ["error", "finish"])
def test_ollama_reads_the_end(data, end):
    ollama = pytest.importorskip("ollama", reason="ollama is not installed: make .venv/.tools")
    for name, body in recorded.of_format(data, "ollama-ndjson").items():
        for cut in cuts(name, body, b"\n"):
            stopped, _, has_end = ended(body, cut, end)
            assert has_end, name
            transport = httpx.MockTransport(lambda _, stopped=stopped: httpx.Response(200, content=stopped))
            client = ollama.Client(transport=transport)
            chats = b'"message"' in body.partition(b"\n")[0]
            parts = client.chat(model="m", stream=True) if chats else client.generate(model="m", stream=True)
            if end == "error":
                with pytest.raises(ollama.ResponseError, match=MESSAGE):
                    list(parts)
            else:
                *_, last = parts
                assert (last.done, last.done_reason) == (True, "length")
