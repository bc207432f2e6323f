"""Reads a pipe while the event loop goes on."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from threading import Thread

__all__ = ["blocks", "blocks_by_thread"]

BLOCK = 1 << 16


async def blocks(file: int) -> AsyncGenerator[bytes, None]:
    """What comes from a pipe, as it comes."""
    if sys.platform == "win32":  # its event loop does not wait for pipes like this one
        async for block in blocks_by_thread(file):
            yield block
        return
    os.set_blocking(file, False)
    while True:
        try:
            block = os.read(file, BLOCK)
        except BlockingIOError:
            await readable(file)
            continue
        if not block:
            return
        yield block


async def readable(file: int) -> None:
    """Wait until there is something to read."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def seen() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(file, seen)
    try:
        await ready
    finally:
        loop.remove_reader(file)


async def blocks_by_thread(file: int) -> AsyncGenerator[bytes, None]:
    """What comes from a pipe, read by a thread that waits for each block to be taken."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[bytes] = asyncio.Queue(1)

    def read() -> None:
        block = b" "
        while block:
            try:
                block = os.read(file, BLOCK)
            except OSError:  # the pipe was closed on our side
                block = b""
            put = waiting.put(block)
            try:
                asyncio.run_coroutine_threadsafe(put, loop).result()
            except (RuntimeError, asyncio.CancelledError):  # the loop has ended
                put.close()
                return

    # One that still reads when the program ends does not keep it.
    Thread(target=read, daemon=True).start()
    while block := await waiting.get():
        yield block
