"""Settings are given by name, and a name misspelt is told with the nearest."""

from collections.abc import Callable
from dataclasses import fields
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar

from midstream.errors import UnknownArgument

__all__ = ["named", "unknown"]

C = TypeVar("C")


def named(settings: type[C]) -> type[C]:
    """Refuse keywords that this class has no field for, with the nearest that it has."""
    made: Any = settings
    known = [field.name for field in fields(made) if field.init]
    original: Callable[..., None] = made.__init__

    @wraps(original)
    def checked(self: object, *args: object, **given: object) -> None:
        if args:
            raise TypeError(f"{made.__name__} takes its settings by name: {', '.join(known)}")
        for name in given:
            if name not in known:
                raise unknown(name, made.__name__, known)
        original(self, **given)

    made.__init__ = checked
    return settings


def unknown(name: str, owner: str, known: list[str]) -> UnknownArgument:
    """The error for a setting that `owner` does not have."""
    nearest = next(iter(get_close_matches(name, known, 1, 0.5)), None)
    meant = f"; did you mean {nearest!r}? known: " if nearest else "; known: "
    return UnknownArgument(
        f"{owner} has no setting {name!r}{meant}{', '.join(known)}", name=name, nearest=nearest or ""
    )
