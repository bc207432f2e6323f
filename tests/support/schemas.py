"""Values at the edges of what a JSON schema allows, on both sides."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
from hypothesis import strategies as st

__all__ = ["JUNK", "TABLE", "Near", "every_table", "patterns", "strict", "toml"]

TABLE = dict[str, Any]
JUNK = st.sampled_from(["x", "off", 0, 1, 3, -1, 0.5, 1e300, True, [], ["x"], {}, {"x": 1}])
WORDS = ["off", "observe", "warn", "hint", "reroute", "end_reasoning", "redact", "hold", "stop", "built_in", "Stop", ""]
NAMES = ["poll", "a.b", 'ä "q"', ""]


def strict(schema: TABLE) -> Any:
    """A validator that tells 3 from 3.0, as TOML does and JSON does not."""
    kinds = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", is_whole)
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=kinds)(schema)


def is_whole(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Near:
    """Strategies of a schema.

    Parameters
    ----------
    schema : dict
    texts : dict of str to list of str
        By pattern, texts that meet it and texts that do not.
    names : list of str
        Of tables by name.
    """

    def __init__(self, schema: TABLE, texts: dict[str, list[str]], names: list[str] = NAMES) -> None:
        self.schema, self.texts, self.names = schema, texts, names

    def values(self) -> st.SearchStrategy[Any]:
        return self.near(self.schema)

    def near(self, node: TABLE) -> st.SearchStrategy[Any]:
        node = resolved(self.schema, node)
        if "anyOf" in node:
            return st.one_of([self.near(choice) for choice in node["anyOf"]])
        if "enum" in node or "const" in node:
            return st.sampled_from([*node.get("enum", [node.get("const")]), *WORDS])
        match node["type"]:
            case "integer" | "number":
                edges = [node.get(name) for name in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")]
                known = [edge for edge in edges if edge is not None]
                return st.sampled_from([value for edge in known for value in (edge - 1, edge, edge + 1, edge + 0.5)])
            case "boolean":
                return st.booleans()
            case "string":
                return st.sampled_from(self.texts.get(node.get("pattern", ""), ["a{2}"]))
            case "array":
                return st.lists(self.or_junk(node["items"]), max_size=1)
            case _:
                return self.objects(node)

    def objects(self, node: TABLE) -> st.SearchStrategy[TABLE]:
        """Tables with some of the keys that there are, and seldom another."""
        required, known = node.get("required", []), node.get("properties", {})
        sometimes = {name: self.or_junk(child) for name, child in known.items() if name not in required}
        always = {name: self.or_junk(known[name]) for name in required}
        if isinstance(other := node["additionalProperties"], dict):
            return st.dictionaries(st.sampled_from(self.names), self.or_junk(other), max_size=2)
        few = st.sampled_from(sorted(sometimes) or [""]).flatmap(
            lambda name: st.fixed_dictionaries(always, optional={name: sometimes[name]} if sometimes else {})
        )
        return st.one_of(few, few, few, st.fixed_dictionaries(always, optional=sometimes), st.just({"zzz": 1}))

    def or_junk(self, node: TABLE) -> st.SearchStrategy[Any]:
        return st.integers(0, 19).flatmap(lambda roll: JUNK if roll == 0 else self.near(node))


def resolved(schema: TABLE, node: TABLE) -> TABLE:
    """The definition that a node refers to."""
    return schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def every_table(schema: TABLE, node: TABLE, inside: list[str]) -> Iterator[tuple[list[str], set[str]]]:
    """The path of each table, and its keys; a table by name stands under a name."""
    node = resolved(schema, node)
    for choice in node.get("anyOf", []):
        yield from every_table(schema, choice, inside)
    if node.get("type") == "array":
        yield from every_table(schema, node["items"], [*inside, "[0]"])
    if node.get("type") != "object":
        return
    if isinstance(other := node["additionalProperties"], dict):
        yield from every_table(schema, other, [*inside, "poll"])
        return
    yield inside, set(node["properties"])
    for name, child in node["properties"].items():
        yield from every_table(schema, child, [*inside, name])


def patterns(node: object) -> Iterator[str]:
    """Every pattern of texts inside a node."""
    if isinstance(node, dict):
        yield from (one for name, one in node.items() if name == "pattern" and isinstance(one, str))
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from patterns(inner)


def toml(tables: TABLE) -> str:
    """The tables as a file, each key with its value on one line."""
    return "".join(f"{json.dumps(key)} = {inline(value)}\n" for key, value in tables.items())


def inline(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return json.dumps(value)
