"""Streams of ollama, google-genai, LangChain and LiteLLM from a provider on loopback, opened in the same way."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import pytest

import bodies
from provider import Provider

# Nothing but loopback: neither prices nor traces are asked for or sent.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("LANGSMITH_TRACING", "false")

LOOP = "I am done. "
SAID: Any = [{"role": "user", "content": "Hi"}]


@dataclass(frozen=True)
class Sdk:
    """How one SDK opens a stream and what its items are."""

    package: str
    """What has to be installed."""
    body: Callable[[Iterable[str]], list[bytes]]
    """A whole body, one item a chunk, the first of which may have no text."""
    open: Callable[[Provider, bool], Any]
    """A stream; of an async client it is still to be awaited if it can be."""
    text: Callable[[Any], str]
    item: str
    """The class of the items."""
    finish: str
    call: list[bytes] | None = None
    """A body that calls the tool ``search``."""
    content_type: str = "text/event-stream"
    head: int = 1
    """Chunks before the first fragment."""

    def looped(self) -> tuple[list[bytes], bytes]:
        """How a stream begins, and an event of a loop."""
        *head, event = self.body([LOOP])[: self.head + 1]
        return head, event


def root(provider: Provider) -> str:
    return provider.url.removesuffix("/v1")


def ollama_client(provider: Provider, asynchronous: bool, **options: Any) -> Any:
    import ollama

    return (ollama.AsyncClient if asynchronous else ollama.Client)(host=root(provider), **options)


def google_client(provider: Provider, **options: Any) -> Any:
    from google import genai

    return genai.Client(api_key="k", http_options={"base_url": root(provider), **options})


def google(provider: Provider, asynchronous: bool, **options: Any) -> Any:
    client = google_client(provider, **options)
    models = client.aio.models if asynchronous else client.models
    # The client closes its connections when nobody holds it.
    KEPT.append(client)
    return models.generate_content_stream(model="gemini-2.5-flash", contents="Hi")


KEPT: list[Any] = []


def langchain_model(provider: Provider, **options: Any) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="m", api_key="k", base_url=provider.url, **options)


def langchain(provider: Provider, asynchronous: bool, **options: Any) -> Any:
    model = langchain_model(provider, **options)
    return model.astream("Hi") if asynchronous else model.stream("Hi")


def litellm_of(model: str, base: Callable[[Provider], str]) -> Callable[[Provider, bool], Any]:
    def opened(provider: Provider, asynchronous: bool) -> Any:
        import litellm

        litellm.suppress_debug_info = True
        completion = litellm.acompletion if asynchronous else litellm.completion
        options = {"stream_options": {"include_usage": True}, "api_base": base(provider), "api_key": "k"}
        return completion(model=model, messages=SAID, stream=True, **options)

    return opened


def chunk_text(item: Any) -> str:
    return "".join(choice.delta.content or "" for choice in item.choices)


def message_text(item: Any) -> str:
    return "".join(part.get("text", "") for part in item.content) if isinstance(item.content, list) else item.content


SDKS = {
    "ollama-chat": Sdk(
        package="ollama",
        body=bodies.ollama_chat,
        open=lambda provider, asynchronous: ollama_client(provider, asynchronous).chat(
            model="m", messages=SAID, stream=True
        ),
        text=lambda item: item.message.content or "",
        item="ChatResponse",
        finish="stop",
        call=bodies.ollama_call(),
        content_type="application/x-ndjson",
        head=0,
    ),
    "ollama-generate": Sdk(
        package="ollama",
        body=bodies.ollama_generate,
        open=lambda provider, asynchronous: ollama_client(provider, asynchronous).generate(
            model="m", prompt="Hi", stream=True
        ),
        text=lambda item: item.response,
        item="GenerateResponse",
        finish="stop",
        content_type="application/x-ndjson",
        head=0,
    ),
    "google-genai": Sdk(
        package="google.genai",
        body=bodies.gemini,
        open=google,
        text=lambda item: item.text or "",
        item="GenerateContentResponse",
        finish="STOP",
        call=bodies.gemini_call(),
        head=0,
    ),
    "langchain-chat": Sdk(
        package="langchain_openai",
        body=bodies.chat_with_usage,
        open=lambda provider, asynchronous: langchain(provider, asynchronous, stream_usage=True),
        text=message_text,
        item="AIMessageChunk",
        finish="stop",
        call=bodies.chat_with_call(),
    ),
    "langchain-responses": Sdk(
        package="langchain_openai",
        body=bodies.responses,
        open=lambda provider, asynchronous: langchain(provider, asynchronous, use_responses_api=True),
        text=message_text,
        item="AIMessageChunk",
        finish="completed",
        head=4,
    ),
    "litellm-openai": Sdk(
        package="litellm",
        body=bodies.chat_with_usage,
        open=litellm_of("openai/m", lambda provider: provider.url),
        text=chunk_text,
        item="ModelResponseStream",
        finish="stop",
        call=bodies.chat_with_call(),
    ),
    "litellm-anthropic": Sdk(
        package="litellm",
        body=bodies.messages,
        open=litellm_of("anthropic/m", root),
        text=chunk_text,
        item="ModelResponseStream",
        finish="stop",
        head=2,
    ),
}


def needs(package: str) -> None:
    """Skips aloud where a package is absent."""
    if find_spec(package.partition(".")[0]) is None or find_spec(package) is None:
        pytest.skip(f"{package} is not installed: make .venv/.peers")
