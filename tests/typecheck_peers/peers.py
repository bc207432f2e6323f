"""Never run: mypy and pyright must find exactly these types in the streams of LangChain and LiteLLM."""

from typing import assert_type

import httpx2
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.types.utils import ModelResponseStream

import midstream
from midstream.stream import AsyncWatched, EitherWatched, Watched

model = ChatOpenAI(
    model="m",
    http_client=httpx2.Client(transport=midstream.Transport(httpx2.HTTPTransport())),
    http_async_client=httpx2.AsyncClient(transport=midstream.AsyncTransport(httpx2.AsyncHTTPTransport())),
)
assert_type(midstream.watch(model.stream("Hi")), Watched[AIMessageChunk])
assert_type(midstream.watch(model.astream("Hi")), AsyncWatched[AIMessageChunk])


def completed(stream: CustomStreamWrapper) -> None:
    """What ``litellm.completion`` gives; the function itself has no type that mypy sees."""
    assert_type(midstream.watch(stream), EitherWatched[ModelResponseStream])
