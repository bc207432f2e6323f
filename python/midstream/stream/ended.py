"""What ended a stream."""

from collections.abc import Sequence

from midstream._rust.stream import Finding

__all__ = ["halting", "is_timeout", "unread"]


def halting(findings: Sequence[Finding]) -> Finding | None:
    """The finding that ends a stream, the strongest of several."""
    asked = {finding.action: finding for finding in reversed(findings)}
    return asked.get("stop") or asked.get("end_reasoning")


def unread(_: object) -> None:
    """Reads nothing: what a guard that failed is replaced by, so that items pass on."""


def is_timeout(error: Exception) -> bool:
    """Whether the reader gave up waiting; the HTTP libraries have a class of their own for it."""
    return any(base.__name__ in ("TimeoutError", "TimeoutException") for base in type(error).__mro__)
