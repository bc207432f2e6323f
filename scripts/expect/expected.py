"""What one recording should give, and its form in the file of expectations."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical(arguments: str) -> str:
    """JSON with sorted keys and no spaces, so that only the value counts; text that is no JSON as it is."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return arguments
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass
class Call:
    """One tool call."""

    name: str
    arguments: str = ""
    complete: bool = False


@dataclass
class Expected:
    """What one recording holds. Channels of tool arguments are told by the calls."""

    dialect: str
    channels: dict[str, str] = field(default_factory=dict)
    audio_bytes: dict[str, int] = field(default_factory=dict)
    finish_reasons: list[str] = field(default_factory=list)
    calls: dict[Any, Call] = field(default_factory=dict)
    usages: dict[Any, dict[str, int]] = field(default_factory=dict)

    def add(self, channel: str, text: Any) -> None:
        """Adds a fragment; an empty one opens no channel."""
        if isinstance(text, str) and text:
            self.channels[channel] = self.channels.get(channel, "") + text

    def count(self, response: object = None, **counts: Any) -> None:
        """Takes over the counts that are there: those of a response replace, those of several add up."""
        reported = self.usages.setdefault(response, {})
        reported |= {name: count for name, count in counts.items() if isinstance(count, int)}

    def total(self, name: str) -> int | None:
        """The sum of a count over the responses that report it."""
        counts = [usage[name] for usage in self.usages.values() if name in usage]
        return sum(counts) if counts else None

    def finish(self, reason: Any) -> None:
        if isinstance(reason, str) and reason:
            self.finish_reasons.append(reason)

    def as_case(self, ending: str) -> dict[str, Any]:
        texts = {
            name: {"characters": len(text), "sha256": sha256(text)} for name, text in sorted(self.channels.items())
        }
        sounds = {name: {"bytes": count} for name, count in sorted(self.audio_bytes.items())}
        return {
            "dialect": self.dialect,
            "ending": ending,
            "channels": texts | sounds,
            "finish_reasons": self.finish_reasons,
            "tool_calls": [
                {
                    "name": call.name,
                    "arguments_sha256": sha256(canonical(call.arguments)),
                    "complete": call.complete,
                }
                for call in self.calls.values()
            ],
            "usage": {name: self.total(name) for name in ("input", "output")},
        }
