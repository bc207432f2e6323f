"""The SDKs' own streams from a real model, watched by one line."""

import asyncio

import anthropic
import openai
import pytest

import midstream
from midstream import local

MOST_TOKENS = 300
SENTENCE = "I am done. I am done."
REPEATED = [{"role": "user", "content": f"Repeat after me for ever: {SENTENCE} " + SENTENCE * 8}]
NAME = local.MODEL.name


@pytest.fixture
def openai_client(idle_model):
    with openai.OpenAI(base_url=f"{idle_model.address}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(idle_model):
    with anthropic.Anthropic(base_url=idle_model.address, api_key="none", max_retries=0) as client:
        yield client


def consumed_until_stop(stream):
    """The finding that stopped the stream."""
    with pytest.raises(midstream.GuardStopped) as stopped:
        for _ in midstream.watch(stream):
            pass
    return stopped.value


def test_a_completion_of_openai_is_stopped_and_the_model_goes_idle(openai_client, idle_model):
    stream = openai_client.completions.create(
        model=NAME, prompt=SENTENCE, max_tokens=MOST_TOKENS, temperature=0, stream=True
    )
    before = idle_model.tokens_decoded()
    stopped = consumed_until_stop(stream)
    assert (stopped.finding.check, stopped.finding.kind) == ("repeat", "exact")
    assert SENTENCE in stopped.text
    idle_model.wait_idle()
    assert 0 < idle_model.tokens_decoded() - before < MOST_TOKENS / 2


def test_a_chat_of_openai_is_stopped(openai_client, idle_model):
    stream = openai_client.chat.completions.create(
        model=NAME, messages=REPEATED, max_tokens=MOST_TOKENS, temperature=0, stream=True
    )
    before = idle_model.tokens_decoded()
    stopped = consumed_until_stop(stream)
    assert stopped.summary.dialect == "openai-chat"
    idle_model.wait_idle()
    assert 0 < idle_model.tokens_decoded() - before < MOST_TOKENS / 2


def test_a_message_of_anthropic_is_stopped(anthropic_client, idle_model):
    stream = anthropic_client.messages.create(
        model=NAME, messages=REPEATED, max_tokens=MOST_TOKENS, extra_body={"temperature": 0}, stream=True
    )
    before = idle_model.tokens_decoded()
    stopped = consumed_until_stop(stream)
    assert stopped.summary.dialect == "anthropic-messages"
    idle_model.wait_idle()
    assert 0 < idle_model.tokens_decoded() - before < MOST_TOKENS / 2


def test_a_response_of_openai_is_stopped(openai_client, idle_model):
    stream = openai_client.responses.create(
        model=NAME, input=REPEATED, max_output_tokens=MOST_TOKENS, temperature=0, stream=True
    )
    stopped = consumed_until_stop(stream)
    assert stopped.summary.dialect == "openai-responses"
    idle_model.wait_idle()


def test_an_async_stream_is_stopped_and_the_model_goes_idle(idle_model):
    async def consume():
        async with openai.AsyncOpenAI(base_url=f"{idle_model.address}/v1", api_key="none", max_retries=0) as client:
            stream = await client.completions.create(
                model=NAME, prompt=SENTENCE, max_tokens=MOST_TOKENS, temperature=0, stream=True
            )
            with pytest.raises(midstream.GuardStopped):
                async for _ in midstream.watch(stream):
                    pass

    before = idle_model.tokens_decoded()
    asyncio.run(consume())
    idle_model.wait_idle()
    assert 0 < idle_model.tokens_decoded() - before < MOST_TOKENS / 2


def test_a_wrapped_client_guards_each_of_its_streams(openai_client, idle_model):
    client = midstream.wrap(openai_client)
    with pytest.raises(midstream.GuardStopped):
        for _ in client.completions.create(
            model=NAME, prompt=SENTENCE, max_tokens=MOST_TOKENS, temperature=0, stream=True
        ):
            pass
    idle_model.wait_idle()


def test_a_short_answer_comes_whole(openai_client, idle_model):
    stream = openai_client.chat.completions.create(
        model=NAME,
        messages=[{"role": "user", "content": "Say hello."}],
        max_tokens=12,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    watched = midstream.watch(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in watched if chunk.choices)
    summary = midstream.summary(watched)
    assert (summary.ending, summary.findings) == ("complete", [])
    assert summary.channels[0].characters == len(text) > 0
    assert summary.usage.output <= 12
