"""curl through the gateway: the stream is there at once, over HTTP/1.1 and HTTP/2."""

import json
import shutil
import subprocess

import pytest

import bodies
from gateways import gateway_to
from provider import Provider, Stall

ALL = bodies.chat(["All ", "is ", "well."])
ASKED = json.dumps({"model": "m", "messages": [], "stream": True})


@pytest.fixture(scope="module")
def curl():
    path = shutil.which("curl")
    if path is None:
        pytest.skip("curl is not installed")
    return path


def words(curl, gateway, *options):
    url = f"{gateway.url}/v1/chat/completions"
    return [curl, "--silent", "--show-error", "--no-buffer", "--noproxy", "*", *options, "--json", ASKED, url]


@pytest.fixture(params=["--http1.1", "--http2-prior-knowledge"])
def version(request, curl):
    shown = subprocess.run([curl, "--version"], capture_output=True, text=True, check=True).stdout
    if "http2" in request.param and "HTTP2" not in shown:
        pytest.skip("this curl has no HTTP/2")
    return request.param


def test_a_body_comes_byte_by_byte_as_it_was_sent(curl, version):
    with Provider(ALL) as provider, gateway_to(provider.url) as gateway:
        done = subprocess.run(words(curl, gateway, version), capture_output=True, check=True, timeout=30)
    assert done.stdout == b"".join(ALL)


def test_each_event_is_there_before_the_next_is_sent_and_leaving_closes_the_provider(curl, version):
    with Provider([*ALL[:2], Stall()]) as provider, gateway_to(provider.url) as gateway:
        running = subprocess.Popen(words(curl, gateway, version), stdout=subprocess.PIPE)
        expected = b"".join(ALL[:2])
        got = b""
        while len(got) < len(expected):
            got += running.stdout.read1()
        assert got == expected
        running.kill()
        running.communicate()
        assert provider.last().hung_up_s is not None


def test_headers_tell_the_stream_and_the_upstream(curl, version):
    with Provider(ALL) as provider, gateway_to(provider.url) as gateway:
        show = ["--dump-header", "-", "--output", "/dev/null"]
        done = subprocess.run(
            words(curl, gateway, version, *show), capture_output=True, text=True, check=True, timeout=30
        )
        (stream,) = gateway.streams()
    head = done.stdout.lower()
    assert f"x-midstream-stream-id: {stream['id']}" in head
    assert "x-midstream-upstream: mock" in head
    assert head.startswith("http/2 200" if "http2" in version else "http/1.1 200")
