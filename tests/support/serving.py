"""``midstream serve`` in a process of its own, and what its viewers are told."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["FULL", "serve", "serve_limited", "serving", "told", "until"]

FULL = 40_000
"""Bytes that a file may have of a process that is limited."""
LIMITED = f"""
import resource, sys
from midstream.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, ({FULL}, resource.RLIM_INFINITY))
sys.argv = ["midstream", *sys.argv[1:]]
main()
"""
"""Python ignores the signal that tells of more, so that a write fails as on a disk that is full."""


def serve(config: Path) -> list[str]:
    """The command that serves what a file configures."""
    return [sys.executable, "-m", "midstream", "serve", "--config", str(config)]


def serve_limited(config: Path) -> list[str]:
    """The same where no file may have more than `FULL` bytes."""
    return [sys.executable, "-c", LIMITED, "serve", "--config", str(config)]


def until(true: Callable[[], bool]) -> None:
    """Wait for what becomes true."""
    ends = time.monotonic() + 30
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.02)


@contextlib.contextmanager
def serving(words: Sequence[str], **more: Any) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A process that serves, and its base URL; `more` as for a process."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        lines = iter(process.stdout.readline, "")
        url = next(line for line in lines if line.startswith("OPENAI_BASE_URL=")).strip().partition("=")[2]
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield process, url.removesuffix("/v1")
    finally:
        process.kill()
        process.wait(20)
        process.stderr.close()


def told(lines: Iterable[str]) -> Iterator[tuple[str | None, str | None, Any]]:
    """Server-sent events, each as its id, name and data."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            yield fields.get("id"), fields.get("event"), data
            fields = {}
