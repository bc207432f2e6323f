"""Settings as tables of plain values, as JSON and guard files hold them. What they may say is checked in Rust."""

import math
from collections.abc import Callable, Mapping
from dataclasses import Field, fields, is_dataclass
from typing import Any, TypeVar

from midstream.errors import InputError

__all__ = ["by_name", "made", "plain", "read_by", "rows", "rows_by_name", "table", "wrong"]

C = TypeVar("C")

DEPTH = 32
"""Tables in tables at most; settings need four."""


def table(kind: type) -> dict[str, Any]:
    """Metadata of a field that holds a table, or a word."""
    return {"table": kind}


def by_name(kind: type) -> dict[str, Any]:
    """Metadata of a field that holds a table of tables."""
    return {"by_name": kind}


def rows(kind: type) -> dict[str, Any]:
    """Metadata of a field that holds a list of tables, or of words."""
    return {"rows": kind}


def rows_by_name(kind: type) -> dict[str, Any]:
    """Metadata of a field that holds a table of lists of tables."""
    return {"rows_by_name": kind}


def read_by(read: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    """Metadata of a field whose table another function reads."""
    return {"read_by": read}


def plain(value: object, path: str = "", depth: int = DEPTH) -> Any:
    """What a guard file can say of this value.

    Raises
    ------
    InputError
        Naming the key of what it cannot say.
    """
    if depth == 0:
        raise wrong(path, value, "fewer tables in tables")
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise wrong(path, value, "a finite number")
        return value
    if isinstance(value, Mapping):
        return {key: plain(value[key], joined(path, key), depth - 1) for key in value}
    if isinstance(value, tuple | list):
        return [plain(one, f"{path}[{at}]", depth - 1) for at, one in enumerate(value)]
    if is_dataclass(value) and not isinstance(value, type):
        return {
            entry.name: plain(given, joined(path, entry.name), depth - 1)
            for entry in fields(value)
            if entry.init and not left_out(entry, given := checked(entry, getattr(value, entry.name), path))
        }
    raise wrong(path, value, "a number, text, True or False, a tuple, or a class of midstream.stream")


def left_out(entry: Field[Any], given: object) -> bool:
    return given is None and entry.default is None


def checked(entry: Field[Any], given: object, path: str) -> object:
    """In code a table is an object of its class, so that a typing tool knows its fields."""
    kind: type | None = entry.metadata.get("table")
    inside: list[tuple[str, type, object]] = [] if kind is None else [("", kind, given)]
    if (own := entry.metadata.get("by_name")) and isinstance(given, Mapping):
        inside = [(f".{name}", own, one) for name, one in given.items()]
    if (own := entry.metadata.get("rows")) and isinstance(given, tuple | list):
        inside = [(f"[{at}]", own, one) for at, one in enumerate(given)]
    for place, expected, one in inside:
        if isinstance(one, Mapping) or (is_dataclass(one) and not isinstance(one, expected)):
            raise wrong(joined(path, entry.name) + place, one, f"a {public_name(expected)}")
    return given


def public_name(kind: type) -> str:
    """The name that a class is imported by."""
    return ".".join([*kind.__module__.split(".")[:2], kind.__name__])


def made(kind: type[C], values: Mapping[str, Any]) -> C:
    """The object of a class of settings whose table this is."""
    known = {entry.name: entry for entry in fields(kind) if entry.init}  # type: ignore[arg-type]
    return kind(**{name: field_of(known[name], value) for name, value in values.items()})


def field_of(entry: Field[Any], value: Any) -> Any:
    if (read := entry.metadata.get("read_by")) and isinstance(value, Mapping):
        return read(value)
    if kind := entry.metadata.get("rows_by_name"):
        return {name: tuple(made(kind, one) for one in given) for name, given in value.items()}
    if (kind := entry.metadata.get("table")) and isinstance(value, Mapping):
        return made(kind, value)
    if kind := entry.metadata.get("by_name"):
        return {name: made(kind, one) if isinstance(one, Mapping) else one for name, one in value.items()}
    if isinstance(value, list):
        kind = entry.metadata.get("rows")
        return tuple(made(kind, one) if kind and isinstance(one, Mapping) else one for one in value)
    return value


def joined(path: str, name: object) -> str:
    if not isinstance(name, str):
        raise wrong(path or "settings", name, "names as strings")
    return f"{path}.{name}" if path else name


def wrong(path: str, value: object, allowed: str) -> InputError:
    """The error for a value that its key does not take."""
    return InputError(f"{path} is {value!r:.80}, allowed is {allowed}", key=path)
