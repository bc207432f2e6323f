"""A gateway beside a command that is no coroutine."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from midstream.gateway import Gateway, GatewayConfig

__all__ = ["serving"]


@contextmanager
def serving(config: GatewayConfig) -> Iterator[Gateway]:
    """A gateway that runs meanwhile: it has threads of its own, so no loop needs to."""
    gateway = Gateway(config)
    asyncio.run(gateway.__aenter__())
    try:
        yield gateway
    finally:
        asyncio.run(gateway.__aexit__(None, None, None))
