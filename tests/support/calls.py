"""Calls of official SDKs, each made in the same way by a client at any URL."""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import pytest

from answers import TOOL

__all__ = ["CALLS", "TWICE", "Call", "outcome"]

SAID: Any = [{"role": "user", "content": "Hi"}]
FUNCTION: Any = {"type": "function", "function": {"name": "search", "parameters": TOOL}}


@dataclass(frozen=True)
class Call:
    """One call of one SDK.

    Parameters
    ----------
    package : str
        What has to be installed.
    client : callable
        Makes the client from a URL, a key and whether it is an async one.
    make : callable
        Makes the call.
    """

    package: str
    client: Callable[[str, str, bool], Any]
    make: Callable[[Any], Any]

    def needs(self) -> None:
        """Skips aloud where the package is absent."""
        if find_spec(self.package.partition(".")[0]) is None or find_spec(self.package) is None:
            pytest.skip(f"{self.package} is not installed: make .venv/.peers")


def outcome(call: Call, url: str, asynchronous: bool = False, key: str = "k") -> tuple[list[Any], Exception | None]:
    """What a call gives, item by item, and the error it ends with."""
    items: list[Any] = []

    async def gathered() -> None:
        client = call.client(url, key, True)
        result = call.make(client)
        await read_async(await result if inspect.isawaitable(result) else result, items)

    try:
        if asynchronous:
            asyncio.run(gathered())
        else:
            client = call.client(url, key, False)
            read(call.make(client), items)
    except Exception as error:
        return items, error
    return items, None


def read(result: Any, items: list[Any]) -> None:
    if hasattr(result, "__enter__") and not hasattr(result, "__next__"):
        with result as stream:
            read(stream, items)
    elif is_one(result):
        items.append(plain(result))
    else:
        items.extend(plain(item) for item in result)


async def read_async(result: Any, items: list[Any]) -> None:
    if hasattr(result, "__aenter__") and not hasattr(result, "__anext__"):
        async with result as stream:
            await read_async(stream, items)
    elif is_one(result) and not hasattr(result, "__anext__"):
        items.append(plain(result))
    elif hasattr(result, "__aiter__"):
        async for item in result:
            items.append(plain(item))


def is_one(result: Any) -> bool:
    """Whether it is an answer and not a stream of them."""
    return hasattr(result, "model_dump") or not hasattr(result, "__iter__")


def plain(item: Any) -> Any:
    """What an item holds, without what belongs to one connection or one run."""
    if type(item).__name__ in ("AIMessage", "AIMessageChunk"):
        return [item.content, item.tool_calls, item.usage_metadata]
    if hasattr(item, "model_dump"):
        dumped = item.model_dump()
        dumped.pop("sdk_http_response", None)
        return dumped
    return repr(item)


def openai(url: str, key: str, asynchronous: bool) -> Any:
    from openai import AsyncOpenAI, OpenAI

    return (AsyncOpenAI if asynchronous else OpenAI)(api_key=key, base_url=f"{url}/v1", max_retries=0)


def anthropic(url: str, key: str, asynchronous: bool) -> Any:
    from anthropic import Anthropic, AsyncAnthropic

    return (AsyncAnthropic if asynchronous else Anthropic)(api_key=key, base_url=url, max_retries=0)


def ollama(url: str, key: str, asynchronous: bool) -> Any:
    from ollama import AsyncClient, Client

    return (AsyncClient if asynchronous else Client)(host=url, headers={"authorization": f"Bearer {key}"})


class Google:
    """The models of a client, which closes its connections when nobody holds it."""

    def __init__(self, url: str, key: str, asynchronous: bool, version: str | None = None) -> None:
        from google import genai

        self.client = genai.Client(api_key=key, http_options={"base_url": url, "api_version": version})
        models = self.client.aio.models if asynchronous else self.client.models
        self.generate_content = models.generate_content
        self.generate_content_stream = models.generate_content_stream


def v1beta(url: str, key: str, asynchronous: bool) -> Google:
    return Google(url, key, asynchronous, "v1beta")


class LangChain:
    """A chat model with the names of its calls alike, sync or async."""

    def __init__(self, url: str, key: str, asynchronous: bool) -> None:
        from langchain_openai import ChatOpenAI

        model = ChatOpenAI(model="m", api_key=key, base_url=f"{url}/v1", max_retries=0, stream_usage=True)
        self.invoke = model.ainvoke if asynchronous else model.invoke
        self.stream = model.astream if asynchronous else model.stream


def of_openai(make: Callable[[Any], Any]) -> Call:
    return Call("openai", openai, make)


def of_anthropic(make: Callable[[Any], Any]) -> Call:
    return Call("anthropic", anthropic, make)


def of_ollama(make: Callable[[Any], Any]) -> Call:
    return Call("ollama", ollama, make)


def of_google(make: Callable[[Any], Any]) -> Call:
    return Call("google.genai", Google, make)


def of_langchain(make: Callable[[Any], Any]) -> Call:
    return Call("langchain_openai", LangChain, make)


MESSAGE: Any = {"model": "m", "max_tokens": 9, "messages": SAID}
USED: Any = {"name": "search", "input_schema": TOOL}
GEMINI: Any = {"model": "gemini-2.5-flash", "contents": "Hi"}
DECLARED: Any = {"tools": [{"function_declarations": [{"name": "search", "parameters": TOOL}]}]}
NO_CALLING: Any = {"automatic_function_calling": {"disable": True}}

CALLS = {
    "openai-chat": of_openai(lambda c: c.chat.completions.create(model="m", messages=SAID)),
    "openai-chat-tools": of_openai(lambda c: c.chat.completions.create(model="m", messages=SAID, tools=[FUNCTION])),
    "openai-chat-stream": of_openai(lambda c: c.chat.completions.create(model="m", messages=SAID, stream=True)),
    "openai-chat-stream-tools": of_openai(
        lambda c: c.chat.completions.create(model="m", messages=SAID, tools=[FUNCTION], stream=True)
    ),
    "openai-chat-helper": of_openai(lambda c: c.chat.completions.stream(model="m", messages=SAID)),
    "openai-responses": of_openai(lambda c: c.responses.create(model="m", input="Hi")),
    "openai-responses-stream": of_openai(lambda c: c.responses.create(model="m", input="Hi", stream=True)),
    "openai-responses-helper": of_openai(lambda c: c.responses.stream(model="m", input="Hi")),
    "openai-completions": of_openai(lambda c: c.completions.create(model="m", prompt="Hi")),
    "openai-completions-stream": of_openai(lambda c: c.completions.create(model="m", prompt="Hi", stream=True)),
    "openai-embeddings": of_openai(lambda c: c.embeddings.create(model="m", input="Hi", encoding_format="float")),
    "openai-models": of_openai(lambda c: c.models.list()),
    "anthropic-messages": of_anthropic(lambda c: c.messages.create(**MESSAGE)),
    "anthropic-messages-tools": of_anthropic(lambda c: c.messages.create(**MESSAGE, tools=[USED])),
    "anthropic-messages-stream": of_anthropic(lambda c: c.messages.create(**MESSAGE, stream=True)),
    "anthropic-messages-stream-tools": of_anthropic(lambda c: c.messages.create(**MESSAGE, tools=[USED], stream=True)),
    "anthropic-messages-helper": of_anthropic(lambda c: c.messages.stream(**MESSAGE)),
    "anthropic-count-tokens": of_anthropic(lambda c: c.messages.count_tokens(model="m", messages=SAID)),
    "anthropic-models": of_anthropic(lambda c: c.models.list()),
    "ollama-chat": of_ollama(lambda c: c.chat(model="m", messages=SAID, stream=False)),
    "ollama-chat-stream": of_ollama(lambda c: c.chat(model="m", messages=SAID, stream=True)),
    "ollama-chat-stream-tools": of_ollama(lambda c: c.chat(model="m", messages=SAID, tools=[FUNCTION], stream=True)),
    "ollama-generate": of_ollama(lambda c: c.generate(model="m", prompt="Hi", stream=False)),
    "ollama-generate-stream": of_ollama(lambda c: c.generate(model="m", prompt="Hi", stream=True)),
    "ollama-list": of_ollama(lambda c: c.list()),
    "google-content": of_google(lambda c: c.generate_content(**GEMINI)),
    "google-content-stream": of_google(lambda c: c.generate_content_stream(**GEMINI)),
    "google-content-tools": of_google(lambda c: c.generate_content(**GEMINI, config=DECLARED | NO_CALLING)),
    "google-content-stream-tools": of_google(
        lambda c: c.generate_content_stream(**GEMINI, config=DECLARED | NO_CALLING)
    ),
    "google-v1beta": Call("google.genai", v1beta, lambda c: c.generate_content(**GEMINI)),
    "google-v1beta-stream": Call("google.genai", v1beta, lambda c: c.generate_content_stream(**GEMINI)),
    "langchain-chat": of_langchain(lambda c: c.invoke("Hi")),
    "langchain-chat-stream": of_langchain(lambda c: c.stream("Hi")),
    "langchain-chat-stream-tools": of_langchain(lambda c: c.stream("Hi", tools=[FUNCTION])),
}
"""The calls by name; those that end in ``-stream`` read one stream of text."""

MOST = {"maxOutputTokens": 1, "max_Output_Tokens": 2}
TWICE = {
    "openai-chat-twice": of_openai(
        lambda c: c.chat.completions.create(model="m", messages=SAID, extra_body={"Model": "n"})
    ),
    "openai-responses-twice": of_openai(
        lambda c: c.responses.create(model="m", input="Hi", stream=True, extra_body={"Model": "n"})
    ),
    "anthropic-messages-twice": of_anthropic(lambda c: c.messages.create(**MESSAGE, extra_body={"Model": "n"})),
    "ollama-chat-twice": of_ollama(
        lambda c: c.chat(model="m", messages=SAID, options={"num_predict": 1, "Num_Predict": 2})
    ),
    "google-content-twice": of_google(
        lambda c: c.generate_content(**GEMINI, config={"http_options": {"extra_body": {"generationConfig": MOST}}})
    ),
}
"""The same calls with a member that decides said twice, in two ways to write it."""
