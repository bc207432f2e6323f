"""Reasoning that loops is ended, and the answer comes from a turn that is begun: the guide, followed against a provider."""

import json
import re

import openai
import pytest

import bodies
import midstream
from provider import Forever, Provider

LOOP = "Wait, let me check again. "
QUESTION = [{"role": "user", "content": "Is 17 prime?"}]


@pytest.fixture
def names(project, capsys, monkeypatch):
    """What the guide defines."""
    page = (project / "docs/guides/reasoning.md").read_text(encoding="utf-8")
    with Provider(bodies.chat(["All is well."])) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        names = {"__name__": "__page__"}
        for block in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
            exec(block, names)
    capsys.readouterr()
    return names


def test_the_guides_function_ends_the_reasoning_and_gets_the_answer(names):
    asked = []

    def script(request):
        asked.append(json.loads(request.partition("\r\n\r\n")[2])["messages"])
        if asked[-1][-1]["role"] == "assistant":
            return bodies.chat(["17 is ", "prime."])
        return [bodies.chat(["x"])[0], Forever((bodies.chat_chunk({"reasoning_content": LOOP}),))]

    with Provider(script) as provider:
        client = openai.OpenAI(api_key="k", base_url=provider.url, max_retries=0)
        assert names["answer"](client, QUESTION) == "17 is prime."
        assert provider.connections[0].over.wait(5)
        assert provider.connections[0].hung_up_s is not None
    assert asked == [QUESTION, [*QUESTION, {"role": "assistant", "content": f"<think>{LOOP}</think>\n"}]]


def test_a_loop_in_the_answer_is_still_stopped(names):
    with Provider(bodies.chat(["I am done. "] * 40)) as provider:
        client = openai.OpenAI(api_key="k", base_url=provider.url, max_retries=0)
        with pytest.raises(midstream.GuardStopped) as stopped:
            names["answer"](client, QUESTION)
    assert stopped.value.finding.action == "stop"
