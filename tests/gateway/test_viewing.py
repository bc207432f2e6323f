"""Those who look on inside the process, and the document of the endpoints."""

import asyncio

import httpx2
import pytest

import bodies
from gateways import gateway_to
from midstream.errors import InputError
from midstream.gateway import ViewerEvent, Viewers
from provider import Provider, Stall

ASKED = {"model": "m", "stream": True, "messages": []}


def ask(gateway):
    """The id of a stream that was answered."""
    answer = httpx2.post(f"{gateway.url}/v1/chat/completions", json=ASKED, trust_env=False)
    return answer.headers["x-midstream-stream-id"]


async def all_of(gateway, id, **more):
    return [event async for event in await gateway.viewer(id, **more)]


def test_a_viewer_gets_events_and_goes_on_where_it_was():
    with Provider(bodies.chat(["Hel", "lo"])) as provider, gateway_to(provider.url) as gateway:
        id = ask(gateway)
        events = asyncio.run(all_of(gateway, id))
        rest = asyncio.run(all_of(gateway, id, after=1))
        raw = asyncio.run(all_of(gateway, id, mode="raw"))
    assert "".join(event.text for event in events if event.kind == "text") == "Hello"
    assert [event.sequence for event in events[:-1]] == list(range(len(events) - 1))
    assert events[-1].kind == "midstream.end"
    assert events[-1].fields["summary"]["ending"] == "complete"
    assert rest[:-1] == events[2:-1]
    assert "".join(event.text for event in raw[:-1]).encode() == b"".join(bodies.chat(["Hel", "lo"]))


def test_a_viewer_that_leaves_gives_its_place_back():
    async def leave(gateway, id):
        async with await gateway.viewer(id) as viewer:
            first = await anext(viewer)
            for after in (-1, 1 << 64):
                with pytest.raises(InputError, match=f"after is {after}, allowed is the number of an event"):
                    await gateway.viewer(id, after=after)
            with pytest.raises(InputError, match="as many viewers"):
                await gateway.viewer(id)
        for _ in range(200):
            if gateway.stream(id)["viewers"] == 0:
                return first
            await asyncio.sleep(0.05)
        raise AssertionError("the place was not given back")

    script = [*bodies.chat(["Hello"])[:2], Stall()]
    with Provider(script) as provider, gateway_to(provider.url, viewers=Viewers(per_stream=1)) as gateway:
        asking = httpx2.stream("POST", f"{gateway.url}/v1/chat/completions", json=ASKED, trust_env=False)
        with asking as answer:
            first = asyncio.run(leave(gateway, answer.headers["x-midstream-stream-id"]))
    assert isinstance(first, ViewerEvent)
    assert first.sequence == 0


def test_notes_are_added_and_bounded():
    with Provider(bodies.chat(["Hello"])) as provider, gateway_to(provider.url) as gateway:
        id = ask(gateway)
        gateway.annotate(id, {"reviewer": "alice", "score": 3})
        assert gateway.stream(id)["notes"] == [{"reviewer": "alice", "score": 3}]
        for note in ["x" * 5000, float("nan"), object()]:
            with pytest.raises(InputError, match="note"):
                gateway.annotate(id, note)
        with pytest.raises(InputError, match="no stream has the id"):
            gateway.annotate("unknown", 1)


def test_what_no_viewer_can_be_of_is_refused():
    async def refused(gateway, *args, **more):
        with pytest.raises(InputError) as raised:
            await gateway.viewer(*args, **more)
        return str(raised.value)

    with Provider(bodies.chat(["Hello"])) as provider, gateway_to(provider.url) as gateway:
        id = ask(gateway)
        assert "no stream has the id" in asyncio.run(refused(gateway, "unknown"))
        assert "after is 99" in asyncio.run(refused(gateway, id, after=99))
        assert "mode is 'other'" in asyncio.run(refused(gateway, id, mode="other"))


def test_the_document_of_the_endpoints_is_valid_and_names_them_all():
    validator = pytest.importorskip("openapi_spec_validator", reason="openapi-spec-validator is not installed")
    with Provider([]) as provider, gateway_to(provider.url) as gateway:
        document = httpx2.get(f"{gateway.url}/midstream/v1/openapi.json", trust_env=False).json()
        validator.validate(document)
        assert document["openapi"].startswith("3.1")
        stream = "/midstream/v1/streams/{id}"
        assert {(path, method) for path, methods in document["paths"].items() for method in methods} == {
            ("/healthz", "get"),
            ("/metrics", "get"),
            ("/midstream/v1/openapi.json", "get"),
            ("/midstream/v1/streams", "get"),
            ("/midstream/v1/usage", "get"),
            ("/readyz", "get"),
            (stream, "delete"),
            (stream, "get"),
            (f"{stream}/annotate", "post"),
            (f"{stream}/cancel", "post"),
            (f"{stream}/events", "get"),
            (f"{stream}/findings", "get"),
            (f"{stream}/token", "post"),
        }
        for path, methods in document["paths"].items():
            for method in methods:
                answer = httpx2.request(method, gateway.url + path.replace("{id}", "unknown"), trust_env=False)
                assert answer.status_code != 405, (method, path)
                assert "no upstream serves" not in answer.text, (method, path)
