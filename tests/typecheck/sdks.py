"""Never run: mypy and pyright must find exactly these types in the streams of other SDKs."""

from typing import assert_type

import httpx
import httpx2
import ollama
from google import genai
from google.genai.types import GenerateContentResponse

import midstream
from midstream.stream import AsyncWatched, Watched

chat = ollama.Client().chat(model="m", messages=[], stream=True)
assert_type(midstream.watch(chat), Watched[ollama.ChatResponse])
generated = ollama.Client().generate(model="m", prompt="", stream=True)
assert_type(midstream.watch(generated), Watched[ollama.GenerateResponse])
ollama.Client(transport=midstream.Transport(httpx.HTTPTransport()))

content = genai.Client().models.generate_content_stream(model="m", contents="")
assert_type(midstream.watch(content), Watched[GenerateContentResponse])
genai.Client(http_options={"client_args": {"transport": midstream.Transport(httpx2.HTTPTransport())}})


async def asynchronous() -> None:
    """The same with await."""
    chat = await ollama.AsyncClient().chat(model="m", messages=[], stream=True)
    assert_type(midstream.watch(chat), AsyncWatched[ollama.ChatResponse])
    content = await genai.Client().aio.models.generate_content_stream(model="m", contents="")
    assert_type(midstream.watch(content), AsyncWatched[GenerateContentResponse])
