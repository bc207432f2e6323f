"""Checks of one's own: they observe every event, and no stream waits for them."""

import asyncio
import logging
import threading
import time

import httpx2
import pytest

import bodies
from midstream.gateway import Gateway, GatewayConfig, StreamEvent, Upstream
from provider import Provider

ASKED = {"model": "m", "messages": [], "stream": True}
ALL = ["All ", "is ", "well."]


def gateway(provider, *checks):
    upstream = Upstream(url=provider.url.removesuffix("/v1"), apis=("openai",))
    return Gateway(GatewayConfig(listen="127.0.0.1:0", drain_s=1, upstreams={"mock": upstream}), checks=checks)


async def ask(gateway, times=1):
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        return [(await client.post(f"{gateway.url}/v1/chat/completions", json=ASKED)).content for _ in range(times)]


def observed(script, *checks, times=1):
    """The bodies that clients got, and the gateway after its end."""

    async def main():
        with Provider(script) as provider:
            async with gateway(provider, *checks) as running:
                return await ask(running, times), running

    return asyncio.run(main())


def test_functions_and_coroutine_functions_see_every_event_in_order():
    plain: list[StreamEvent] = []
    awaited: list[StreamEvent] = []

    async def note(event):
        await asyncio.sleep(0)
        awaited.append(event)

    got, running = observed(bodies.chat_with_usage(ALL), plain.append, note)
    assert got == [b"".join(bodies.chat_with_usage(ALL))]
    assert plain == awaited
    assert "".join(event.text or "" for event in plain) == "All is well."
    assert [event.sequence for event in plain] == [*range(len(plain))]
    assert {event.channel for event in plain if event.text} == {"choice:0/text"}
    assert len({event.stream for event in plain}) == 1
    assert {(event.api, event.path, event.model) for event in plain} == {("openai", "/v1/chat/completions", "m")}
    last = plain[-1]
    assert (last.kind, last.fields["ending"]) == ("summary", "complete")
    assert [(one.seen, one.lost, one.failed) for one in running.checks] == [(len(plain), 0, 0)] * 2


def test_findings_are_seen():
    seen: list[StreamEvent] = []
    observed(bodies.chat(["I am done. "] * 40), seen.append)
    (finding,) = [event for event in seen if event.kind == "finding"]
    assert (finding.fields["check"], finding.fields["action"]) == ("repeat", "stop")
    assert seen[-1].fields["ending"] == "halted"


def test_a_stream_does_not_wait_for_a_check_that_sleeps():
    entered, release = threading.Event(), threading.Event()

    def sleeper(event):
        entered.set()
        release.wait(60)

    async def main():
        words = [f"word {number} " for number in range(10_000)]
        with Provider(bodies.chat(words)) as provider:
            async with gateway(provider, sleeper) as running:
                (got,) = await ask(running)
                asleep = entered.is_set()
                counts = running.checks
                release.set()
            return got == b"".join(bodies.chat(words)), asleep, counts, running.checks

    whole, asleep, (before,), (after,) = asyncio.run(main())
    assert whole
    assert asleep
    assert before.seen == 1
    assert after.lost > 1_000
    assert after.seen + after.lost > 10_000


def test_a_check_that_never_returns_does_not_keep_the_gateway():
    forever = threading.Event()
    began = time.monotonic()
    _, running = observed(bodies.chat(ALL), lambda event: forever.wait(60))
    assert time.monotonic() - began < 30
    assert running.checks[0].seen == 1
    assert running.checks[0].lost > 0


def test_a_coroutine_that_never_returns_does_not_keep_the_gateway():
    async def sleeper(event):
        await asyncio.sleep(60)

    got, running = observed(bodies.chat(ALL), sleeper)
    assert got == [b"".join(bodies.chat(ALL))]
    assert running.checks[0].seen == 1


def test_an_exception_is_told_once_and_counted(caplog):
    def broken(event):
        raise ValueError("no")

    async def also_broken(event):
        raise KeyError("no")

    with caplog.at_level(logging.WARNING, "midstream.gateway"):
        got, running = observed(bodies.chat(ALL), broken, also_broken, times=3)
    assert got == [b"".join(bodies.chat(ALL))] * 3
    told = sorted(record.message for record in caplog.records)
    assert len(told) == 2
    assert "also_broken raised KeyError" in told[0]
    assert "broken raised ValueError" in told[1]
    assert all(one.failed == one.seen > 3 for one in running.checks)


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="a check is str, allowed: a function or a coroutine function"):
        Gateway(checks=["print"])
