"""Certificates, pages of browsers, another configuration while it runs, and its end."""

import asyncio
import ssl

import httpx2
import openai
import pytest

import bodies
from gateways import gateway_to, running
from midstream.errors import InputError
from midstream.gateway import Clients, Cors, Gateway, GatewayConfig, Tls, Upstream
from provider import Pause, Provider

ASKED = {"model": "m", "messages": [], "stream": True}
CHUNKS = bodies.chat(["All ", "is ", "well."])


def trusting(gateway):
    return ssl.create_default_context(cadata=gateway.certificate.pem)


def test_an_sdk_that_trusts_the_made_certificate_is_answered():
    with Provider(CHUNKS) as provider, gateway_to(provider.url, tls=Tls(generated=True)) as gateway:
        assert gateway.url.startswith("https://")
        assert len(gateway.certificate.sha256) == 64
        http = openai.DefaultHttpxClient(verify=trusting(gateway))
        client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", http_client=http, max_retries=0)
        chunks = client.chat.completions.create(model="m", messages=[], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "All is well."


def test_who_does_not_trust_the_certificate_is_not_answered():
    with Provider(CHUNKS) as provider, gateway_to(provider.url, tls=Tls(generated=True)) as gateway:
        with pytest.raises(httpx2.ConnectError, match="certificate"):
            httpx2.get(f"{gateway.url}/healthz", trust_env=False)
        assert httpx2.get(f"{gateway.url}/healthz", verify=trusting(gateway), trust_env=False).text == "ok"


def test_files_of_certificates_that_cannot_be_used_are_named(tmp_path):
    (tmp_path / "key.pem").write_text("no key")
    tls = Tls(certificate=str(tmp_path / "gone.pem"), key=str(tmp_path / "key.pem"))
    with (
        pytest.raises(InputError, match=r'tls.certificate is ".*gone.pem", allowed is a file in PEM'),
        running(GatewayConfig(listen="127.0.0.1:0", tls=tls)),
    ):
        pass


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"tls": Tls()}, "tls.generated"),
        ({"tls": Tls(certificate="a.pem")}, "tls.key"),
        ({"cors": Cors(origins=("*",), credentials=True)}, "cors.credentials"),
        ({"cors": Cors(origins=("app.example",))}, "cors.origins[0]"),
        ({"clients": Clients(header_s=0)}, "clients.header_s"),
        ({"clients": Clients(header_bytes=1)}, "clients.header_bytes"),
    ],
)
def test_a_fault_of_the_configuration_names_its_key(change, key):
    with pytest.raises(InputError) as raised, running(GatewayConfig(listen="127.0.0.1:0", **change)):
        pass
    assert raised.value.key == key


def test_a_reload_leaves_running_streams_as_they_are():
    slow = [*CHUNKS[:1], Pause(0.5), *CHUNKS[1:]]
    with Provider(slow) as old, Provider(CHUNKS) as new, gateway_to(old.url) as gateway:
        url = f"{gateway.url}/v1/chat/completions"
        with httpx2.stream("POST", url, json=ASKED, trust_env=False) as running_stream:
            body = running_stream.iter_raw()
            begin = next(body)
            listen = gateway.url.removeprefix("http://")
            upstream = Upstream(url=new.url.removesuffix("/v1"), apis=("openai",))
            asyncio.run(gateway.reload(GatewayConfig(listen=listen, upstreams={"new": upstream})))
            answered = httpx2.post(url, json=ASKED, trust_env=False)
            assert answered.headers["x-midstream-upstream"] == "new"
            assert begin + b"".join(body) == b"".join(CHUNKS)
        with pytest.raises(InputError, match=r"listen is 127\.0\.0\.1:1, but"):
            asyncio.run(gateway.reload(GatewayConfig(listen="127.0.0.1:1")))
        assert len(gateway.streams()) == 2


def test_a_page_is_answered_where_its_origin_is_named():
    cors = Cors(origins=("https://app.example",))
    with Provider(CHUNKS) as provider, gateway_to(provider.url, cors=cors) as gateway:
        url = f"{gateway.url}/v1/chat/completions"

        def ask(origin):
            return httpx2.post(url, json=ASKED, headers={"origin": origin}, trust_env=False)

        assert ask("https://app.example").headers["access-control-allow-origin"] == "https://app.example"
        refused = ask("https://other.example")
    assert refused.status_code == 403
    assert refused.json()["error"]["type"] == "midstream_origin"


def test_a_gateway_that_is_not_entered_cannot_be_reloaded():
    with pytest.raises(Exception, match="does not run"):
        asyncio.run(Gateway(GatewayConfig()).reload(GatewayConfig()))
