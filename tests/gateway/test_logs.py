"""What happens to an embedded gateway goes to Python's logging, where somebody asks for it."""

import asyncio
import logging

import httpx2
import pytest

import bodies
from midstream.errors import InputError
from midstream.gateway import Gateway, GatewayConfig, Log, Upstream
from provider import Provider

ASKED = {"model": "m", "messages": [], "stream": True}


async def asked(provider: Provider, **options: object) -> Gateway:
    """A gateway that has answered once and stopped."""
    upstream = Upstream(url=provider.url.removesuffix("/v1"), apis=("openai",))
    log = Log(level="debug")
    config = GatewayConfig(listen="127.0.0.1:0", upstreams={"mock": upstream}, log=log)
    async with Gateway(config, threads=2, **options) as gateway, httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{gateway.url}/v1/chat/completions", json=ASKED)
        assert answer.status_code == 200
        with pytest.raises(InputError):
            await gateway.reload(GatewayConfig(listen="127.0.0.1:1"))
    return gateway


def test_each_event_is_a_record_with_its_fields_as_attributes(caplog, capfd):
    with Provider(bodies.chat(["Hi"])) as provider, caplog.at_level(logging.DEBUG, "midstream.gateway"):
        gateway = asyncio.run(asked(provider, log="logging"))
    records = [record for record in caplog.records if record.name == "midstream.gateway"]
    names = [record.getMessage() for record in records]
    assert names == ["started", "stream_ended", "configuration_refused", "draining", "stopped"]
    assert (records[1].levelno, records[2].levelno) == (logging.INFO, logging.WARNING)
    assert (records[1].upstream, records[1].status, records[1].end) == ("mock", 200, "complete")
    assert gateway.lost_log_lines == 0
    assert capfd.readouterr().err == ""


def test_by_default_nobody_is_told(caplog, capfd):
    with Provider(bodies.chat(["Hi"])) as provider, caplog.at_level(logging.DEBUG, "midstream.gateway"):
        asyncio.run(asked(provider))
    assert not [record for record in caplog.records if record.name == "midstream.gateway"]
    assert capfd.readouterr().err == ""


def test_two_gateways_of_one_process_tell_apart(caplog):
    async def both() -> None:
        config = GatewayConfig(listen="127.0.0.1:0", log=Log(level="info"))
        async with Gateway(config, threads=1, log="logging"), Gateway(config, threads=1) as silent:
            with pytest.raises(InputError):
                await silent.reload(GatewayConfig(listen="127.0.0.1:1"))

    with caplog.at_level(logging.DEBUG, "midstream.gateway"):
        asyncio.run(both())
    assert [record.getMessage() for record in caplog.records] == ["started", "draining", "stopped"]


def test_another_level_is_taken_by_a_reload(caplog):
    async def reloaded() -> None:
        config = GatewayConfig(listen="127.0.0.1:0", log=Log(level="error"))
        async with Gateway(config, threads=1, log="logging") as gateway:
            await gateway.reload(GatewayConfig(listen="127.0.0.1:0", log=Log(level="info")))

    with caplog.at_level(logging.DEBUG, "midstream.gateway"):
        asyncio.run(reloaded())
    assert [record.getMessage() for record in caplog.records] == ["draining", "stopped"]


def test_a_place_for_lines_that_is_none_is_refused():
    with pytest.raises(InputError, match="log is 'syslog', allowed is logging, stderr or None"):
        Gateway(log="syslog")
