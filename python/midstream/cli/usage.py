"""Mistakes in a command line, in our own words, with the nearest name that there is."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, get_args

from cyclopts import (
    App,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

__all__ = ["told"]

EVERYWHERE = ("--debug", "--help")
ANYWHERE_ELSE = ("--install-completion", "--version")
"""Options of the program itself, beside its commands."""


def told(error: CycloptsError) -> str:
    """A mistake in one line."""
    match error:
        case UnknownCommandError():
            return unknown_word((error.unused_tokens or [""])[0], commands(error.app))
        case UnknownOptionError():
            word = error.token.keyword or error.token.value
            return unknown_option(word, [name for argument in error.argument_collection for name in argument.names])
        case UnusedCliTokensError():
            return needless((error.unused_tokens or [""])[0], error)
        case MissingArgumentError():
            return f"{error.keyword or name_of(error)} needs a value; {allowed(error)}"
        case RepeatArgumentError():
            return f"{error.token.keyword or name_of(error)} is named twice; name it once"
        case CoercionError() if error.token is not None:
            return wrong_value(error.token.keyword or name_of(error), error.token.value, error)
        case _:
            message = " ".join(str(error).split()).rstrip(".")
            return f"{message[:1].lower()}{message[1:]}; --help tells more"


def commands(app: App | None) -> list[str]:
    """The commands of the program, or of one of its commands."""
    return sorted(name for name in app or () if not name.startswith("-"))


def unknown_word(word: str, known: list[str]) -> str:
    if word.startswith("-"):
        return unknown_option(word, ANYWHERE_ELSE)
    if near := nearest(word, [*known, *EVERYWHERE, *ANYWHERE_ELSE]):
        return f'unknown command "{word}"; did you mean "{near}"?'
    return f'unknown command "{word}"; known: {", ".join(known)}'


def unknown_option(word: str, known: Iterable[str]) -> str:
    word = word.partition("=")[0]
    if near := nearest(word, [name for name in (*known, *EVERYWHERE) if name.startswith("-")]):
        return f"unknown option: {word}; did you mean {near}?"
    return f"unknown option: {word}; --help lists the options"


def needless(word: str, error: CycloptsError) -> str:
    """A word for a command that takes none."""
    command = " ".join(error.command_chain or ()) or "midstream"
    options = [f"--{name.replace('_', '-')}" for name in getattr(error.target, "__kwdefaults__", None) or ()]
    near = nearest(word, options)
    return f'{command} takes no "{word}"; ' + (f"did you mean {near}?" if near else "--help lists what it takes")


def wrong_value(name: str, value: str, error: CoercionError) -> str:
    choices = choices_of(error.target_type)
    if not choices:
        return f'invalid value "{value}" for {name}; {allowed(error)}'
    near = nearest(value, choices)
    return f'invalid value "{value}" for {name}; {allowed(error)}' + (f'; did you mean "{near}"?' if near else "")


def allowed(error: CycloptsError) -> str:
    """What an option takes."""
    kind: Any = getattr(error, "target_type", None) or (error.argument.hint if error.argument else None)
    if choices := choices_of(kind):
        return "choose from: " + ", ".join(f'"{choice}"' for choice in choices)
    if kind is bool:
        return "it takes none"
    kinds = (kind, *get_args(kind))
    return (
        "it takes a whole number" if int in kinds else "it takes a number" if float in kinds else "--help tells which"
    )


def choices_of(kind: Any) -> list[str]:
    """The words that a type is made of; none where it is no choice of words."""
    words = [word for part in (kind, *get_args(kind)) for word in (part, *get_args(part)) if isinstance(word, str)]
    return list(dict.fromkeys(words))


def name_of(error: CycloptsError) -> str:
    return error.argument.name if error.argument else "an option"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` may stand for; dashes do not make two names near."""
    bare = dict[str, str]()
    for name in known:
        bare.setdefault(name.lstrip("-"), name)
    found = get_close_matches(word.lstrip("-"), bare, 1, 0.6)
    return bare[found[0]] if found else None
