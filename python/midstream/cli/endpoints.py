"""One request of each provider's format that the program can send."""

import os
import re
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from midstream.cli.exits import USAGE, Failure

__all__ = ["OLLAMA_PORT", "Asked", "Dialect", "asked", "told"]

Dialect = Literal["openai-chat", "openai-responses", "anthropic-messages", "ollama"]

PATHS: dict[str, str] = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
    "ollama": "/api/chat",
}
KEYS = {
    "openai-chat": "OPENAI_API_KEY",
    "openai-responses": "OPENAI_API_KEY",
    "anthropic-messages": "ANTHROPIC_API_KEY",
}
ANTHROPIC_VERSION = "2023-06-01"
ANTHROPIC_TOKENS = 1024
"""Sent where the user names no limit, since the format requires one."""
OLLAMA_PORT = 11434


class Asked(NamedTuple):
    """A request to send."""

    dialect: str
    url: str
    headers: dict[str, str]
    body: dict[str, Any]
    key: str | None
    """The secret among the headers, which no output may show."""
    key_name: str | None
    """The environment variable that holds it."""


def asked(base_url: str, model: str | None, prompt: str, dialect: str | None, max_tokens: int | None) -> Asked:
    """The streaming request for `prompt`, as the provider's own SDK would send it.

    Parameters
    ----------
    base_url : str
        What the SDK takes as its base URL, or the whole URL of the endpoint.
    model : str, optional
        Some local servers need none.
    prompt : str
    dialect : str, optional
        Told from the URL where left out.
    max_tokens : int, optional
        Longest answer.

    Raises
    ------
    Failure
        For a URL or a missing model that cannot work.
    """
    for name, value in (("--base-url", base_url), ("--model", model or ""), ("--prompt", prompt)):
        if not is_text(value):
            raise Failure(f"{name} is not UTF-8", USAGE)
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Failure(f"--base-url is no URL: {str(error).lower()}", USAGE) from error
    if parts.scheme not in ("http", "https") or not host:
        raise Failure("--base-url is no URL; it begins with http:// or https://", USAGE)
    dialect = dialect or told(host, port, parts.path)
    if model is None and dialect in ("anthropic-messages", "ollama"):
        raise Failure(f"no model named; {dialect} needs --model", USAGE)
    key_name = KEYS.get(dialect)
    key = os.environ.get(key_name, "").strip() if key_name else None
    if key and not (key.isascii() and key.isprintable()):
        raise Failure(f"{key_name} holds a character that no key has; set it anew", USAGE)
    url = parts._replace(path=path(parts.path, dialect), fragment="").geturl()
    return Asked(dialect, url, headers(dialect, key), body(dialect, model, prompt, max_tokens), key or None, key_name)


def is_text(value: str) -> bool:
    """Whether a word of the command line was UTF-8: other bytes become half surrogate pairs."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def told(host: str, port: int | None, path: str) -> str:
    """The dialect that a URL shows."""
    path = path.rstrip("/")
    for dialect, end in PATHS.items():
        if path.endswith(end.removeprefix("/v1")):
            return dialect
    if host.endswith("anthropic.com"):
        return "anthropic-messages"
    return "ollama" if path == "/api" or (port == OLLAMA_PORT and not path) else "openai-chat"


def path(given: str, dialect: str) -> str:
    """The endpoint's path behind a base URL that may hold a part of it, or all."""
    given, end = given.rstrip("/"), PATHS[dialect]
    version, _, rest = end[1:].partition("/")
    if given.endswith(f"/{rest}"):
        return given
    versioned = re.search(r"/v\d", given) or given.endswith(f"/{version}")
    return f"{given}/{rest}" if versioned else given + end


def headers(dialect: str, key: str | None) -> dict[str, str]:
    named = {"accept": "text/event-stream, application/x-ndjson, application/json", "accept-encoding": "identity"}
    if dialect == "anthropic-messages":
        return named | {"anthropic-version": ANTHROPIC_VERSION} | ({"x-api-key": key} if key else {})
    return named | ({"authorization": f"Bearer {key}"} if key else {})


def body(dialect: str, model: str | None, prompt: str, max_tokens: int | None) -> dict[str, Any]:
    sent: dict[str, Any] = ({"model": model} if model else {}) | {"stream": True}
    messages = [{"role": "user", "content": prompt}]
    match dialect:
        case "openai-responses":
            return sent | {"input": prompt} | ({"max_output_tokens": max_tokens} if max_tokens else {})
        case "anthropic-messages":
            return sent | {"messages": messages, "max_tokens": max_tokens or ANTHROPIC_TOKENS}
        case "ollama":
            return sent | {"messages": messages} | ({"options": {"num_predict": max_tokens}} if max_tokens else {})
        case _:
            usage = {"stream_options": {"include_usage": True}}
            return sent | {"messages": messages} | usage | ({"max_tokens": max_tokens} if max_tokens else {})
