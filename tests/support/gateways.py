"""Gateways for tests that are not coroutines."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from midstream.gateway import Gateway, GatewayConfig, Upstream
from midstream.stream import Settings

__all__ = ["gateway_to", "nobody", "running"]


@contextmanager
def running(config: GatewayConfig) -> Iterator[Gateway]:
    """A gateway that runs meanwhile; it has threads of its own, so no loop needs to."""
    gateway = Gateway(config, threads=2)
    asyncio.run(gateway.__aenter__())
    try:
        yield gateway
    finally:
        asyncio.run(gateway.__aexit__(None, None, None))


def gateway_to(url: str, guard: Settings | None = None, **more: Any) -> Any:
    """A gateway in front of one server that speaks every API."""
    upstream = Upstream(url=url.removesuffix("/v1"), apis=("anthropic", "gemini", "ollama", "openai"))
    return running(
        GatewayConfig(listen="127.0.0.1:0", drain_s=1, upstreams={"mock": upstream}, guard=guard or Settings(), **more)
    )


def nobody() -> str:
    """A URL on loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    return f"http://127.0.0.1:{port}"
