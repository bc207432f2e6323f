"""Runs of agents: read from ATIF and from lines of steps, written as ATIF, checked for loops."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from midstream._rust.stream import AgentChecks, AgentSummary, Finding
from midstream.errors import InputError, RecordingError
from midstream.stream.atif import VERSION, of_steps, text_of, validated
from midstream.stream.files import opened, saving
from midstream.stream.reader import is_trace, parsed, reason
from midstream.stream.session import settings_of
from midstream.stream.settings import SettingsOrFile

__all__ = ["Trace", "TraceFinding", "TraceStep"]

MOST = 256 << 20
"""Bytes of a file of traces."""


class TraceStep(NamedTuple):
    """One thing that an agent did, or was told."""

    number: int
    """Of the step of the trace that it is part of, from 1."""
    kind: str
    """call, message, result, system or user."""
    agent: str
    """Who; empty for the only agent."""
    text: str
    """Of a call its arguments as JSON."""
    tool: str | None = None
    call_id: str | None = None


class TraceFinding(NamedTuple):
    """What the check of an agent's loops found, and at which step."""

    number: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Trace:
    """One run of an agent, as an ATIF document.

    Parameters
    ----------
    document : mapping
        A trajectory of ATIF 1.x as plain values. It is kept as it is.

    Raises
    ------
    InputError
        For what is no trajectory, naming the place in it.

    References
    ----------
    Agent Trajectory Interchange Format, version 1.8, RFC 0001 of the harbor framework.

    Examples
    --------
    >>> call = {"tool_call_id": "c", "function_name": "search", "arguments": {"query": "harbour"}}
    >>> result = {"source_call_id": "c", "content": "no hits"}
    >>> step = {"source": "agent", "message": "", "tool_calls": [call], "observation": {"results": [result]}}
    >>> steps = [{"step_id": at, **step} for at in range(1, 9)]
    >>> agent = {"name": "finder", "version": "1"}
    >>> trace = Trace({"schema_version": "ATIF-v1.8", "agent": agent, "steps": steps})
    >>> trace
    Trace(finder, 8 steps, 8 calls)
    >>> [(found.number, found.finding.action) for found in trace.findings()]
    [(3, 'hint'), (5, 'warn'), (8, 'stop')]
    """

    document: Mapping[str, Any]

    def __post_init__(self) -> None:
        validated(self.document)

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes, *, index: int | None = None) -> Self:
        """Read a trace.

        Parameters
        ----------
        source : path or bytes
            An ATIF document, lines of them, or lines of objects with a ``trace_id`` and ``steps``; compressed by zstd or
            not.
        index : int, optional
            Which of several lines, from 0. Default: the only one.

        Raises
        ------
        RecordingError
            For what cannot be read; ``.line`` counts from 1.
        InputError
            For a path that no file can have, or an `index` that no trace has.
        OSError
            Where the file cannot be opened.
        """
        found = cls.load_all(source)
        if index is None and len(found) == 1:
            return found[0]
        if type(index) is not int or not 0 <= index < len(found):
            raise InputError(f"index is {index!r:.40}, and the file holds {len(found)} traces, from 0 on")
        return found[index]

    @classmethod
    def load_all(cls, source: str | os.PathLike[str] | bytes) -> list[Self]:
        """Read all traces of a file; `load` tells what is read, and what is raised."""
        with opened(source) as file:
            data = file.read(MOST + 1)
        if len(data) > MOST:
            raise RecordingError(f"line 1 begins a file of more than {MOST >> 20} MiB", line=1)
        if not is_trace(data[: 1 << 16]):
            raise RecordingError("line 1 begins no trace: neither an ATIF document nor a line of steps", line=1)
        return [cls._of(held, line) for line, held in documents(data)]

    @classmethod
    def _of(cls, held: Any, line: int) -> Self:
        try:
            return cls(of_steps(held) if isinstance(held, dict) and "schema_version" not in held else held)
        except InputError as error:
            raise RecordingError(f"line {line} begins a trace of which {error}", line=line) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ATIF document, as a whole or not at all; compressed where the name ends in ``.zst``.

        Raises
        ------
        InputError
            For a path that no file can have.
        OSError
            Where the file cannot be written.
        """
        document = dict(self.document) | {"schema_version": VERSION}
        with saving(path) as file:
            file.write(json.dumps(document, ensure_ascii=False, indent=2).encode(errors="backslashreplace") + b"\n")

    @property
    def name(self) -> str:
        """What the trace is called: its own id, else that of its session, else its agent's name."""
        for key in ("trajectory_id", "session_id"):
            if isinstance(said := self.document.get(key), str):
                return said
        return str(self.document["agent"]["name"])

    @property
    def model(self) -> str | None:
        """The agent's model."""
        said = self.document["agent"].get("model_name")
        return said if isinstance(said, str) else None

    @property
    def parts(self) -> "list[Trace]":
        """The traces of agents that this one gave work to, where they stand in it."""
        return [Trace(part) for part in self.document.get("subagent_trajectories") or ()]

    def steps(self) -> Iterator[TraceStep]:
        """What was done, in order: of each step its message, its calls, then their results."""
        for step in self.document["steps"]:
            number, source = step["step_id"], step["source"]
            agent = str((step.get("extra") or {}).get("agent") or "")
            if text := text_of(step["message"]):
                yield TraceStep(number, "message" if source == "agent" else source, agent, text)
            tools: dict[str, str] = {}
            for call in step.get("tool_calls") or ():
                tools[call["tool_call_id"]] = call["function_name"]
                arguments = json.dumps(call["arguments"], ensure_ascii=False)
                yield TraceStep(number, "call", agent, arguments, call["function_name"], call["tool_call_id"])
            for result in (step.get("observation") or {}).get("results", ()):
                told = result.get("extra") or {}
                call_id = result.get("source_call_id") or told.get("call_id")
                tool = tools.get(call_id, told.get("tool")) if call_id is not None else None
                yield TraceStep(number, "result", agent, text_of(result.get("content")), tool, call_id)

    def findings(self, guard: SettingsOrFile | None = None) -> list[TraceFinding]:
        """What the check of an agent's loops finds, with the step at which it does.

        Parameters
        ----------
        guard : Settings or path of a guard file, optional
            Their ``actions`` and ``shadow`` count. The trace is read to its end, also behind a stop.
        """
        return self._checked(guard)[0]

    def check(self, guard: SettingsOrFile | None = None) -> AgentSummary:
        """Sum up the run as `AgentChecks` does.

        Parameters
        ----------
        guard : Settings or path of a guard file, optional
            Their ``actions`` and ``shadow`` count.
        """
        return self._checked(guard)[1]

    def _checked(self, guard: SettingsOrFile | None) -> tuple[list[TraceFinding], AgentSummary]:
        checks, found = AgentChecks(settings_of(guard)), []
        for step in self.steps():
            match step.kind:
                case "call":
                    decision = checks.call(step.tool or "", step.text, id=step.call_id)
                case "result":
                    decision = checks.result(step.text, id=step.call_id, tool=step.tool)
                case "message":
                    decision = checks.message(step.text, agent=step.agent)
                case _:
                    continue
            found += [TraceFinding(step.number, finding) for finding in decision.findings]
        return found, checks.summary

    def __repr__(self) -> str:
        calls = sum(len(step.get("tool_calls") or ()) for step in self.document["steps"])
        return f"Trace({self.name}, {len(self.document['steps'])} steps, {calls} calls)"


def documents(data: bytes) -> Iterator[tuple[int, Any]]:
    """The objects of a file, each with its line: one document, or one a line."""
    lines = [(at, line) for at, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    if len(lines) == 1 or is_line(lines[0][1], lines[1][1]):
        for at, line in lines:
            try:
                yield at, parsed(line)
            except ValueError as error:
                raise RecordingError(f"line {at} is not JSON: {reason(error)}", line=at) from error
        return
    try:
        yield 1, parsed(data.rstrip())
    except ValueError as error:
        number = getattr(error, "lineno", 1)
        raise RecordingError(f"line {number} is not JSON: {reason(error)}", line=number) from error


def is_line(first: bytes, second: bytes) -> bool:
    """Whether the first of two lines is, or was, an object of its own and not the beginning of a longer document."""
    return second.startswith(b"{") and len(first.strip()) > 1
