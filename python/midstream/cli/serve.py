"""``midstream serve``: the gateway."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

from midstream.cli.endpoints import told_of_url
from midstream.cli.exits import USAGE, Failure
from midstream.errors import InputError
from midstream.gateway import Api, Gateway, GatewayConfig, Upstream

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


def serve(config: Path | None = None, /, *, upstream: str | None = None, listen: str | None = None) -> None:
    """Put MidStream between any app and any model: change the base URL of the app and nothing else.

    Without a configuration it asks the providers whose keys are in the environment (OPENAI_API_KEY, ANTHROPIC_API_KEY,
    GEMINI_API_KEY), and without one of those the local model. It runs until Ctrl-C or SIGTERM, and then lets running
    streams end.

    Parameters
    ----------
    config : Path
        Its configuration, in TOML.
    upstream : str
        One server to ask, by its URL.
    listen : str
        Address and port. Default: 127.0.0.1:4000.

    Examples
    --------
    ::

        midstream serve
        midstream serve --upstream http://127.0.0.1:11434
        midstream serve midstream.toml
    """
    if config is not None and upstream is not None:
        raise Failure("give a configuration or --upstream, not both", USAGE)
    with contextlib.ExitStack() as stack:
        try:
            chosen = GatewayConfig.load(config) if config is not None else stack.enter_context(found(upstream))
        except InputError as error:
            raise Failure(str(error), USAGE) from error
        asyncio.run(run(replace(chosen, listen=listen) if listen is not None else chosen))


@contextlib.contextmanager
def found(url: str | None) -> Iterator[GatewayConfig]:
    """The configuration of one URL, else of the environment, else of the local model, which runs meanwhile."""
    if url is not None:
        api = told_of_url(url)
        yield GatewayConfig(upstreams={"upstream": Upstream(url=base_of(url), apis=(api,))})
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


def base_of(url: str) -> str:
    """What a path of the API is put behind: SDKs take the version as a part of the base URL."""
    return url.rstrip("/").removesuffix("/v1").removesuffix("/api")


async def run(config: GatewayConfig) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    async with Gateway(config) as gateway:
        apis = sorted({api for upstream in config.upstreams.values() for api in upstream.apis})
        for api in apis:
            print(BASES[api].format(url=gateway.url))
        print(f"# streams: {gateway.url}/midstream/v1/streams", flush=True)
        await stopped.wait()
        print("midstream: stopping; running streams may end", file=sys.stderr)
