"""What a caller wants of what a guard finds."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from midstream._rust.stream import Finding
from midstream.errors import InputError
from midstream.stream.hold import Moderate

__all__ = ["Reactions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactions:
    """What follows from what a guard finds.

    Parameters
    ----------
    on_finding : callable, optional
        Called with every finding when it is made, those that are only observed included.
    on_stop : {"raise", "end", "error", "finish"}
        After the item that fired: raise `GuardStopped`, or end as if there were no more. Of bytes also: an error in the
        stream's own format, or the end of an answer that has reached its length.
    on_truncated : {"raise", "flag"}
        Where a stream closes before its semantic end: raise `StreamTruncated`, or leave it to the summary.
    moderate : callable, optional
        The check that held text waits for.

    Raises
    ------
    InputError
        For another word, naming the nearest.
    TypeError
        Where `on_finding` cannot be called.
    """

    on_finding: Callable[[Finding], object] | None = None
    on_stop: Literal["raise", "end", "error", "finish"] = "raise"
    on_truncated: Literal["raise", "flag"] = "raise"
    moderate: Moderate | None = None

    def __post_init__(self) -> None:
        if self.on_finding is not None and not callable(self.on_finding):
            raise TypeError(f"on_finding is {type(self.on_finding).__name__}, allowed: a callable that takes a finding")
        for name, value, known in (
            ("on_stop", self.on_stop, ["raise", "end", "error", "finish"]),
            ("on_truncated", self.on_truncated, ["raise", "flag"]),
        ):
            if not isinstance(value, str) or value not in known:
                nearest = get_close_matches(str(value), known, 1, 0.0)[0]
                raise InputError(f"{name} is {value!r:.40}; did you mean {nearest!r}? known: {', '.join(known)}")

    @property
    def end(self) -> str:
        """How a stream that was stopped ends, in the guard's words."""
        return self.on_stop if self.on_stop in ("error", "finish") else "none"
