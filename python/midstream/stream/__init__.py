"""Watch one LLM stream while it runs: bytes in, the same bytes out, with events, findings and decisions."""

from midstream._rust.stream import (
    AgentChecks,
    AgentDecision,
    AgentSummary,
    Channel,
    Checks,
    Course,
    Decision,
    Event,
    Finding,
    Guard,
    Held,
    HoldSummary,
    PaceSummary,
    RedactSummary,
    Summary,
    ToolCall,
    Usage,
)
from midstream.stream.actions import ActionLimits, Actions
from midstream.stream.budget import Budget
from midstream.stream.hold import Hold
from midstream.stream.record import Record
from midstream.stream.recording import Chunk, Recording
from midstream.stream.repeat import Repeat, RepeatActions, RepeatToolActions
from midstream.stream.replaying import Decided, Replay, Saved, replay, replay_async
from midstream.stream.settings import Ending, Pace, Redact, Rule, Settings
from midstream.stream.table import Table
from midstream.stream.text import check
from midstream.stream.trace import Trace, TraceFinding, TraceStep
from midstream.stream.transport import AsyncTransport, Transport
from midstream.stream.watch import summary, watch
from midstream.stream.watched import AsyncWatched, EitherWatched, Watched
from midstream.stream.wrap import wrap

__all__ = [
    "ActionLimits",
    "Actions",
    "AgentChecks",
    "AgentDecision",
    "AgentSummary",
    "AsyncTransport",
    "AsyncWatched",
    "Budget",
    "Channel",
    "Checks",
    "Chunk",
    "Course",
    "Decided",
    "Decision",
    "EitherWatched",
    "Ending",
    "Event",
    "Finding",
    "Guard",
    "Held",
    "Hold",
    "HoldSummary",
    "Pace",
    "PaceSummary",
    "Record",
    "Recording",
    "Redact",
    "RedactSummary",
    "Repeat",
    "RepeatActions",
    "RepeatToolActions",
    "Replay",
    "Rule",
    "Saved",
    "Settings",
    "Summary",
    "Table",
    "ToolCall",
    "Trace",
    "TraceFinding",
    "TraceStep",
    "Transport",
    "Usage",
    "Watched",
    "check",
    "replay",
    "replay_async",
    "summary",
    "watch",
    "wrap",
]
