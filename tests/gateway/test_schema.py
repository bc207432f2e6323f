"""The published schema of the gateway's configuration accepts what the gateway accepts, and nothing else."""

import re

import jsonschema
import pytest
from hypothesis import given, settings

from midstream.errors import InputError
from midstream.gateway import GatewayConfig
from schemas import TABLE, Near, every_table, patterns, strict, toml

SCHEMA = GatewayConfig.json_schema()
VALIDATOR = strict(SCHEMA)
HASH = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
TEXTS = [
    *("127.0.0.1:0", "[::1]:4000", "127.0.0.1", "localhost:80"),
    *("http://127.0.0.1:8080", "https://a.example/v1/", "ftp://x", "http://u:p@x", "http://x/?a"),
    *("/api/v4", "/v4/", "/a/../b", "v4"),
    *(HASH, HASH[1:], "sk-1", "a", "[B]", ""),
]
BETWEEN_KEYS = [
    "allowed is at most actions.",
    "allowed is an upstream of this file",
    "allowed is a tenant of this file",
    "allowed is none without guard.budget",
    "allowed is false where any origin may call",
    "allowed is true, or else certificate and key",
    "allowed is false beside certificate and key",
    "allowed is nothing beside a certificate",
    "allowed is nothing beside key_env",
    "allowed is nothing beside secret_env",
    "allowed is the file of the",
    "allowed is an address of loopback",
    "or else certificate and key",
    "allowed is an exact origin beside others",
    "allowed is none without a table",
    "allowed is the hash of a key of its own",
    "where text is held",
    "as long as format is not",
    "as long as no model has a second route",
    "an API of the first route",
    "where every upstream has a table",
    "allowed is a tenant of this file",
    "allowed is none without guard.budget.price_output",
]
"""Words of faults that a schema cannot find: two values that do not go together."""


def refusal(tables: TABLE) -> str | None:
    """What the gateway says against tables, as it reads them from a file."""
    try:
        GatewayConfig.loads(toml(tables))
    except InputError as error:
        return str(error)
    return None


@settings(max_examples=800)
@given(Near(SCHEMA, dict.fromkeys(patterns(SCHEMA), TEXTS), ["poll", "a.b", "v1"]).values())
def test_what_the_schema_accepts_is_accepted_and_nothing_else(tables: TABLE) -> None:
    faults = [error.message for error in VALIDATOR.iter_errors(tables)]
    refused = refusal(tables)
    if refused and any(words in refused for words in BETWEEN_KEYS):
        return
    assert bool(faults) == (refused is not None), f"{tables}: the gateway says {refused}, the schema says {faults}"


def keys_by_path() -> dict[tuple[str, ...], set[str]]:
    keys: dict[tuple[str, ...], set[str]] = {}
    for path, known in every_table(SCHEMA, SCHEMA, []):
        if path[:1] != ["guard"] or path == ["guard"]:
            keys.setdefault(tuple(path), set()).update(known)
    return keys


@pytest.mark.parametrize(("path", "keys"), keys_by_path().items(), ids=[".".join(path) for path in keys_by_path()])
def test_every_table_of_the_schema_has_the_keys_that_the_gateway_knows(path: tuple[str, ...], keys: set[str]) -> None:
    tables: object = {"zzzzzz": 1}
    for name in reversed(path):
        tables = [tables] if name == "[0]" else {name: tables}
    assert isinstance(tables, dict)
    known = re.search(r"known: (.*?)(?: \(line|$)", refusal(tables) or "")
    assert known is not None, refusal(tables)
    assert set(known[1].split(", ")) == keys


def test_the_schema_is_one_and_the_default_meets_it() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(GatewayConfig().to_dict())


def test_every_key_of_the_schema_says_what_it_is() -> None:
    silent = []

    def walk(node: TABLE, path: str) -> None:
        for name, child in node.get("properties", {}).items():
            if not child.get("description") and path != "guard":
                silent.append(f"{path}.{name}")
            walk(child, f"{path}.{name}")
        for inner in (node.get("additionalProperties"), node.get("items")):
            if isinstance(inner, dict):
                walk(inner, path)

    walk({"properties": {name: node for name, node in SCHEMA["properties"].items() if name != "guard"}}, "")
    assert silent == []


def test_a_configuration_is_read_as_it_was_written() -> None:
    config = GatewayConfig.loads(f"""
        listen = "127.0.0.1:0"
        [upstreams.a]
        url = "http://127.0.0.1:1"
        apis = ["openai", "ollama"]
        [models]
        fast = [{{ upstream = "a", model = "b" }}]
        [keys.alice]
        sha256 = "{HASH}"
        [guard.repeat]
        near = "observe"
    """)
    assert GatewayConfig.loads(config.to_toml()) == config
    assert config.models["fast"][0].model == "b"
    assert config.guard.repeat.near == "observe"
