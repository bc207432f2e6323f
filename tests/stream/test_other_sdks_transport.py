"""A `Transport` inside the clients of ollama, google-genai, LangChain and LiteLLM."""

import asyncio
import inspect

import httpx
import httpx2
import pytest

import midstream
import other_sdks
from midstream.stream import Redact, Settings
from other_sdks import LOOP, SAID, SDKS
from provider import Forever, Provider
from reading import read, read_async

FRAGMENTS = ["All ", "is ", "well."]
MAIL = ["Write to ad", "a@exam", "ple.com now."]


def ollama_of(provider, asynchronous, **told):
    transport = midstream.AsyncTransport(httpx.AsyncHTTPTransport(), **told) if asynchronous else None
    transport = transport or midstream.Transport(httpx.HTTPTransport(), **told)
    client = other_sdks.ollama_client(provider, asynchronous, transport=transport)
    return client.chat(model="m", messages=SAID, stream=True)


def google_of(provider, asynchronous, **told):
    args = {
        "client_args": {"transport": midstream.Transport(httpx2.HTTPTransport(), **told)},
        "async_client_args": {"transport": midstream.AsyncTransport(httpx2.AsyncHTTPTransport(), **told)},
        "retry_options": {"attempts": 3, "initial_delay": 0.01},
    }
    return other_sdks.google(provider, asynchronous, **args)


def langchain_of(library):
    def opened(provider, asynchronous, **told):
        http = library.Client(transport=midstream.Transport(library.HTTPTransport(), **told))
        transport = midstream.AsyncTransport(library.AsyncHTTPTransport(), **told)
        clients = {"http_client": http, "http_async_client": library.AsyncClient(transport=transport)}
        return other_sdks.langchain(provider, asynchronous, max_retries=2, **clients)

    return opened


WAYS = {
    "ollama": ("ollama-chat", ollama_of),
    "google-genai": ("google-genai", google_of),
    "langchain, httpx2": ("langchain-chat", langchain_of(httpx2)),
    "langchain, httpx": ("langchain-chat", langchain_of(httpx)),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request):
    kind, opened = request.param
    other_sdks.needs(SDKS[kind].package)
    return SDKS[kind], opened


async def consumed(opened, provider, **told):
    stream = opened(provider, True, **told)
    return await read_async(await stream if inspect.isawaitable(stream) else stream)


def serve(sdk, script):
    return Provider(script, content_type=sdk.content_type)


def looping(sdk):
    head, event = sdk.looped()
    return serve(sdk, [*head, Forever((event,))])


def test_a_loop_is_stopped_and_no_retry_asks_again(way):
    sdk, opened = way
    with looping(sdk) as provider:
        items, error = read(opened(provider, False))
        assert isinstance(error, midstream.GuardStopped), error
        assert provider.last().hung_up_s is not None
        assert len(provider.connections) == 1
    assert {type(item).__name__ for item in items} == {sdk.item}
    assert error.text.startswith(LOOP * 3)


def test_an_async_loop_is_stopped_and_no_retry_asks_again(way):
    sdk, opened = way
    with looping(sdk) as provider:
        _, error = asyncio.run(consumed(opened, provider))
        assert isinstance(error, midstream.GuardStopped), error
        assert provider.last().hung_up_s is not None
        assert len(provider.connections) == 1


def test_a_clean_cut_is_told(way):
    sdk, opened = way
    with serve(sdk, sdk.body(FRAGMENTS)[: sdk.head + 2]) as provider:
        items, error = read(opened(provider, False))
        assert len(provider.connections) == 1
    assert isinstance(error, midstream.StreamTruncated), error
    assert "".join(map(sdk.text, items)) == "All is "


def test_a_secret_is_redacted_before_the_sdk_sees_it(way):
    sdk, opened = way
    settings = Settings(redact=Redact(rules=("email",)))
    with serve(sdk, sdk.body(MAIL)) as provider:
        items, error = read(opened(provider, False, guard=settings))
    assert error is None
    text = "".join(map(sdk.text, items))
    assert text.startswith("Write to ")
    assert text.endswith(" now.")
    assert "@" not in text


def test_an_async_secret_is_redacted_before_the_sdk_sees_it(way):
    sdk, opened = way
    with serve(sdk, sdk.body(MAIL)) as provider:
        items, error = asyncio.run(consumed(opened, provider, guard=Settings(redact=Redact(rules=("email",)))))
    assert error is None
    assert "@" not in "".join(map(sdk.text, items))


def test_a_transport_inside_litellm_ends_the_stream_and_litellm_renames_the_error(monkeypatch):
    other_sdks.needs("litellm")
    import litellm

    sdk = SDKS["litellm-openai"]
    client = httpx.Client(transport=midstream.Transport(httpx.HTTPTransport()))
    monkeypatch.setattr(litellm, "client_session", client)
    with looping(sdk) as provider:
        _, error = read(sdk.open(provider, False))
        assert provider.last().hung_up_s is not None
        assert len(provider.connections) == 1
    assert not isinstance(error, midstream.GuardStopped)
    assert "repeat/exact" in str(error)


def test_litellms_router_does_not_ask_again_for_what_watch_stopped():
    other_sdks.needs("litellm")
    import litellm

    sdk = SDKS["litellm-openai"]

    def deployment(provider):
        return {"model_name": "m", "litellm_params": {"model": "openai/m", "api_base": provider.url, "api_key": "k"}}

    with looping(sdk) as provider:
        router = litellm.Router([deployment(provider)], num_retries=2, fallbacks=[{"m": ["m"]}])
        watched = midstream.watch(router.completion(model="m", messages=SAID, stream=True))
        _, error = read(watched)
        assert isinstance(error, midstream.GuardStopped), error
        assert provider.last().hung_up_s is not None
        assert len(provider.connections) == 1


def test_langchains_retry_asks_again_for_what_a_transport_stopped_unless_told_not_to():
    other_sdks.needs("langchain_openai")
    sdk = SDKS["langchain-chat"]

    def asked(**options):
        with looping(sdk) as provider:
            http = httpx2.Client(transport=midstream.Transport(httpx2.HTTPTransport()))
            model = other_sdks.langchain_model(provider, http_client=http, streaming=True)
            with pytest.raises(midstream.GuardStopped):
                model.with_retry(stop_after_attempt=3, wait_exponential_jitter=False, **options).invoke("Hi")
            return len(provider.connections)

    assert asked() == 3
    assert asked(retry_if_exception_type=(ConnectionError,)) == 1
