"""A configuration as TOML for people: every value, its defaults marked, its secrets left out."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from midstream.gateway import GatewayConfig

__all__ = ["shown"]

BARE = re.compile(r"[A-Za-z0-9_-]+")
SECRET = re.compile(r"(?:^|_)(?:password|secret|sha256|token)$")
"""The names of keys whose values are never shown."""
MARK = "  # default"


def shown(config: GatewayConfig) -> str:
    """Every value of a configuration; one that is not set stands as a comment."""
    return "".join(f"{line}\n" for line in lines(config, "", MISSING)).lstrip("\n")


def lines(held: object, path: str, default: object) -> Iterator[str]:
    """The values of a table, then the tables inside it; `default` is what the table is where it is left out."""
    entries = [*entries_of(held, default)]
    for name, value, usual in entries:
        if value is None:
            yield f"# {name}: not set" + ("" if usual in (None, MISSING) else f", its default is {inline(usual)}")
        elif is_table(value) and not value:
            yield f"# {name}: none"
        elif not is_table(value):
            written = '"***"' if SECRET.search(name) and isinstance(value, str) else inline(value)
            yield f"{key(name)} = {written}{MARK if value == usual else ''}"
    for name, value, usual in entries:
        if is_table(value) and value:
            inside = f"{path}.{key(name)}" if path else key(name)
            yield from ("", f"[{inside}]")
            yield from lines(value, inside, usual)


def entries_of(held: object, default: object = MISSING) -> Iterator[tuple[str, Any, Any]]:
    """The names of a table with their values, and those that they have where they are left out."""
    if isinstance(held, Mapping):
        yield from ((name, value, MISSING) for name, value in held.items())
    elif is_dataclass(held):
        of_table = type(default) is type(held)
        for entry in fields(held):
            if entry.init:
                usual = getattr(default, entry.name) if of_table else default_of(entry)
                yield entry.name, getattr(held, entry.name), usual


def is_table(value: object) -> bool:
    return isinstance(value, Mapping) or is_dataclass(value)


def default_of(entry: Field[Any]) -> object:
    return entry.default_factory() if entry.default_factory is not MISSING else entry.default


def inline(value: object) -> str:
    """A value on one line of TOML."""
    if is_table(value):
        given = ((name, one) for name, one, _ in entries_of(value) if one is not None)
        return "{ " + ", ".join(f"{key(name)} = {inline(one)}" for name, one in given) + " }"
    if isinstance(value, tuple | list):
        return f"[{', '.join(inline(one) for one in value)}]"
    return text(value) if isinstance(value, str) else json.dumps(value)


def key(name: str) -> str:
    return name if BARE.fullmatch(name) else text(name)


def text(value: str) -> str:
    """A string of JSON is one of TOML but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
