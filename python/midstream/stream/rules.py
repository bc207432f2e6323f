"""What is replaced in recordings, and the guards that do it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from midstream._rust.stream import Guard
from midstream.stream.actions import Actions
from midstream.stream.repeat import Repeat
from midstream.stream.settings import Ending, Pace, Redact, Rule, Settings

__all__ = ["redacted", "redacting", "rules_of", "shown_under"]

BUILT_IN = "built_in"


def rules_of(settings: Settings | None) -> tuple[str | Rule, ...]:
    """What is replaced on write: by the settings' own rules, and by the built-in ones."""
    own = settings.redact.rules if settings is not None else ()
    return tuple(own) if BUILT_IN in own else (*own, BUILT_IN)


@lru_cache(16)
def redacting(rules: tuple[str | Rule, ...]) -> Settings:
    """Settings that redact, and check nothing else."""
    rules = tuple(replace(rule, action=None) if isinstance(rule, Rule) else rule for rule in rules)
    off = Repeat(exact="off", counter="off", near="off")
    return Settings(
        actions=Actions(repeat="off", ping_pong="off", same_error="off", no_progress="off", waiting="off"),
        ending=Ending(action="off"),
        pace=Pace(stall="off"),
        redact=Redact(rules=rules),
        repeat=off,
    )


def redacted(value: Any, rules: tuple[str | Rule, ...]) -> Any:
    """`value` with the secrets in its texts replaced, and in the names of its members."""
    if isinstance(value, Mapping):
        return {redacted(key, rules): redacted(item, rules) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item, rules) for item in value]
    if not isinstance(value, str):
        return value
    guard = Guard(redacting(rules), started_ns=0)
    passed = guard.push(value, now_ns=0).forward + guard.finish("clean", 0)[0].forward
    return passed.decode(errors="replace")


def shown_under(settings: Settings, value: Any) -> Any:
    """`value` as it is shown where these settings replace text."""
    redact = settings.redact
    return redacted(value, tuple(redact.rules)) if redact.rules and redact.action in ("redact", "stop") else value
