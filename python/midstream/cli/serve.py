"""``midstream serve``: the gateway."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from midstream.cli.config_file import GATEWAY
from midstream.cli.exits import DONE, INTERRUPTED, USAGE, Failure
from midstream.cli.upstream import upstream_of
from midstream.errors import InputError
from midstream.gateway import Api, Gateway, GatewayConfig, Tls, Upstream
from midstream.gateway.config import load_to_serve

__all__ = ["serve"]

PROVIDERS = {
    "anthropic": ("ANTHROPIC_API_KEY", "https://api.anthropic.com"),
    "gemini": ("GEMINI_API_KEY", "https://generativelanguage.googleapis.com"),
    "openai": ("OPENAI_API_KEY", "https://api.openai.com"),
}
"""Whose key in the environment is enough to ask them."""
BASES = {
    "anthropic": "ANTHROPIC_BASE_URL={url}",
    "gemini": "GOOGLE_GEMINI_BASE_URL={url}",
    "ollama": "OLLAMA_HOST={url}",
    "openai": "OPENAI_BASE_URL={url}/v1",
}


def serve(
    config: Path | None = None,
    *,
    upstream: str | None = None,
    listen: str | None = None,
    tls: bool = False,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
) -> int:
    """Put MidStream between any app and any model: change the base URL of the app and nothing else.

    Without a configuration it asks the providers whose keys are in the environment (OPENAI_API_KEY, ANTHROPIC_API_KEY,
    GEMINI_API_KEY), and without one of those the local model. It runs until Ctrl-C or SIGTERM, and then lets running
    streams end.

    Parameters
    ----------
    config : Path
        Its configuration, in TOML. Default: the one that MIDSTREAM_CONFIG names, else midstream.toml where it is there.
    upstream : str
        One server to ask, by its URL. Default: the one that MIDSTREAM_UPSTREAM names.
    listen : str
        IP address or localhost, and port. Default: that of the configuration, 127.0.0.1:4000.
    tls : bool
        Serve HTTPS with a certificate that is made at the start; its SHA-256 is printed.
    tls_cert : Path
        Serve HTTPS with this certificate, in PEM.
    tls_key : Path
        Its private key, in PEM.

    Examples
    --------
    ::

        midstream serve
        midstream serve --upstream http://127.0.0.1:11434
        midstream serve --tls
        midstream serve --config midstream.toml
    """
    if config is not None and upstream is not None:
        raise Failure("give a configuration or --upstream, not both", USAGE)
    said = "--upstream"
    if config is None and upstream is None:
        config, upstream = unsaid()
        said = "MIDSTREAM_UPSTREAM"
    if upstream is not None and (unread := configured()) is not None:
        print(
            f"midstream: {said} is asked alone; {unread} is not read, nor are its keys, limits and guard",
            file=sys.stderr,
        )
    changes: dict[str, Any] = {} if listen is None else {"listen": listen}
    if (certificate := told_tls(tls, tls_cert, tls_key)) is not None:
        changes["tls"] = certificate
    with contextlib.ExitStack() as stack:
        try:
            given = stack.enter_context(found(upstream)) if config is None else None

            def load() -> GatewayConfig:
                return replace(given or load_to_serve(config or ""), **changes)

            chosen = load()
        except InputError as error:
            raise Failure(str(error), USAGE) from error
        return asyncio.run(run(chosen, load))


def told_tls(generated: bool, certificate: Path | None, key: Path | None) -> Tls | None:
    if (certificate is None) != (key is None) or (generated and certificate is not None):
        raise Failure("give --tls, or --tls-cert with --tls-key", USAGE)
    if generated:
        return Tls(generated=True)
    return None if certificate is None else Tls(certificate=str(certificate), key=str(key))


def unsaid() -> tuple[Path | None, str | None]:
    """The configuration, or the upstream, that the environment or the working directory has."""
    if named := os.environ.get("MIDSTREAM_CONFIG", "").strip():
        return Path(named), None
    if url := os.environ.get("MIDSTREAM_UPSTREAM", "").strip():
        return None, url
    if (here := Path(GATEWAY)).is_file():
        print(f"midstream: reading {here}", file=sys.stderr)
        return here, None
    return None, None


def configured() -> str | None:
    """The configuration that the environment or the working directory has, for people."""
    if named := os.environ.get("MIDSTREAM_CONFIG", "").strip():
        return f"{named}, which MIDSTREAM_CONFIG names,"
    return GATEWAY if Path(GATEWAY).is_file() else None


@contextlib.contextmanager
def found(url: str | None) -> Iterator[GatewayConfig]:
    """The configuration of one URL, else of the environment, else of the local model, which runs meanwhile."""
    if url is not None:
        yield GatewayConfig(upstreams={"upstream": upstream_of(url)})
        return
    upstreams = {
        name: Upstream(url=base, apis=(cast(Api, name),), key_env=key)
        for name, (key, base) in PROVIDERS.items()
        if os.environ.get(key, "").strip()
    }
    if upstreams:
        yield GatewayConfig(upstreams=upstreams)
        return
    from midstream import local
    from midstream.cli.models import fetch

    local.require_package()
    if local.state() in ("absent", "damaged"):
        fetch()
    with local.Server() as server:
        print(f"midstream: no configuration and no key; asking {server.model} on this machine", file=sys.stderr)
        yield GatewayConfig(upstreams={"local": Upstream(url=server.address, apis=("anthropic", "openai"))})


async def run(config: GatewayConfig, load: Callable[[], GatewayConfig]) -> int:
    """Serve until a signal asks for the end; gives the exit code."""
    stopped: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.put_nowait, number)
    hung_up = asyncio.Event()
    with contextlib.suppress(AttributeError, NotImplementedError):
        loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    async with Gateway(config, log="stderr") as gateway:
        with made_certificate(gateway) as lines:
            for line in addresses(config, gateway.url, lines):
                print(line)
            sys.stdout.flush()
            async with asyncio.TaskGroup() as tasks:
                reloading = tasks.create_task(reload(gateway, load, hung_up))
                asked = await stopped.get()
                reloading.cancel()
        hastening = asyncio.create_task(hasten(gateway, stopped))
    hastening.cancel()
    return INTERRUPTED if asked == signal.SIGINT else DONE


async def hasten(gateway: Gateway, stopped: asyncio.Queue[signal.Signals]) -> None:
    """Who asks twice does not wait for streams, who asks three times for nothing."""
    await stopped.get()
    gateway.haste()
    await stopped.get()
    os._exit(INTERRUPTED)


async def reload(gateway: Gateway, load: Callable[[], GatewayConfig], hung_up: asyncio.Event) -> None:
    """Reads the configuration again when SIGHUP asks for it; after a fault the old one stays."""
    while True:
        await hung_up.wait()
        hung_up.clear()
        with contextlib.suppress(InputError):  # the log has told why
            await gateway.reload(load)


@contextlib.contextmanager
def made_certificate(gateway: Gateway) -> Iterator[list[str]]:
    """What clients pin, in a file while the gateway runs: apps trust what a file holds."""
    if gateway.certificate is None:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="midstream-") as folder:
        path = Path(folder, "certificate.pem")
        path.write_text(gateway.certificate.pem)
        yield [f"# cert     {path}", f"# sha256   {gateway.certificate.sha256}"]


def addresses(config: GatewayConfig, url: str, certificate: list[str]) -> Iterator[str]:
    """What a shell can read: the variables of SDKs, and what to look at as comments."""
    apis = sorted({api for upstream in config.upstreams.values() for api in upstream.apis})
    yield from (BASES[api].format(url=url) for api in apis)
    for name, upstream in config.upstreams.items():
        holder = upstream.key_env or upstream.key_file
        key = f", with the key in {holder}" if holder else ""
        yield f"# asks     {name}: {upstream.url}{upstream.v1 or ''}{key}"
    if not apis:
        yield "# asks     nobody: the configuration names no upstream"
    yield from certificate
    yield f"# streams  {url}/midstream/v1/streams"
    yield f"# events   {url}/midstream/v1/streams/ID/events"
    yield f"# metrics  {url}/metrics"
    yield f"# ready    {url}/readyz"
