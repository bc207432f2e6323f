"""What a gateway does where a finding asks for more than a stop."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from midstream.gateway.schema import allowed

__all__ = ["Continuation", "Moderator", "Prefill", "Rerouted"]

BASE_URL = r"^https?://[^/?#@\s]+(/[^?#\s]*)?$"
DAY_S = 86_400

Rerouted: TypeAlias = Literal[
    "actions", "budget", "pace", "pace/stall", "repeat", "repeat/counter", "repeat/exact", "repeat/near"
]
"""A check, or a kind of one, whose stop may let another route go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderator:
    """A server that says of held text whether it may pass. ``guard.hold`` says which text that is.

    Parameters
    ----------
    url : str
        Where text is posted to, as JSON.
    format : {"midstream", "openai"}
        How it is asked: with the text and where it stands (``id``, ``stream``, ``channel``, ``kind``, ``text``, ``context``,
        ``onset``, ``offset``) for ``{"verdict": "release"}`` or ``{"verdict": "stop", "reason": "..."}``; or as OpenAI's
        ``/v1/moderations``, where text that is flagged stops its stream.
    model : str, optional
        The model that is named to it; for OpenAI's format alone.
    key_env : str, optional
        The environment variable that holds its key, which is sent as a bearer token. Default: none.
    key_file : str, optional
        The file that holds its key instead, and nothing else but a newline.
    timeout_s : float
        Seconds until it has answered, waiting for its turn included, above 0.
    on_failure : {"release", "stop"}
        What becomes of text of which it has not said in time what is to become.
    concurrency : int
        Texts that are asked for at the same time at most, of all streams, 1 to 4096.

    Examples
    --------
    >>> Moderator(url="http://127.0.0.1:9000/check").on_failure
    'stop'
    """

    url: str = field(metadata=allowed(pattern=BASE_URL))
    format: Literal["midstream", "openai"] = "midstream"
    model: str | None = None
    key_env: str | None = None
    key_file: str | None = None
    timeout_s: float = field(default=5.0, metadata=allowed(exclusiveMinimum=0, maximum=DAY_S))
    on_failure: Literal["release", "stop"] = "stop"
    concurrency: int = field(default=64, metadata=allowed(minimum=1, maximum=4096))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill:
    r"""How an upstream goes on with an answer that its request already holds, as a last turn of the assistant.

    Parameters
    ----------
    format : {"plain", "vllm"}
        What such a request needs beside the turn: nothing (Anthropic, llama.cpp, Ollama), or ``continue_final_message``
        without ``add_generation_prompt`` (vLLM, SGLang).
    reasoning_before, reasoning_behind : str
        What stands around reasoning in such a turn.

    Examples
    --------
    >>> Prefill(format="vllm").reasoning_before
    '<think>\n'
    """

    format: Literal["plain", "vllm"] = "plain"
    reasoning_before: str = "<think>\n"
    reasoning_behind: str = "\n</think>\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """When an answer goes on with a second request, whose answer is joined to the first.

    Parameters
    ----------
    on_break : bool
        Where an answer breaks off, the next route of its model goes on with it.
    reroute : tuple of str
        Checks, or kinds of them as in ``repeat/exact``, whose stop lets the next route of the model go on instead. An answer
        in one piece is asked for at that route as if it were the first.
    hint : bool
        Whether a hint is told to the model at once, by a second request, where a check asks for one.
    most : int
        Second requests of one answer at most, 1 to 10.

    Examples
    --------
    >>> Continuation(on_break=True).most
    2
    """

    on_break: bool = False
    reroute: tuple[Rerouted, ...] = ()
    hint: bool = False
    most: int = field(default=2, metadata=allowed(minimum=1, maximum=10))
