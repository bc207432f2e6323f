"""The JSON schema of a configuration, made of the types, defaults and docstrings of its classes."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from midstream.stream.settings import Settings
from midstream.stream.tables import plain

__all__ = ["allowed", "schema_of"]

Node = dict[str, Any]

PLAIN = {bool: "boolean", float: "number", int: "integer", str: "string"}
PARAMETER = re.compile(r"^(\w+(?:, \w+)*) : .*\n((?:    .*\n?|\n)*)", re.MULTILINE)
"""One entry of a docstring's list of parameters: their names, and what is said of them."""


def allowed(**keywords: Any) -> Node:
    """Metadata of a field: what JSON schema says of its values, of the lists where it holds lists by name."""
    return {"allowed": keywords}


def schema_of(kind: type, id: str, title: str) -> Node:
    """The schema (draft 2020-12) of the file whose tables this class holds."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": id, "title": title, **table(kind)}
    return schema | {"$defs": Settings.json_schema()["$defs"]}


def table(kind: type) -> Node:
    """The node of a class."""
    if kind is Settings:
        return {name: part for name, part in Settings.json_schema().items() if name[0] != "$" and name != "title"}
    hints, said = get_type_hints(kind), described(kind)
    given: list[Field[Any]] = [entry for entry in fields(kind) if entry.init]
    required = [entry.name for entry in given if entry.default is entry.default_factory is MISSING]
    return {
        "description": (inspect.getdoc(kind) or "").partition("\n")[0],
        "type": "object",
        "properties": {
            entry.name: {"description": said.get(entry.name, "")} | field_of(entry, hints[entry.name])
            for entry in given
        },
        "additionalProperties": False,
    } | ({"required": required} if required else {})


def field_of(entry: Field[Any], hint: Any) -> Node:
    """The node of a field, with what is allowed and its default where that can be written."""
    found, inner = node(hint), entry.metadata.get("allowed", {})
    (found["additionalProperties"] if "rows_by_name" in entry.metadata else found).update(inner)
    default = entry.default_factory() if entry.default_factory is not MISSING else entry.default
    if default is MISSING or default is None or is_dataclass(default):
        return found
    return found | {"default": plain(default)}


def node(hint: Any) -> Node:
    """The node of a type."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint in PLAIN:
        return {"type": PLAIN[hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        return table(hint)
    if origin is Literal:
        return {"enum": list(inside)}
    if origin is tuple:
        return {"type": "array", "items": node(inside[0])}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": node(inside[1])}
    if origin in (Union, UnionType):
        choices = [node(choice) for choice in inside if choice is not NoneType]
        return choices[0] if len(choices) == 1 else {"anyOf": choices}
    raise TypeError(f"no file can hold {hint}")


def described(kind: type) -> dict[str, str]:
    """What the docstring of a class says of each parameter."""
    text = inspect.getdoc(kind) or ""
    found = PARAMETER.findall(text.partition("Parameters\n----------\n")[2])
    return {name: " ".join(said.split()) for names, said in found for name in names.split(", ")}
