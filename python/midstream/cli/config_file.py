"""Files of settings: which kind one is, and what it holds."""

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from midstream.cli.exits import USAGE, Failure
from midstream.errors import InputError
from midstream.gateway import GatewayConfig
from midstream.stream import Settings

__all__ = ["GATEWAY", "GUARD", "missing", "read"]

GATEWAY, GUARD = "midstream.toml", "guard.toml"
"""How the files are named where nothing else is said."""


def read(
    file: Path, *, gateway: bool = False, load: Callable[[Path], GatewayConfig] = GatewayConfig.load
) -> Settings | GatewayConfig:
    """What a file of either kind holds; `load` reads one of the gateway.

    Raises
    ------
    Failure
        Naming file, line and key of what is wrong.
    """
    try:
        return load(file) if gateway or is_gateways(file) else Settings.load(file)
    except InputError as error:
        raise Failure(str(error), USAGE) from error


def is_gateways(file: Path) -> bool:
    """Whether the keys of a file are nearer to those of the gateway; where nothing tells, its name does."""
    try:
        keys = tomllib.loads(file.read_text(encoding="utf-8")).keys()
    except (OSError, ValueError):
        keys = {}.keys()  # the reader says what is wrong
    guard, gateway = nearness(keys, Settings), nearness(keys, GatewayConfig)
    return gateway > guard or (gateway == guard and file.name == GATEWAY)


def nearness(keys: Iterable[str], kind: type) -> float:
    """How like these keys are to those of a class, each from 0 to 1, in all."""
    known = [entry.name for entry in fields(kind) if entry.init]
    return sum(max(SequenceMatcher(None, key, name).ratio() for name in known) for key in keys)


def missing(held: object, inside: str = "") -> Iterator[str]:
    """The variables of secrets that are not set on this machine, by the keys that name them."""
    pairs: Iterable[tuple[str, Any]] = ()
    if is_dataclass(held):
        pairs = ((entry.name, getattr(held, entry.name)) for entry in fields(held) if entry.init)
    elif isinstance(held, dict):
        pairs = held.items()
    elif isinstance(held, tuple):
        pairs = ((str(at), one) for at, one in enumerate(held))
    for name, value in pairs:
        key = f"{inside}.{name}" if inside else name
        if name.endswith("_env") and isinstance(value, str) and not os.environ.get(value, "").strip():
            yield f"{key} names {value}, which is not set here"
        yield from missing(value, key)
