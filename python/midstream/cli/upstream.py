"""The upstream that one URL names: where its paths begin, and whose APIs it speaks."""

import re
from urllib.parse import urlsplit

from midstream.cli.endpoints import OLLAMA_PORT, told
from midstream.cli.exits import USAGE, Failure
from midstream.gateway import Api, Upstream

__all__ = ["upstream_of"]

GEMINI_HOST = "generativelanguage.googleapis.com"
BEGINS = ("/v1", "/v1beta", "/api")
"""What SDKs take as a part of the base URL, and what the paths of the gateway begin with themselves."""

VERSION = re.compile(r"/v[0-9]+[a-z]*[0-9]*(?=/|$)")
"""The part of a path that says which version of an API is asked."""


def upstream_of(url: str) -> Upstream:
    """The server of a URL, as an app would give it to its SDK.

    Raises
    ------
    Failure
        For what is no URL.
    """
    url, base, apis = url.rstrip("/"), base_of(url), apis_of(url)
    path = urlsplit(url).path
    if base != url or VERSION.search(path) is None:
        return Upstream(url=base, apis=apis)
    # SDKs put behind a base of another version what they else put behind /v1.
    return Upstream(url=url.removesuffix(path), apis=("openai",) if apis == ("gemini",) else apis, v1=path)


def base_of(url: str) -> str:
    """What a path of the API is put behind."""
    url = url.rstrip("/")
    return next((url.removesuffix(begin) for begin in BEGINS if url.endswith(begin)), url)


def apis_of(url: str) -> tuple[Api, ...]:
    """Whose APIs a server speaks; Ollama's has OpenAI's beside its own."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Failure(f"--upstream is no URL: {str(error).lower()}", USAGE) from error
    if host == GEMINI_HOST:
        return ("gemini",)
    dialect = told(host, port, parts.path)
    if dialect == "ollama" or port == OLLAMA_PORT:
        return ("ollama", "openai")
    return ("anthropic",) if dialect == "anthropic-messages" else ("openai",)
