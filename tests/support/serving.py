"""``midstream serve`` in a process of its own, and what its viewers are told."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

__all__ = ["SERVE", "serving", "told"]

SERVE = [sys.executable, "-m", "midstream", "serve", "--config"]


@contextlib.contextmanager
def serving(words: Sequence[str]) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A process that serves, and its base URL."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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
