"""A command whose standard output is the stream."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncGenerator, Sequence
from typing import Self

from midstream.cli.exits import USAGE, Failure
from midstream.cli.terminal import complain
from midstream.stream import Summary

__all__ = ["Command"]

GRACE_S = 2.0
"""Between TERM and KILL."""
POLL_S = 0.01
BLOCK = 1 << 16


class Command:
    """A running command in a process group of its own.

    Parameters
    ----------
    process : subprocess.Popen
    name : str
    """

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        assert process.stdout is not None
        self.process = process
        self.name = name
        self.content_type: str | None = "text/plain"  # a page that it prints is an answer
        self.stopped = False
        self.failed = False
        self.file = process.stdout
        self.output = process.stdout.fileno()
        os.set_blocking(self.output, False)

    @classmethod
    async def started(cls, words: Sequence[str]) -> Self:
        """Start the command.

        Raises
        ------
        Failure
            Where it cannot be started.
        """
        try:
            process = subprocess.Popen(words, stdout=subprocess.PIPE, process_group=0)
        except FileNotFoundError as error:
            raise Failure(f"no such command: {words[0]}", USAGE) from error
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise Failure(f"cannot run {words[0]}: {reason}", USAGE) from error
        return cls(process, words[0])  # an argument may hold a secret

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Its standard output as it comes."""
        while True:
            try:
                block = os.read(self.output, BLOCK)
            except BlockingIOError:
                await readable(self.output)
                continue
            if not block:
                return
            yield block

    async def stop(self) -> None:
        """Tell the whole group to end."""
        if not self.stopped:
            self.stopped = True
            self.signal(signal.SIGTERM)

    async def close(self) -> str:
        """Wait for its end; one that was told to end has two seconds."""
        with self.file:
            return await self.ended()

    async def ended(self) -> str:
        """Wait until it has ended, and say how."""
        if self.stopped:
            await self.end_in_time()
            return "stopped"
        while self.process.poll() is None:
            await asyncio.sleep(POLL_S)
        if self.process.returncode == 0:
            return "clean"
        self.failed = True
        complain(f"the command {how_it_ended(self.process.returncode)}: {self.name}")
        return "abrupt"

    def fault(self, summary: Summary, error: str | None) -> None:
        """Nothing: what a command prints need not be an answer."""

    async def end_in_time(self) -> None:
        """Wait until nothing of the group is left, and kill what stays too long."""
        now = asyncio.get_running_loop().time
        deadline = now() + GRACE_S
        while self.alive() and now() < deadline:
            await asyncio.sleep(POLL_S)
        self.signal(signal.SIGKILL)
        self.process.wait()

    def alive(self) -> bool:
        """Whether any process of the group is left."""
        self.process.poll()  # a process that nobody waited for would count
        return self.signal(0)

    def signal(self, number: int) -> bool:
        """Send a signal to the group; False where none of it is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)
            return True
        return False


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


def how_it_ended(status: int) -> str:
    return f"ended with status {status}" if status > 0 else f"was ended by {signal.Signals(-status).name}"
