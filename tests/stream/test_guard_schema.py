"""The published schema of guard files accepts what MidStream accepts, and nothing else."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midstream.errors import InputError
from midstream.stream import Hold, Settings

SCHEMA = Settings.json_schema()
WORDS = ["off", "observe", "warn", "hint", "reroute", "end_reasoning", "redact", "hold", "stop", "built_in", "Stop", ""]
JUNK = st.sampled_from(["x", "off", 0, 1, 3, -1, 0.5, 1e300, True, [], ["x"], {}, {"x": 1}])
TABLE = dict[str, Any]


def is_whole(_: object, value: object) -> bool:
    """TOML tells 3 from 3.0, JSON does not."""
    return isinstance(value, int) and not isinstance(value, bool)


CHECKER = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", is_whole)
VALIDATOR = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=CHECKER)(SCHEMA)


def resolved(node: TABLE) -> TABLE:
    """The definition that a node refers to."""
    return SCHEMA["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def near(node: TABLE) -> st.SearchStrategy[Any]:
    """Values at the edges of what a node allows, on both sides."""
    node = resolved(node)
    if "anyOf" in node:
        return st.one_of([near(choice) for choice in node["anyOf"]])
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
            return st.sampled_from(["a", "b", "[B]", "A_1", "Ä", "", "a b"]) if "pattern" in node else st.just("a{2}")
        case "array":
            return st.lists(or_junk(node["items"]), max_size=1)
        case _:
            return objects(node)


def objects(node: TABLE) -> st.SearchStrategy[TABLE]:
    """Tables with some of the keys that there are, and seldom another."""
    required, known = node.get("required", []), node.get("properties", {})
    sometimes = {name: or_junk(child) for name, child in known.items() if name not in required}
    always = {name: or_junk(known[name]) for name in required}
    if isinstance(other := node["additionalProperties"], dict):
        return st.dictionaries(st.sampled_from(["poll", "a.b", 'ä "q"', ""]), or_junk(other), max_size=2)
    few = st.sampled_from(sorted(sometimes) or [""]).flatmap(
        lambda name: st.fixed_dictionaries(always, optional={name: sometimes[name]} if sometimes else {})
    )
    return st.one_of(few, few, few, st.fixed_dictionaries(always, optional=sometimes), st.just({"zzz": 1}))


def or_junk(node: TABLE) -> st.SearchStrategy[Any]:
    return st.integers(0, 19).flatmap(lambda roll: JUNK if roll == 0 else near(node))


@settings(max_examples=800)
@given(near(SCHEMA))
def test_what_the_schema_accepts_is_accepted_and_nothing_else(tables: TABLE) -> None:
    faults = [error.message for error in VALIDATOR.iter_errors(tables)]
    refused = None
    try:
        Settings.from_dict(tables)
    except InputError as error:
        refused = str(error)
    if refused and "allowed is at most actions." in refused:
        return  # a schema cannot compare two numbers
    assert bool(faults) == (refused is not None), f"{tables}: MidStream says {refused}, the schema says {faults}"


def every_table(node: TABLE, inside: list[str]) -> Iterator[tuple[list[str], set[str]]]:
    """The path of each table, and its keys; a table by name stands under a name."""
    node = resolved(node)
    for choice in node.get("anyOf", []):
        yield from every_table(choice, inside)
    if node.get("type") == "array":
        yield from every_table(node["items"], [*inside, "[0]"])
    if node.get("type") != "object":
        return
    if isinstance(other := node["additionalProperties"], dict):
        yield from every_table(other, [*inside, "poll"])
        return
    yield inside, set(node["properties"])
    for name, child in node["properties"].items():
        yield from every_table(child, [*inside, name])


def keys_by_path() -> dict[tuple[str, ...], set[str]]:
    """What any table of that place may hold."""
    keys: dict[tuple[str, ...], set[str]] = {}
    for path, known in every_table(SCHEMA, []):
        keys.setdefault(tuple(path), set()).update(known)
    return keys


@pytest.mark.parametrize(("path", "keys"), list(keys_by_path().items()), ids=lambda value: ".".join(value))
def test_every_table_of_the_schema_has_the_keys_that_there_are(path: tuple[str, ...], keys: set[str]) -> None:
    tables: Any = {"zzzzzz": 1}
    for name in reversed(path):
        tables = [tables] if name == "[0]" else {name: tables}
    with pytest.raises(InputError, match="no setting is named") as refused:
        Settings.from_dict(tables)
    known = re.search(r"known: (.*)", str(refused.value))
    assert known is not None
    assert set(known[1].split(", ")) == keys


def test_the_defaults_of_the_schema_are_those_of_the_settings() -> None:
    tables = Settings(hold=Hold()).to_dict()
    for name, node in SCHEMA["properties"].items():
        if "properties" not in node:
            assert tables[name] == node["default"]
            continue
        given = {key: child["default"] for key, child in node["properties"].items() if "default" in child}
        assert given == {key: value for key, value in tables[name].items() if key in given}
        assert all(isinstance(value, dict) for key, value in tables[name].items() if key not in given), name


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(Settings().to_dict())
