"""Settings are given by name, a name misspelt is told with the nearest, and what differs from the defaults is shown."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar

from midstream.errors import UnknownArgument

__all__ = ["named", "unknown"]

C = TypeVar("C")


def named(settings: type[C]) -> type[C]:
    """Refuse keywords that this class has no field for, with the nearest that it has, and show what is no default."""
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
    made.__repr__ = shown
    return settings


def shown(settings: Any) -> str:
    """The call that makes such settings, without what is a default."""
    own = []
    for entry in fields(settings):
        if entry.init and (value := getattr(settings, entry.name)) != default_of(entry):
            own.append(f"{entry.name}={dict(value) if isinstance(value, Mapping) else value!r}")
    return f"{type(settings).__qualname__}({', '.join(own)})"


def default_of(entry: Field[Any]) -> object:
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


def unknown(name: str, owner: str, known: list[str]) -> UnknownArgument:
    """The error for a setting that `owner` does not have."""
    nearest = next(iter(get_close_matches(name, known, 1, 0.5)), None)
    meant = f"; did you mean {nearest!r}? known: " if nearest else "; known: "
    return UnknownArgument(
        f"{owner} has no setting {name!r}{meant}{', '.join(known)}", name=name, nearest=nearest or ""
    )
