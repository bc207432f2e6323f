"""Never run: mypy and pyright must find exactly these types, and refuse the calls marked as wrong."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import midstream
from midstream.stream import (
    AgentSummary,
    Decided,
    Record,
    Recording,
    Replay,
    Settings,
    Summary,
    Trace,
    TraceFinding,
    Watched,
    replay,
    replay_async,
)


def pieces() -> Iterator[str]:
    yield "text"


assert_type(midstream.watch(pieces(), record="a.jsonl"), Watched[str])
assert_type(midstream.watch(pieces(), record=Path("a.jsonl")), Watched[str])
assert_type(midstream.watch(pieces(), record=io.BytesIO()), Watched[str])
assert_type(midstream.watch(pieces(), record=Record("recordings", request=True)), Watched[str])

recording = Recording.load("a.yaml", index=1)
assert_type(recording, Recording)
assert_type(Recording.load_all("a.yaml"), list[Recording])
assert_type(replay(recording, "guard.toml", speed=1), Summary)


async def played() -> Summary:
    return assert_type(await replay_async(recording, "guard.toml", speed=1), Summary)


seen = Replay.of(recording, Settings(), speed=2.0)
assert_type(seen.stop, Decided | None)
assert_type(seen.saved.tokens, int)
trace = Trace.load("run.json")
assert_type(trace.findings("guard.toml"), list[TraceFinding])
assert_type(trace.check(), AgentSummary)

midstream.watch(pieces(), record=5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
replay(recording, speed="fast")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
