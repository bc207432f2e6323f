"""A command whose standard output is the stream."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncGenerator, Sequence
from typing import Self

from midstream.cli import group
from midstream.cli.exits import USAGE, Failure
from midstream.cli.reading import blocks
from midstream.cli.terminal import complain, reason
from midstream.stream import Summary

__all__ = ["Command"]

GRACE_S = 2.0
"""Between TERM and KILL."""
POLL_S = 0.01


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
        self.output = process.stdout

    @classmethod
    async def started(cls, words: Sequence[str]) -> Self:
        """Start the command.

        Raises
        ------
        Failure
            Where it cannot be started.
        """
        try:
            process = group.started(words)
        except FileNotFoundError as error:
            raise Failure(f"no such command: {words[0]}", USAGE) from error
        except OSError as error:
            raise Failure(f"cannot run {words[0]}: {reason(error)}", USAGE) from error
        except ValueError as error:
            raise Failure(f"cannot run {words[0]}: {error}", USAGE) from error
        return cls(process, words[0])  # an argument may hold a secret

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Its standard output as it comes."""
        return blocks(self.output.fileno())

    async def stop(self) -> None:
        """Tell the whole group to end."""
        if not self.stopped:
            self.stopped = True
            group.ask_to_end(self.process)

    async def close(self) -> str:
        """Wait for its end; one that was told to end has two seconds."""
        with self.output:
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

    async def end_in_time(self) -> None:
        """Wait until nothing of the group is left, and kill what stays too long."""
        now = asyncio.get_running_loop().time
        deadline = now() + GRACE_S
        while group.alive(self.process) and now() < deadline:
            await asyncio.sleep(POLL_S)
        group.kill(self.process)

    def fault(self, summary: Summary, error: str | None) -> None:
        """Nothing: what a command prints need not be an answer."""


def how_it_ended(status: int) -> str:
    if status > 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:  # the system knows signals that Python has no name for
        return f"was ended by signal {-status}"
