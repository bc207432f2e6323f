"""What each action of the settings does in plain Python, and what is refused there."""

import pickle

import pytest

import bodies
import midstream
from midstream.errors import InputError
from midstream.stream import Decision, Guard, Pace, Repeat, RepeatActions, Settings

LOOP = "Wait, let me check. "
END_REASONING = Settings(repeat=Repeat(reasoning=RepeatActions(exact="end_reasoning", near="off")))


def thinking():
    """A chat that thinks the same thought over and over, and then answers."""
    head = bodies.chat(["x"])[:1]
    return [*head, *[bodies.chat_chunk({"reasoning_content": LOOP})] * 40, *bodies.chat(["42"])[1:]]


def test_reasoning_that_loops_is_ended_with_what_was_thought_so_far():
    chunks = iter(thinking())
    with pytest.raises(midstream.GuardStopped, match=r"^the guard ended the reasoning: repeat/exact, ") as ended:
        for _ in midstream.watch(chunks, END_REASONING):
            pass
    finding, reasoning = ended.value.finding, ended.value.reasoning
    assert finding.action == "end_reasoning"
    assert reasoning == LOOP * (len(reasoning) // len(LOOP))
    assert len(reasoning) - len(LOOP) < finding.offset <= len(reasoning) < 20 * len(LOOP)
    assert reasoning[: finding.onset] == LOOP
    assert (ended.value.text, ended.value.summary.ending) == ("", "halted")


def test_a_stop_tells_the_reasoning_too():
    with pytest.raises(midstream.GuardStopped, match="stopped the stream") as stopped:
        list(midstream.watch(iter(thinking())))
    assert stopped.value.reasoning.startswith(LOOP)


def test_an_error_with_its_reasoning_survives_pickle():
    with pytest.raises(midstream.GuardStopped) as ended:
        list(midstream.watch(iter(thinking()), END_REASONING))
    copy = pickle.loads(pickle.dumps(ended.value))
    assert (copy.reasoning, copy.finding.action) == (ended.value.reasoning, "end_reasoning")


def test_a_hint_reaches_the_callback_and_the_summary_and_the_stream_goes_on():
    found = []
    pieces = midstream.watch(iter(["I am done. "] * 20), Settings(repeat=Repeat(exact="hint")), on_finding=found.append)
    assert len(list(pieces)) == 20
    assert [finding.action for finding in found] == ["hint"]
    assert pieces.summary.hints == [
        "You repeat yourself: 11 characters repeated 8.3 times since character 11. Say it once, and go on."
    ]
    assert pieces.summary.ending == "complete"


def test_under_shadow_nothing_is_hinted_and_nothing_ended():
    hints = Settings(repeat=Repeat(exact="hint", reasoning=RepeatActions(exact="end_reasoning")), shadow=True)
    chunks = list(midstream.watch(iter(thinking()), hints))
    assert chunks == thinking()
    summary = midstream.check("I am done. " * 20, hints)
    assert (summary.hints, summary.findings[0].action) == ([], "hint")


def test_another_model_is_refused_where_settings_are_read(tmp_path):
    file = tmp_path / "guard.toml"
    file.write_text('[pace]\nidle_s = 9\nstall = "reroute"\n')
    message = (
        'pace.stall is "reroute", allowed is off, observe, warn, stop: another model continues a stream only behind'
    )
    refused = [
        lambda: Settings(pace=Pace(stall="reroute")),
        lambda: Settings.from_dict({"pace": {"stall": "reroute"}}),
        lambda: Settings.load(file),
        lambda: Guard(str(file)),
        lambda: midstream.watch(iter(["Hi"]), file),
    ]
    for attach in refused:
        with pytest.raises(InputError) as told:
            attach()
        assert message in str(told.value)
        assert told.value.key == "pace.stall"
    assert (told.value.line, told.value.column) == (3, 9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (lambda: Settings(repeat=Repeat(exact="end_reasoning")), 'repeat.exact is "end_reasoning", allowed is off, '),
        (lambda: Settings(pace=Pace(stall="hint")), 'pace.stall is "hint", allowed is off, '),
        (lambda: Settings(repeat=Repeat(near="hint_")), 'repeat.near is "hint_"; did you mean "hint"'),
    ],
)
def test_an_action_without_a_meaning_is_refused_in_the_settings(settings, message):
    with pytest.raises(InputError) as told:
        settings()
    assert str(told.value).startswith(message)


def test_a_decision_says_that_it_ended_the_stream_and_survives_pickle():
    guard = Guard(END_REASONING)
    decisions = [guard.feed(chunk) for chunk in thinking()]
    at = next(at for at, decision in enumerate(decisions) if decision.halted)
    assert not any(decision.halted for decision in decisions[:at])
    assert {(decision.action, decision.halted) for decision in decisions[at:]} == {("end_reasoning", True)}
    assert {decision.forward for decision in decisions[at + 1 :]} == {b""}
    copy = pickle.loads(pickle.dumps(decisions[at]))
    assert isinstance(copy, Decision)
    assert copy == decisions[at]
