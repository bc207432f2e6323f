"""What a recording keeps of a request: everything but its secrets."""

import re
from collections.abc import Mapping
from typing import Any

from midstream.errors import InputError

__all__ = ["without_secrets", "without_secrets_of_url"]

SECRET = re.compile(r"authorization|cookie|api[-_]?key|access[-_]?token|secret|password", re.IGNORECASE)


def without_secrets(value: Any) -> Any:
    """`value` with ``***`` for whatever a key names a secret."""
    if isinstance(value, Mapping):
        return {key: "***" if SECRET.search(str(key)) else without_secrets(item) for key, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def without_secrets_of_url(url: str) -> str:
    """`url` with ``***`` for the values of its query and for a user's name and password."""
    from urllib.parse import urlsplit, urlunsplit  # needed by few, and slow to import

    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"url is {url!r:.80}, allowed is a URL: {error}") from error
    names = [pair.partition("=")[0] for pair in parts.query.split("&") if pair]
    query = "&".join(f"{name}=***" for name in names)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(query=query, netloc=f"***@{host}" if user else host, fragment=""))
