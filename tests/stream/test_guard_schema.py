"""The published schema of guard files accepts what MidStream accepts, and nothing else."""

import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from midstream.errors import InputError
from midstream.stream import Hold, Settings
from schemas import TABLE, Near, every_table, patterns, strict

SCHEMA = Settings.json_schema()
VALIDATOR = strict(SCHEMA)
TEXTS = ["a", "b", "[B]", "A_1", "Ä", "", "a b"]


@settings(max_examples=800)
@given(Near(SCHEMA, dict.fromkeys(patterns(SCHEMA), TEXTS)).values())
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


def keys_by_path() -> dict[tuple[str, ...], set[str]]:
    """What any table of that place may hold."""
    keys: dict[tuple[str, ...], set[str]] = {}
    for path, known in every_table(SCHEMA, SCHEMA, []):
        keys.setdefault(tuple(path), set()).update(known)
    return keys


@pytest.mark.parametrize(("path", "keys"), keys_by_path().items(), ids=[".".join(path) for path in keys_by_path()])
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
