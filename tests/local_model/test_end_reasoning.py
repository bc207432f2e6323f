"""A real model thinks in circles, the guard ends its reasoning, and the model goes on to an answer.

The model has no reasoning channel: its completion between the marks of reasoning is read as one.
"""

import openai

from midstream import local
from midstream.stream import Guard, Repeat, RepeatActions, Settings

ENDS = Settings(repeat=Repeat(reasoning=RepeatActions(exact="end_reasoning", counter="off", near="off")))
BEGUN = "<think>\nWait, let me check again. Actually, wait. Let me think step by step about whether 17 is prime."


def test_reasoning_that_loops_is_ended_and_an_answer_comes(model):
    client = openai.OpenAI(base_url=f"{model.address}/v1", api_key="none")

    def complete(prompt, max_tokens):
        return client.completions.create(
            model=local.MODEL.name, prompt=prompt, max_tokens=max_tokens, temperature=0, stream=True
        )

    guard, reasoning, finding = Guard(ENDS, keep_text=True), "", None
    with complete(BEGUN, 300) as stream:
        for chunk in stream:
            reasoning += chunk.choices[0].text
            decision = guard.push(chunk.choices[0].text, channel="reasoning")
            if decision.halted:
                (finding,) = decision.findings
                break
    model.wait_idle()
    summary = guard.finish("stopped")[1]
    assert (finding.action, finding.check, summary.ending) == ("end_reasoning", "repeat", "halted")
    assert guard.reasoning == reasoning

    before = model.tokens_decoded()
    prompt = f"{BEGUN}{reasoning[: finding.onset]}\n</think>\nThe answer: 17 is"
    with complete(prompt, 8) as stream:
        answer = "".join(chunk.choices[0].text for chunk in stream)
    model.wait_idle()
    assert answer.strip()
    assert 0 < model.tokens_decoded() - before <= 9
