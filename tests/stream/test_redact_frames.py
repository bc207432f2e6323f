"""Redaction inside frames, from Python: Bedrock's base64 in binary messages, rules that stop, agents' findings."""

import base64
import json
import zlib
from itertools import pairwise

import pytest

import midstream
from midstream.errors import InputError
from midstream.stream import AgentChecks, Guard, Redact, Rule, Settings

KEY = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
REDACT = Settings(redact=Redact(rules=("built_in",)))


def message(payload: object) -> bytes:
    """An AWS event stream message, as Bedrock invokes a model."""
    body = json.dumps({"bytes": base64.b64encode(json.dumps(payload).encode()).decode(), "p": "abc"}).encode()
    named = ((":message-type", "event"), (":event-type", "chunk"))
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
        for name, value in named
    )
    head = (len(headers) + len(body) + 16).to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    head += zlib.crc32(head).to_bytes(4, "big")
    whole = head + headers + body
    return whole + zlib.crc32(whole).to_bytes(4, "big")


def payloads(body: bytes) -> list[dict[str, object]]:
    """What the messages carry; their lengths and checksums must be right."""
    found = []
    while body:
        length, headers = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
        whole, body = body[:length], body[length:]
        assert zlib.crc32(whole[:8]).to_bytes(4, "big") == whole[8:12]
        assert zlib.crc32(whole[:-4]).to_bytes(4, "big") == whole[-4:]
        carried = json.loads(whole[12 + headers : -4])["bytes"]
        found.append(json.loads(base64.b64decode(carried)))
    return found


def block(index: int, start: dict[str, object], deltas: list[dict[str, object]]) -> list[dict[str, object]]:
    begin = {"type": "content_block_start", "index": index, "content_block": start}
    return [
        begin,
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def answer(text: str, arguments: str, cuts: tuple[int, int]) -> bytes:
    """A text and a tool call, each cut in two."""
    parts = [(whole[:cut], whole[cut:]) for whole, cut in zip((text, arguments), cuts, strict=True)]
    events = [
        {"type": "message_start", "message": {"id": "m", "content": [], "role": "assistant"}},
        *block(0, {"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in parts[0]]),
        *block(
            1,
            {"type": "tool_use", "id": "t", "name": "put", "input": {}},
            [{"type": "input_json_delta", "partial_json": part} for part in parts[1]],
        ),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    return b"".join(message(event) for event in events)


@pytest.mark.parametrize("size", [1, 97, 100_000])
def test_secrets_in_what_bedrock_carries_as_base64_are_replaced_wherever_they_are_cut(size: int) -> None:
    text, arguments = "Ask bob@example.org, then go. ", json.dumps({"aws_secret_access_key": KEY, "region": "eu"})
    for at in range(4, 20, 3):
        body = answer(text, arguments, (at, at * 3))
        chunks = [body[start:end] for start, end in pairwise([*range(0, len(body), size), len(body)])]
        passed = payloads(b"".join(midstream.watch(iter(chunks), REDACT)))
        deltas = [event["delta"] for event in passed if event["type"] == "content_block_delta"]
        said = "".join(delta.get("text", "") for delta in deltas)  # type: ignore[attr-defined]
        called = "".join(delta.get("partial_json", "") for delta in deltas)  # type: ignore[attr-defined]
        assert said == "Ask [EMAIL], then go. "
        assert json.loads(called) == {"aws_secret_access_key": "[AWS_SECRET_KEY]", "region": "eu"}
        assert [event["type"] for event in passed].count("content_block_stop") == 2


def test_a_rule_stops_where_the_others_replace() -> None:
    rules = ("built_in", Rule(name="card", action="stop"), Rule(name="ticket", pattern="T-[0-9]{4}"))
    guard = Guard(Settings(redact=Redact(rules=rules)))
    decision = guard.push("T-0042 of bob@example.org: 4111 1111 1111 1111. More. ")
    assert (decision.action, decision.forward) == ("stop", b"[TICKET] of [EMAIL]: [CARD]")
    assert [finding.action for finding in decision.findings] == ["redact", "redact", "stop"]


def test_an_action_of_a_rule_needs_a_table_that_replaces() -> None:
    with pytest.raises(InputError, match=r'redact\.rules\[0\]\.action is "stop"'):
        Settings(redact=Redact(rules=(Rule(name="card", action="stop"),), action="warn"))
    with pytest.raises(InputError, match=r'did you mean "card"'):
        Settings(redact=Redact(rules=(Rule(name="cart", action="stop"),)))


def test_what_agents_do_is_told_without_their_secrets() -> None:
    checks = AgentChecks(REDACT)
    said = ""
    for _ in range(9):
        call = checks.call("mail", {"to": "bob@example.org", "aws_secret_access_key": KEY})
        told = checks.result("error: nobody is bob@example.org")
        said += f"{call!r}{told!r}{told.hint}{told.findings}"
    said += checks.summary.to_json() + repr(checks.summary) + repr(checks.snapshot())
    assert told.action == "stop"
    assert "[EMAIL]" in said
    assert "bob@" not in said
    assert KEY[:8] not in said
