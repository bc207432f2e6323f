"""Never run: mypy and pyright must find exactly these types, and refuse the calls marked as wrong."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import assert_type

import anthropic
import httpx2
import openai
from anthropic.lib.streaming import AsyncMessageStream, MessageStream
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent

import midstream
from midstream.stream import AsyncWatched, EitherWatched, Finding, Guard, Held, Hold, Settings, Summary, Watched


class Both:
    """Iterates both ways, as LiteLLM's streams do."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return ""

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        return ""


def pieces() -> Iterator[str]:
    yield ""


async def events() -> AsyncIterator[dict[str, int]]:
    yield {}


chat = openai.OpenAI().chat.completions.create(model="m", messages=[], stream=True)
assert_type(midstream.watch(chat), openai.Stream[ChatCompletionChunk])
assert_type(midstream.watch(chat, Settings()), openai.Stream[ChatCompletionChunk])
responses = openai.OpenAI().responses.create(model="m", input="", stream=True)
assert_type(midstream.watch(responses, Guard()), openai.Stream[ResponseStreamEvent])
messages = anthropic.Anthropic().messages.create(model="m", max_tokens=1, messages=[], stream=True)
assert_type(midstream.watch(messages), anthropic.Stream[RawMessageStreamEvent])

with anthropic.Anthropic().messages.stream(model="m", max_tokens=1, messages=[]) as stream:
    assert_type(midstream.watch(stream), MessageStream[None])

with midstream.watch(anthropic.Anthropic().messages.stream(model="m", max_tokens=1, messages=[])) as stream:
    assert_type(stream, MessageStream[None])
midstream.watch(openai.OpenAI().chat.completions.stream(model="m", messages=[]))  # type: ignore[type-var]  # pyright: ignore[reportCallIssue, reportArgumentType]

assert_type(midstream.watch(pieces()), Watched[str])
assert_type(midstream.watch(pieces()).summary, Summary)
assert_type(midstream.watch(events()), AsyncWatched[dict[str, int]])
assert_type(midstream.watch(Both()), EitherWatched[str])
assert_type(midstream.summary(chat), Summary)
assert_type(midstream.wrap(openai.AsyncOpenAI()), openai.AsyncOpenAI)
assert_type(midstream.wrap(anthropic.Anthropic(), Settings()), anthropic.Anthropic)

for piece in midstream.watch(pieces()):
    assert_type(piece, str)
with midstream.watch(pieces()) as watched:
    assert_type(watched, Watched[str])


async def asynchronous() -> None:
    """The same with await."""
    chat = openai.AsyncOpenAI().chat.completions.create(model="m", messages=[], stream=True)
    midstream.watch(chat)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert_type(midstream.watch(await chat), openai.AsyncStream[ChatCompletionChunk])
    messages = await anthropic.AsyncAnthropic().messages.create(model="m", max_tokens=1, messages=[], stream=True)
    assert_type(midstream.watch(messages), anthropic.AsyncStream[RawMessageStreamEvent])
    async with anthropic.AsyncAnthropic().messages.stream(model="m", max_tokens=1, messages=[]) as stream:
        assert_type(midstream.watch(stream), AsyncMessageStream[None])
    async for event in midstream.watch(events()):
        assert_type(event, dict[str, int])
    async with midstream.watch(events()) as watched:
        assert_type(watched, AsyncWatched[dict[str, int]])


def tell(finding: Finding) -> None: ...
def polite(held: Held) -> bool:
    return len(held.text) < 80


async def friendly(held: Held) -> str | None:
    return held.text or None


def misread(finding: int) -> None: ...


midstream.watch(pieces(), on_finding=tell, on_stop="end", on_truncated="flag")
assert_type(midstream.watch(responses, on_stop="finish"), openai.Stream[ResponseStreamEvent])
assert_type(midstream.wrap(openai.OpenAI(), on_stop="error"), openai.OpenAI)
midstream.watch(pieces(), Settings(hold=Hold()), moderate=polite)
midstream.watch(events(), Settings(hold=Hold()), moderate=friendly)
httpx2.Client(transport=midstream.Transport(httpx2.HTTPTransport(), Settings()))
httpx2.AsyncClient(transport=midstream.AsyncTransport(httpx2.AsyncHTTPTransport()))

midstream.watch(pieces(), "guard.toml")
midstream.Transport(httpx2.HTTPTransport(), Path("guard.toml"))

midstream.watch(3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
midstream.watch("text")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
midstream.watch(pieces(), on_stop="stop")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
midstream.watch(pieces(), on_finding=misread)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
midstream.watch(pieces(), moderate=misread)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
midstream.wrap(openai.OpenAI(), Guard())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
midstream.summary()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
