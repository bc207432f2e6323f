"""What the iterators of some SDKs hide: the response that their own closing leaves open, and what they made up."""

from collections.abc import Callable
from typing import Any

from midstream.stream.body import is_response

__all__ = ["as_given", "is_of_litellm", "upstream"]


def is_of_litellm(stream: object) -> bool:
    """Whether this is LiteLLM's wrapper of a stream, or its router's."""
    return any(
        base.__name__ == "CustomStreamWrapper" and base.__module__.startswith("litellm.")
        for base in type(stream).__mro__
    )


def as_given(stream: Any) -> Callable[[Any], Any]:
    """What of LiteLLM's item the provider gave: where a body ends without a reason, LiteLLM makes up ``stop``."""

    def given(item: Any) -> Any:
        if not any(getattr(choice, "finish_reason", None) for choice in getattr(item, "choices", ())):
            return item
        if any(one.received_finish_reason or one.intermittent_finish_reason for one in wrappers(stream)):
            return item
        said: dict[str, Any] = item.model_dump()
        for choice in said["choices"]:
            choice["finish_reason"] = None
        return said

    return given


def upstream(stream: object) -> list[Any]:
    """What to close beside the stream itself, in this order; to be asked before the stream is closed."""
    if is_of_litellm(stream):
        return [source for one in wrappers(stream) if (source := source_of(one)) is not None]
    return of_google(stream)


def wrappers(stream: Any) -> list[Any]:
    """The wrappers of one provider's stream each: a router's reads the first, then its fallback."""
    names = frame_of(stream.completion_stream)
    inner = [names.get("model_response"), names.get("fallback_response")]
    return [one for one in inner if is_of_litellm(one)] or [stream]


def source_of(wrapper: Any) -> Any:
    """What LiteLLM's wrapper reads from: it has no ``close``, and its ``aclose`` leaves some of these open."""
    source = wrapper.completion_stream
    while source is not None and not hasattr(source, "close") and not hasattr(source, "aclose"):
        source = getattr(source, "streaming_response", None)
    # Lines of a response: closing their generator leaves the response open.
    response = frame_of(source).get("self")
    return response if is_response(response) else source


def of_google(stream: object) -> list[Any]:
    """google-genai's response and the generator that reads it hold each other, so closing the stream frees neither."""
    module = "google.genai."
    while hasattr(stream, "ag_frame") and frame_module(stream).startswith(module):
        names = frame_of(stream)
        for value in names.values():
            if hasattr(value, "segment_iterator") and type(value).__module__.startswith(module):
                return [value.segment_iterator, value.response_stream]
        stream = next((value for value in names.values() if hasattr(value, "ag_frame") and value is not stream), None)
    return []


def frame_of(generator: Any) -> dict[str, Any]:
    """The names inside a generator that waits at a ``yield``."""
    frame = getattr(generator, "gi_frame", None) or getattr(generator, "ag_frame", None)
    return dict(frame.f_locals) if frame is not None else {}


def frame_module(generator: Any) -> str:
    frame = generator.ag_frame
    return str(frame.f_globals.get("__name__", "")) if frame is not None else ""
