"""Redaction: what passes has its secrets replaced, through every door, and what cannot be redacted is refused."""

import asyncio
import json
import pickle

import pytest

from midstream.errors import GuardStopped, InputError
from midstream.stream import Guard, Redact, Rule, Settings, check, watch

TICKET = Rule(name="ticket", pattern="TICKET-[0-9]{4}")
SETTINGS = Settings(redact=Redact(rules=(TICKET, "email")))


def chat(*pieces):
    def frame(delta, reason=None):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}

    frames = [frame({"content": piece}) for piece in pieces] + [frame({}, "stop")]
    return "".join(f"data: {json.dumps(one)}\n\n" for one in frames).encode() + b"data: [DONE]\n\n"


def contents(body):
    events = [line[6:] for line in body.decode().splitlines() if line.startswith("data: {")]
    return "".join(json.loads(event)["choices"][0]["delta"].get("content", "") for event in events)


def test_feed_forwards_the_stream_with_its_secrets_replaced():
    guard, passed = Guard(SETTINGS, keep_text=True), b""
    body = chat("Ask bob@exam", "ple.org about TICKET", "-0042", ".")
    for at in range(0, len(body), 11):
        passed += guard.feed(body[at : at + 11], 0).forward
    decision, summary = guard.finish("clean", 0)
    assert contents(passed + decision.forward) == "Ask [EMAIL] about [TICKET]."
    assert guard.text == "Ask [EMAIL] about [TICKET]."
    assert [(found.kind, found.action, found.onset) for found in summary.findings] == [
        ("email", "redact", 4),
        ("ticket", "redact", 18),
    ]
    assert (summary.redact.redactions, summary.redact.held_bytes) == (2, 0)
    assert "0042" not in summary.to_json()
    assert "bob@" not in summary.to_json()


def test_a_chunk_without_anything_to_hold_is_passed_as_the_very_object():
    guard, chunk = Guard(SETTINGS), chat("All is well. ")
    assert guard.feed(chunk).forward is chunk


def test_iterators_of_text_and_bytes_give_what_is_redacted():
    pieces = ["One TICK", "ET-0042 ", "and bob"]
    assert list(watch(iter(pieces), SETTINGS)) == ["One ", "[TICKET] ", "and ", "bob"]
    chunks = [piece.encode() for piece in pieces]
    assert b"".join(watch(iter(chunks), SETTINGS)) == b"One [TICKET] and bob"

    async def run():
        async def source():
            for piece in pieces:
                yield piece

        return [piece async for piece in watch(source(), SETTINGS)]

    assert asyncio.run(run()) == ["One ", "[TICKET] ", "and ", "bob"]


def test_channels_and_tools_that_are_off_pass_as_they_were_written():
    settings = Settings(redact=Redact(rules=(TICKET,), reasoning="off", tools={"vault": "off"}))
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    guard = Guard(settings)
    given = [guard.push("TICKET-0042 ", channel=kind).forward for kind in ("text", "reasoning", "refusal")]
    assert given == [b"[TICKET] ", b"TICKET-0042 ", b"[TICKET] "]


def test_a_secret_around_a_finish_reason_is_replaced():
    guard, body = Guard(SETTINGS), chat("It is TICK").replace(b"data: [DONE]\n\n", b"") + chat("ET-0042.")
    passed = guard.feed(body, 0).forward + guard.finish("clean", 0)[0].forward
    assert contents(passed) == "It is [TICKET]."
    assert passed.count(b'"finish_reason": "stop"') == 2


def test_events_that_would_have_to_be_changed_are_refused():
    closed = []

    def source():
        try:
            yield {"choices": [{"index": 0, "delta": {"content": "TICKET-0042"}}]}
        finally:
            closed.append(True)

    with pytest.raises(InputError, match="redact and stop need a stream of bytes"):
        next(watch(source(), SETTINGS))
    assert closed == [True]
    watched = Settings(redact=Redact(rules=(TICKET,), action="warn"))
    assert len(list(watch(source(), watched, on_truncated="flag"))) == 1


def test_a_rule_that_stops_delivers_the_text_up_to_its_replacement():
    settings, given = Settings(redact=Redact(rules=(TICKET,), action="stop")), []
    with pytest.raises(GuardStopped) as caught:
        given.extend(iter(watch(iter(["It is TICKET-0042 and", " more"]), settings)))
    assert (caught.value.finding.kind, given) == ("ticket", ["It is [TICKET]"])


def test_finished_text_is_checked_by_the_rules():
    found = check("Ask bob@example.org.", SETTINGS).findings
    assert [(one.check, one.kind, one.onset) for one in found] == [("redact", "email", 4)]


def test_settings_keep_their_rules_in_tables_and_copies():
    settings = Settings(redact=Redact(rules=(TICKET, "built_in"), action="stop", max_hold_s=2.5))
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("redact", "message"),
    [
        ({"rules": ("emial",)}, 'redact.rules[0] is "emial"; did you mean "email"'),
        ({"rules": "email"}, 'redact.rules is "email", allowed is a list'),
        ({"rules": (1,)}, "redact.rules[0] is 1, allowed is the name of a rule, or a table of name and pattern"),
        ({"rules": (TICKET, TICKET)}, 'redaction rule "ticket" is given twice'),
        ({"rules": (Rule(name="a", pattern="a*"),)}, 'redaction rule "a" matches the empty string'),
        ({"rules": (Rule(name="a", pattern="ab+"),)}, 'redaction rule "a" has no longest match; give max_len'),
        ({"rules": (Rule(name="a", pattern=1),)}, "redact.rules[0].pattern is 1, allowed is text"),
        ({"action": "mask"}, 'redact.action is "mask"; known: off'),
        ({"max_hold_s": 0}, "redact.max_hold_s is 0, allowed is more than 0, at most 1e9"),
        ({"max_hold_s": "1"}, 'redact.max_hold_s is "1", allowed is a number'),
        ({"reasoning": "of"}, 'redact.reasoning is "of"; did you mean "off"'),
        ({"tools": {"mail": "hint"}}, 'redact.tools.mail is "hint"; known: off, on, observe'),
        ({"rules": (Rule(name="a", pattern="a(?=b)"),)}, 'redaction rule "a" has look-around at character'),
        ({"rules": (Rule(name="a", pattern=r"(a)\1"),)}, 'redaction rule "a" has a backreference at character'),
        ({"rules": (Rule(name="a", pattern="ab+?"),)}, 'redaction rule "a" has a lazy quantifier at character'),
        ({"rules": (Rule(name="a", pattern="a(b"),)}, 'redaction rule "a" cannot be read at character'),
        ({"rules": (Rule(name="a", pattern=r"\w{900}\W{900}"),)}, 'redaction rule "a" needs an automaton of more than'),
        ({"rules": (Rule(name="email", pattern="a"), "email")}, 'redaction rule "email" is given twice'),
    ],
)
def test_what_is_wrong_with_redaction_is_said_before_the_stream_starts(redact, message):
    with pytest.raises(InputError) as caught:
        Settings(redact=Redact(**redact))
    assert str(caught.value).startswith(message)
