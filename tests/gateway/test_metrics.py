"""What ``/metrics`` counts is what happened."""

import asyncio
import json
from collections.abc import Iterator

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import bodies
import sdks
from gateways import gateway_to
from midstream.errors import InputError
from midstream.gateway import Gateway, Viewers
from midstream.stream import Redact, Rule, Settings
from provider import Forever, Provider, Stall

ASKED = {"model": "m", "stream": True, "messages": []}
MAILS = ["Write to a@b.org", " or c@d", ".org, ", "ticket T-1234", " and T-5678 and T-9999. "]
TICKET = Rule(name="ticket", pattern=r"T-[0-9]{4}")


def measured(gateway: Gateway) -> dict[str, float]:
    """Samples by their name and labels."""
    text = httpx2.get(f"{gateway.url}/metrics", trust_env=False).text
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def answer(gateway: Gateway, **more: object) -> httpx2.Response:
    return httpx2.post(f"{gateway.url}/v1/chat/completions", json=ASKED | more, trust_env=False)


@pytest.mark.parametrize("shadow", [False, True], ids=["redacting", "shadow"])
def test_redactions_are_counted_by_rule_and_what_was_held_with_them(shadow):
    guard = Settings(redact=Redact(rules=("email", TICKET)), shadow=shadow)
    with Provider(bodies.chat(MAILS)) as provider, gateway_to(provider.url, guard) as gateway:
        passed = answer(gateway).text
        found = measured(gateway)
        (stream,) = gateway.streams()
    assert ("a@b.org" in passed, "T-5678" in passed) == (shadow, shadow)
    redactions = {name: value for name, value in found.items() if name.startswith("midstream_redactions_total")}
    expected = {"midstream_redactions_total/email": 2.0, "midstream_redactions_total/ticket": 3.0}
    assert redactions == ({} if shadow else expected)
    assert stream["summary"]["redact"]["redactions"] == 5
    held = found["midstream_holdback_seconds_count"]
    assert held == 0 if shadow else held > 0


def test_tokens_that_a_stop_saved_are_those_that_the_request_had_left():
    begin, loop = sdks.LOOPED["chat"]
    with Provider([*begin, Forever((loop,))]) as provider, gateway_to(provider.url) as gateway:
        answer(gateway, max_tokens=100_000)
        (record,) = gateway.stream(gateway.streams()[0]["id"])["usage"]
        found = measured(gateway)
    assert record["end"] == "halted"
    assert found["midstream_tokens_saved_total"] == 100_000 - record["output"] > 0


@pytest.fixture
def viewed() -> Iterator[tuple[Gateway, str]]:
    """A gateway for one viewer a stream, and a stream of many events that has not ended."""
    events = bodies.chat(["word "] * 5000)[:-1]
    options = {"guard": Settings(shadow=True), "viewers": Viewers(per_stream=1)}
    with Provider([*events, Stall()]) as provider, gateway_to(provider.url, **options) as gateway:
        url = f"{gateway.url}/v1/chat/completions"
        with httpx2.stream("POST", url, json=ASKED, trust_env=False, timeout=30) as response:
            chunks = response.iter_raw()
            size = 0
            while size < sum(map(len, events)):
                size += len(next(chunks))
            yield gateway, response.headers["x-midstream-stream-id"]


def test_viewers_that_are_behind_or_missed_something_or_find_no_place_are_counted(viewed):
    gateway, id = viewed

    async def look() -> tuple[dict[str, float], int, int]:
        async with await gateway.viewer(id) as viewer:
            lagged = await anext(viewer)
            with pytest.raises(InputError, match="as many viewers"):
                await gateway.viewer(id)
            behind = await asyncio.to_thread(measured, gateway)
            return behind, lagged.fields["dropped"], gateway.stream(id)["events"]

    found, dropped, events = asyncio.run(look())
    assert found["midstream_subscriber_missed_events_total"] == dropped == events - 4096
    assert found["midstream_subscriber_dropped_total/full"] == 1
    assert 0 < found["midstream_subscriber_lag_events"] <= 4096
    assert measured(gateway)["midstream_subscriber_lag_events"] == 0


def test_labels_hold_nothing_that_a_client_or_a_model_wrote():
    guard = Settings(redact=Redact(rules=("email",)))
    with Provider(bodies.chat(["canary@canary.org canary "])) as provider, gateway_to(provider.url, guard) as gateway:
        answer(gateway, model="canary", messages=[{"role": "user", "content": "canary"}])
        text = httpx2.get(f"{gateway.url}/metrics", trust_env=False).text
    assert 'rule="email"' in text
    assert "canary" not in json.dumps(text)
