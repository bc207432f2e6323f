"""A real model loops, the guard stops it, the server goes idle; other answers run to their end."""

import statistics
import time

import httpx2
import pytest

from midstream.stream import Guard, Settings

LOOPING = {
    "a sentence": "I am done. I am done.",
    "a paragraph": "User: Why does my program crash?\nAssistant:",
    "a report": "The committee met on Tuesday to discuss the budget. The chairman said that",
}
ENDING = ["Explain why the sky is blue in great detail.", "Summarise the plot of Romeo and Juliet."]
MOST_TOKENS = 300
IDLE_S = 0.1
"""The bar: from the decision until the model is idle."""


class Answer:
    """One answer of the model, watched; what its server says is asked before and after."""

    def __init__(self, model, path, body):
        before = model.tokens_decoded()
        started = time.monotonic()
        self.guard, self.text, self.stopped, self.idle_s, pieces = Guard(), "", None, None, 0
        request = body | {"max_tokens": MOST_TOKENS, "temperature": 0, "stream": True}
        with httpx2.stream("POST", model.address + path, json=request, timeout=120) as response:
            for chunk in response.iter_raw():
                decision = self.guard.feed(chunk)
                fragments = [event.text for event in decision.events if event.kind == "text"]
                self.text += "".join(fragments)
                pieces += len(fragments)
                if decision.action == "stop":
                    decided = time.monotonic()
                    self.stopped = next(one for one in decision.findings if one.action == "stop")
                    response.close()
                    model.wait_idle()
                    self.idle_s = time.monotonic() - decided
                    break
        self.summary = self.guard.finish("stopped" if self.stopped else "clean")[1]
        model.wait_idle()
        self.tokens = model.tokens_decoded() - before
        self.tokens_after_stop = self.tokens - pieces
        self.token_s = (time.monotonic() - started) / max(1, pieces)


def complete(model, prompt):
    return Answer(model, "/v1/completions", {"prompt": prompt})


def repeats(text, finding):
    """Whether the copy that begins at the onset stands before it too; white space counts as one space."""
    copy = " ".join(text[finding.onset : finding.onset + finding.period].split())
    return " ".join(text[: finding.onset].split()).endswith(copy) and copy != ""


@pytest.mark.parametrize("prompt", LOOPING.values(), ids=LOOPING)
def test_a_loop_of_a_real_model_is_stopped_long_before_the_token_limit(idle_model, prompt):
    answer = complete(idle_model, prompt)
    assert answer.summary.ending == "halted"
    assert (answer.stopped.check, answer.stopped.kind) == ("repeat", "exact")
    assert answer.tokens < MOST_TOKENS / 2
    assert repeats(answer.text, answer.stopped), answer.text


def test_the_model_is_idle_within_the_bar_after_each_decision(idle_model, record_testsuite_property):
    answers = [complete(idle_model, LOOPING["a sentence"]) for _ in range(5)]
    times_s = [answer.idle_s for answer in answers]
    record_testsuite_property("decision_to_idle_s", times_s)
    # The token that is being computed is finished, and one that the close overtook: a slow machine may need more than the bar.
    bar_s = max(IDLE_S, 3 * statistics.median(answer.token_s for answer in answers))
    assert all(time_s <= bar_s for time_s in times_s), times_s
    assert all(answer.tokens_after_stop <= 4 for answer in answers), [answer.tokens_after_stop for answer in answers]


@pytest.mark.parametrize("question", ENDING)
def test_an_answer_that_ends_by_itself_is_let_through(idle_model, question):
    body = {"messages": [{"role": "user", "content": question}]}
    answer = Answer(idle_model, "/v1/chat/completions", body)
    # Arithmetic differs between processors, so this very answer may loop on some; then the loop must be one.
    assert answer.stopped is None or repeats(answer.text, answer.stopped), answer.text
    assert answer.summary.ending == ("halted" if answer.stopped else "complete")


def test_the_same_loop_in_shadow_mode_runs_to_the_token_limit(idle_model):
    before = idle_model.tokens_decoded()
    guard = Guard(Settings(shadow=True))
    request = {"prompt": LOOPING["a sentence"], "max_tokens": 100, "temperature": 0, "stream": True}
    with httpx2.stream("POST", f"{idle_model.address}/v1/completions", json=request, timeout=120) as response:
        actions = {guard.feed(chunk).action for chunk in response.iter_raw()}
    _, summary = guard.finish()
    assert (summary.ending, summary.finish_reasons, summary.usage.output) == ("complete", ["length"], 100)
    assert actions == {"pass", "observe"}
    assert [finding.action for finding in summary.findings] == ["stop"]
    idle_model.wait_idle()
    assert idle_model.tokens_decoded() - before == 100
