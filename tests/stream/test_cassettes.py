"""Cassettes, as VCR itself writes them."""

import base64
import gzip
import json
import os
import subprocess
import sys

import httpx
import pytest
import requests

import bodies
from midstream.errors import InputError, MissingExtra, RecordingError
from midstream.stream import Recording, Settings, replay
from provider import Provider

vcr = pytest.importorskip("vcr", reason="pip install vcrpy")

CHAT = bodies.chat(["It is ", "raining", " in 京都."])
BODY = b"".join(CHAT)
ASKED = {"model": "gpt-5", "stream": True, "messages": [], "api_key": "sk-hunter2"}


def ask(url, client=None):
    with (
        client or httpx.Client() as client,
        client.stream("POST", f"{url}/chat/completions?key=hunter3", json=ASKED) as r,
    ):
        return b"".join(r.iter_bytes())


def recorded(path, script=CHAT, **options):
    """A cassette of one stream, written by VCR."""
    with Provider(script, **options) as provider, vcr.use_cassette(str(path)):
        got = ask(provider.url)
    assert path.exists()
    return got


@pytest.mark.parametrize("serializer", ["yaml", "json"])
def test_a_cassette_that_vcr_wrote_is_read(tmp_path, serializer):
    path = tmp_path / f"a.{serializer}"
    with Provider(CHAT) as provider, vcr.use_cassette(str(path), serializer=serializer):
        assert ask(provider.url) == BODY
    recording = Recording.load(path)
    assert b"".join(chunk.data for chunk in recording.chunks) == BODY
    assert (recording.dialect, recording.framing, recording.model) == ("openai-chat", "sse", "gpt-5")
    assert recording.provider == "127.0.0.1"
    assert "key=***" in recording.url
    assert recording.request["api_key"] == "***"
    assert replay(recording).ending == "complete"
    assert Recording.load(path.read_bytes()) == recording


def test_bodies_that_are_no_text_are_read(tmp_path):
    path = tmp_path / "a.yaml"
    broken = BODY.replace("京".encode(), b"\xff\xfe")
    assert recorded(path, [broken]) == broken
    assert "!!binary" in path.read_text()
    assert Recording.load(path).chunks[0].data == broken


def test_a_packed_body_is_unfolded(tmp_path):
    path = tmp_path / "a.yaml"
    recorded(path, [gzip.compress(BODY)], headers=("content-encoding: gzip",))
    assert replay(Recording.load(path)).ending == "complete"
    assert Recording.load(path).chunks[0].data == BODY


def test_a_synchronous_request_of_urllib3_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    with Provider(CHAT) as provider, vcr.use_cassette(str(path)):
        assert requests.post(f"{provider.url}/chat/completions", json=ASKED, stream=True).content == BODY
    assert replay(Recording.load(path)).ending == "complete"


def test_an_sdk_behind_httpx2_is_recorded_by_vcr_where_vcr_knows_it(tmp_path):
    openai = pytest.importorskip("openai")
    path = tmp_path / "a.yaml"
    with Provider(CHAT) as provider, vcr.use_cassette(str(path)):
        client = openai.OpenAI(api_key="k", base_url=provider.url, max_retries=0)
        list(client.chat.completions.create(model="m", messages=[], stream=True))
    if not path.exists():
        pytest.skip("this vcrpy does not record httpx2")
    assert replay(Recording.load(path)).ending == "complete"


def several(path):
    """One answer that is no stream, and two streams."""
    answer = b'{"object":"chat.completion","choices":[]}'
    with vcr.use_cassette(str(path)):
        with Provider([answer], content_type="application/json") as provider, httpx.Client() as client:
            client.post(provider.url, json={"model": "m"})
        for text in ("one, ", "two, "):
            with Provider(bodies.chat([text])) as provider:
                ask(provider.url)
    return path


def test_of_several_responses_one_is_named_or_all_streams_are_read(tmp_path):
    path = several(tmp_path / "a.yaml")
    with pytest.raises(InputError, match=r"the cassette holds 2 streams among 3 responses: name index=1, 2"):
        Recording.load(path)
    assert b"two" in Recording.load(path, index=2).chunks[0].data
    assert b"chat.completion" in Recording.load(path, index=0).chunks[0].data
    assert [b"one" in recording.chunks[0].data for recording in Recording.load_all(path)] == [True, False]
    for index in (3, -1, "1"):
        with pytest.raises(InputError, match="the cassette holds 3 responses"):
            Recording.load(path, index=index)


def test_an_index_of_what_is_no_cassette_is_refused():
    assert len(Recording.load_all(BODY)) == 1
    assert Recording.load(BODY, index=0).dialect == "openai-chat"
    with pytest.raises(InputError, match="not a cassette"):
        Recording.load(BODY, index=1)


def test_a_loaded_stream_can_be_saved_in_our_own_format(tmp_path):
    recorded(tmp_path / "a.yaml")
    recording = Recording.load(tmp_path / "a.yaml")
    recording.save(tmp_path / "a.jsonl")
    assert Recording.load(tmp_path / "a.jsonl") == recording


OLDER = {
    "httpx's content": {"response": {"content": BODY.decode(), "status_code": 200, "headers": {}}},
    "ruby": {
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Content-Type": ["text/event-stream"]},
            "body": {"encoding": "UTF-8", "string": BODY.decode()},
        }
    },
    "ruby base64": {"response": {"body": {"base64_string": base64.b64encode(BODY).decode()}}},
    "a bare body": {"response": {"body": BODY.decode(), "headers": None}},
}


@pytest.mark.parametrize("held", OLDER.values(), ids=OLDER)
@pytest.mark.parametrize("key", ["interactions", "http_interactions"])
def test_layouts_of_other_versions_are_read(held, key):
    data = json.dumps({key: [held], "recorded_with": "VCR"}).encode()
    assert Recording.load(data, index=0).chunks[0].data == BODY


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("interactions:\n- request: [}\n", 2, "line 2 is not YAML of plain values"),
        (
            "interactions:\n- !!python/object/apply:os.system ['true']\n",
            2,
            "line 2 is not YAML of plain values: could not",
        ),
        (
            "interactions:\n- request: {}\n- request: {}\n  response: {body: {string: 5}}\n",
            2,
            "line 2 begins an interaction without",
        ),
        ("interactions:\n- response: {body: 5}\n", 2, "line 2 begins an interaction whose body cannot be read: int"),
        ("interactions: 5\n", 1, "line 1 begins a cassette whose interactions are no list"),
        ('{"version": 1, "interactions": [}', 1, "line 1 is not JSON"),
        ('{"interactions": ' + "[" * 100_000, 1, "line 1 begins JSON that cannot be read"),
    ],
)
def test_a_damaged_cassette_is_named_with_its_line(text, line, said):
    with pytest.raises(RecordingError) as caught:
        Recording.load(text.encode())
    assert str(caught.value).startswith(said)
    assert caught.value.line == line


def test_a_packed_body_that_was_cut_is_an_error():
    packed = base64.b64encode(gzip.compress(BODY)[:-20]).decode()
    held = {"response": {"headers": {"content-encoding": ["gzip"]}, "body": {"base64_string": packed}}}
    with pytest.raises(RecordingError, match="it was cut"):
        Recording.load(json.dumps({"interactions": [held]}).encode())


def test_a_body_that_unfolds_to_too_much_is_given_up(monkeypatch):
    monkeypatch.setattr("midstream.stream.cassette.MOST", 1 << 20)
    packed = base64.b64encode(gzip.compress(bytes(8 << 20))).decode()
    held = {"response": {"headers": {"content-encoding": "gzip"}, "body": {"base64_string": packed}}}
    with pytest.raises(RecordingError, match="it unfolds to more than 1 MiB"):
        Recording.load(json.dumps({"interactions": [held]}).encode())


def test_an_answer_about_cassettes_is_no_cassette():
    text = b"Write this:\n\ninteractions:\n- request:\n    body: null\n"
    assert replay(Recording.load(text), Settings(shadow=True)).dialect == "text"


def test_without_the_package_its_install_line_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtra, match=r"pip install 'midstream\[vcr\]'"):
        Recording.load(b"interactions:\n- request: {}\n")


def test_the_cassettes_of_pytest_recording_are_read(tmp_path):
    """Its layout: a folder a module, a file a test, several interactions in it."""
    pytest.importorskip("pytest_recording")
    (tmp_path / "test_it.py").write_text(ITS_TEST)
    with Provider(CHAT) as provider:
        words = ["-q", "--record-mode=once", "-p", "no:cacheprovider", "-o", "addopts=", str(tmp_path)]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words], env=os.environ | {"URL": provider.url}, cwd=tmp_path, check=False
        )
    assert done.returncode == 0
    [recording] = Recording.load_all(tmp_path / "cassettes" / "test_it" / "test_stream.yaml")
    assert replay(recording).ending == "complete"


ITS_TEST = """
import os, httpx, pytest

@pytest.mark.vcr
def test_stream():
    with httpx.Client() as client, client.stream("POST", os.environ["URL"], json={"stream": True}) as response:
        assert b"[DONE]" in b"".join(response.iter_bytes())
"""
