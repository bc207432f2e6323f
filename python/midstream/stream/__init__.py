"""Watch one LLM stream while it runs: bytes in, the same bytes out, with events, findings and decisions."""

from midstream._rust.stream import (
    Channel,
    Checks,
    Decision,
    Event,
    Finding,
    Guard,
    PaceSummary,
    Summary,
    ToolCall,
    Usage,
)
from midstream.stream.recording import Recording, replay
from midstream.stream.settings import Ending, Pace, Repeat, Settings
from midstream.stream.text import check

__all__ = [
    "Channel",
    "Checks",
    "Decision",
    "Ending",
    "Event",
    "Finding",
    "Guard",
    "Pace",
    "PaceSummary",
    "Recording",
    "Repeat",
    "Settings",
    "Summary",
    "ToolCall",
    "Usage",
    "check",
    "replay",
]
