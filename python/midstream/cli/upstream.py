"""The upstream that one URL names: where its paths begin, and whose APIs it speaks."""

from urllib.parse import urlsplit

from midstream.cli.endpoints import OLLAMA_PORT, told
from midstream.cli.exits import USAGE, Failure
from midstream.gateway import Api, Upstream

__all__ = ["upstream_of"]

GEMINI_HOST = "generativelanguage.googleapis.com"
BEGINS = ("/v1", "/v1beta", "/api")
"""What SDKs take as a part of the base URL, and what the paths of the gateway begin with themselves."""


def upstream_of(url: str) -> Upstream:
    """The server of a URL, as an app would give it to its SDK.

    Raises
    ------
    Failure
        For what is no URL.
    """
    return Upstream(url=base_of(url), apis=apis_of(url))


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
