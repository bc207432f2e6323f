"""A stream that the guard stops ends once for the reader's own SDK: with its error, or as an answer that reached its length."""

import asyncio
import json

import httpx
import httpx2
import pytest

import bodies
import midstream
import reading
import sdks
from midstream.errors import InputError
from midstream.stream import AsyncTransport, Guard, Pace, Repeat, RepeatActions, Settings, Transport
from provider import Forever, Provider, Stall

LOOP = "I am done. "
STOPPED = {"ending": "halted", "check": "repeat", "kind": "exact", "action": "stop"}


@pytest.fixture
def looping(kind):
    head, event = sdks.LOOPED[kind]
    with Provider([*head, Forever((event,))]) as provider:
        yield provider


def sdk_error(kind):
    return (sdks.anthropic if kind == "messages" else sdks.openai).APIError


def is_the_guards(error):
    return "stopped by midstream: repeat/exact" in str(error)


def reason(kind, items):
    """Why an answer ended, as the items of a raw stream tell it, and what they say of MidStream."""
    match kind:
        case "chat":
            return items[-1].choices[0].finish_reason, items[-1].midstream
        case "responses":
            return items[-1].response.incomplete_details.reason, items[-1].midstream
        case _:
            return items[-2].delta.stop_reason, items[-2].midstream


REASONS = {"chat": "length", "responses": "max_output_tokens", "messages": "max_tokens"}


def test_the_sdk_raises_its_own_error(kind, looping):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, looping)), on_stop="error")
    items, error = reading.read(stream)
    assert isinstance(error, sdk_error(kind))
    assert is_the_guards(error)
    assert "".join(sdks.text(kind, item) for item in items).startswith(LOOP * 3)
    assert midstream.summary(stream).ending == "halted"
    assert looping.last().hung_up_s is not None


def test_the_sdk_sees_an_answer_that_reached_its_length(kind, looping):
    stream = midstream.watch(sdks.create(kind, sdks.client(kind, looping)), on_stop="finish")
    items, error = reading.read(stream)
    assert error is None
    assert reason(kind, items) == (REASONS[kind], STOPPED)
    assert midstream.summary(stream).ending == "halted"


def test_a_wrapped_clients_helper_raises_its_own_error(kind, looping):
    client = midstream.wrap(sdks.client(kind, looping), on_stop="error")
    with sdks.helper(kind, client) as stream:
        _, error = reading.read(stream)
    assert isinstance(error, sdk_error(kind))
    assert is_the_guards(error)


def test_a_wrapped_clients_helper_puts_the_finished_answer_together(kind, looping):
    client = midstream.wrap(sdks.client(kind, looping), on_stop="finish")
    with sdks.helper(kind, client) as stream:
        _, error = reading.read(stream)
        assert error is None
        match kind:
            case "chat":
                choice = stream.current_completion_snapshot.choices[0]
                assert (choice.finish_reason, choice.message.content.startswith(LOOP * 3)) == ("length", True)
            case "messages":
                message = stream.current_message_snapshot
                assert (message.stop_reason, message.content[0].text.startswith(LOOP * 3)) == ("max_tokens", True)
            case _:
                assert midstream.summary(stream).ending == "halted"


@pytest.mark.parametrize("on_stop", ["error", "finish"])
def test_async_clients_get_the_same_end(kind, looping, on_stop):
    async def main():
        client = sdks.client(kind, looping, asynchronous=True)
        return await reading.read_async(midstream.watch(await sdks.create(kind, client), on_stop=on_stop))

    items, error = asyncio.run(main())
    if on_stop == "error":
        assert isinstance(error, sdk_error(kind))
        assert is_the_guards(error)
    else:
        assert (error, reason(kind, items)) == (None, (REASONS[kind], STOPPED))


def test_completions_end_too():
    chunk = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
    event = bodies.sse(chunk | {"choices": [{"index": 0, "text": LOOP, "logprobs": None, "finish_reason": None}]})
    with Provider([Forever((event,))]) as provider:
        stream = sdks.client("chat", provider).completions.create(model="m", prompt="Hi", stream=True)
        items, error = reading.read(midstream.watch(stream, on_stop="finish"))
        assert (error, items[-1].choices[0].finish_reason, items[-1].id) == (None, "length", "c")
        stream = sdks.client("chat", provider).completions.create(model="m", prompt="Hi", stream=True)
        _, error = reading.read(midstream.watch(stream, on_stop="error"))
        assert is_the_guards(error)


def test_every_open_choice_is_finished_and_one_that_had_finished_is_not():
    def delta(index, content, finish=None):
        choice = {"index": index, "delta": {"content": content}, "finish_reason": finish}
        return bodies.sse(
            {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        )

    body = [delta(0, "Well."), delta(0, "", "stop"), delta(2, "Hm"), *[delta(1, LOOP)] * 40]
    with Provider(body) as provider:
        items, _ = reading.read(midstream.watch(sdks.create("chat", sdks.client("chat", provider)), on_stop="finish"))
    finished = [
        (choice.index, choice.finish_reason) for item in items for choice in item.choices if choice.finish_reason
    ]
    assert finished == [(0, "stop"), (2, "length"), (1, "length")]


LINE = json.dumps({"model": "m", "message": {"role": "assistant", "content": LOOP}, "done": False}).encode() + b"\n"


def test_ollama_gets_its_error_and_its_reason():
    ollama = pytest.importorskip("ollama", reason="ollama is not installed: make .venv/.tools")

    def read(on_stop):
        transport = httpx.MockTransport(
            lambda _: httpx.Response(200, content=LINE * 40, headers={"content-type": "application/x-ndjson"})
        )
        client = ollama.Client(transport=Transport(transport, on_stop=on_stop))
        return reading.read(client.chat(model="m", stream=True))

    items, error = read("finish")
    assert (error, items[-1].done, items[-1].done_reason) == (None, True, "length")
    _, error = read("error")
    assert isinstance(error, ollama.ResponseError)
    assert is_the_guards(error)


def test_gemini_gets_its_error_and_its_reason():
    genai = pytest.importorskip("google.genai", reason="google-genai is not installed: make .venv/.tools")
    content = b"".join(
        b"data: " + element.strip(b"[],\r\n") + b"\r\n\r\n" for element in bodies.gemini_array([LOOP] * 40)
    )

    def read(on_stop):
        headers = {"content-type": "text/event-stream"}
        transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=content))
        options = genai.types.HttpOptions(httpx_client=httpx.Client(transport=Transport(transport, on_stop=on_stop)))
        client = genai.Client(api_key="k", http_options=options)
        return reading.read(client.models.generate_content_stream(model="m", contents="Hi"))

    items, error = read("finish")
    assert (error, items[-1].candidates[0].finish_reason.name) == (None, "MAX_TOKENS")
    _, error = read("error")
    assert isinstance(error, genai.errors.APIError)
    assert is_the_guards(error)


@pytest.mark.parametrize("on_stop", ["error", "finish"])
def test_a_json_array_stays_one_at_every_split(on_stop):
    body = b"".join(bodies.gemini_array([LOOP] * 20))
    for size in (1, 7, 200, len(body)):
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        read = json.loads(b"".join(midstream.watch(iter(chunks), on_stop=on_stop)))
        assert ("error" in read[-1]) is (on_stop == "error")
        assert read[-1]["midstream"] == STOPPED


@pytest.mark.parametrize("on_stop", ["error", "finish"])
def test_an_iterator_of_bytes_gets_the_end_behind_the_event_that_fired(on_stop):
    body = b"".join(bodies.chat([LOOP] * 40)).replace(b"\n", b"\r\n")
    whole = None
    for size in (1, 5, 333, len(body)):
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        got = b"".join(midstream.watch(iter(chunks), on_stop=on_stop))
        whole = whole or got
        assert got == whole, size
    guard = Guard(Settings(shadow=True))
    guard.feed(whole)
    summary = guard.finish()[1]
    expected = ("failed", ["truncated"]) if on_stop == "error" else ("complete", ["length"])
    assert (summary.ending, summary.ending_notes) == expected
    assert whole.count(b"\n") == whole.count(b"\r\n")


@pytest.mark.parametrize("on_stop", ["error", "finish"])
@pytest.mark.parametrize("items", [[LOOP] * 9, [{"choices": []}]])
def test_items_without_bytes_take_no_end(on_stop, items):
    with pytest.raises(
        InputError, match=rf"^on_stop is '{on_stop}' for items of (str|dict), allowed there: 'raise', 'end'"
    ):
        list(midstream.watch(iter(items), on_stop=on_stop))


@pytest.mark.parametrize("on_stop", ["error", "finish"])
def test_where_no_end_can_be_written_the_guard_raises(on_stop):
    plain = midstream.watch(iter([LOOP.encode()] * 40), on_stop=on_stop)
    got, error = reading.read(plain)
    assert isinstance(error, midstream.GuardStopped)
    assert plain.summary.dialect == "text"
    assert b"".join(got) in LOOP.encode() * 40


@pytest.mark.parametrize("on_stop", ["end", "error", "finish"])
def test_reasoning_that_is_ended_raises_whatever_a_stop_does(on_stop):
    ends = Settings(repeat=Repeat(reasoning=RepeatActions(exact="end_reasoning")))
    body = [*bodies.chat(["x"])[:1], *[bodies.chat_chunk({"reasoning_content": LOOP})] * 40]
    with pytest.raises(midstream.GuardStopped, match="ended the reasoning"):
        list(midstream.watch(iter(body), ends, on_stop=on_stop))


def test_an_async_transport_writes_the_end_of_a_stall_inside_an_event():
    chunk = bodies.chat_chunk({"content": "Hello"})
    settings = Settings(pace=Pace(stall="stop", idle_s=0.05))

    async def read(script):
        with Provider(script) as provider:
            transport = AsyncTransport(httpx2.AsyncHTTPTransport(), settings, on_stop="error")
            http = httpx2.AsyncClient(transport=transport)
            client = sdks.openai.AsyncOpenAI(api_key="k", base_url=provider.url, max_retries=0, http_client=http)
            return await reading.read_async(await sdks.create("chat", client))

    items, error = asyncio.run(read([chunk, Stall()]))
    assert (len(items), "stopped by midstream: pace/stall" in str(error)) == (1, True)
    items, error = asyncio.run(read([chunk, chunk[:40], Stall()]))
    assert (len(items), type(error)) == (1, midstream.GuardStopped)


def test_a_guard_gives_the_end_with_finish_and_only_after_a_decision():
    chunks = bodies.chat([LOOP] * 40)
    guard = Guard(end="finish")
    decision = next(decision for decision in map(guard.feed, chunks) if decision.halted)
    assert decision.action == "stop"
    end = guard.finish("stopped")[0].forward
    assert json.loads(end.split(b"\n")[0].removeprefix(b"data: "))["midstream"] == STOPPED
    assert end.endswith(b"data: [DONE]\n\n")
    for how in ("stopped", "clean", "client_left"):
        guard = Guard(end="finish")
        guard.feed(chunks[0])
        assert guard.finish(how)[0].forward == b""
    with pytest.raises(InputError, match='no end is named "finsh"; did you mean "finish"'):
        Guard(end="finsh")


def test_an_answer_that_had_its_end_gets_no_second_one():
    def late(chunks):
        guard = Guard(Settings(pace=Pace(stall="stop")), end="error")
        for chunk in chunks:
            guard.feed(chunk, 0)
        assert guard.tick(10**15).halted is (len(chunks) < 4)
        return guard.finish("stopped", 10**15)[0].forward

    chunks = bodies.chat(["Hi"])
    assert late(chunks[:2]).startswith(b'data: {"error"')
    assert late(chunks[:3]) == b""
