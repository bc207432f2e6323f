"""A client of an SDK whose every stream is guarded."""

import copy
from functools import cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from midstream._rust.stream import now_ns
from midstream.stream.body import guard_response, library_of
from midstream.stream.hold import Moderate, check_moderate
from midstream.stream.reactions import Reactions
from midstream.stream.record import Place
from midstream.stream.recorded import place_for
from midstream.stream.session import settings_of
from midstream.stream.settings import Settings, SettingsOrFile
from midstream.stream.transport import is_stream
from midstream.stream.watch import OnFinding, OnStop, OnTruncated, Recorded

__all__ = ["wrap"]

C = TypeVar("C")


def wrap(
    client: C,
    guard: SettingsOrFile | None = None,
    *,
    on_finding: OnFinding | None = None,
    on_stop: OnStop = "raise",
    on_truncated: OnTruncated = "raise",
    record: Recorded | None = None,
    moderate: Moderate | None = None,
) -> C:
    """Make a client like yours whose every stream is watched, the ``.stream()`` helpers included.

    Parameters
    ----------
    client : OpenAI, AsyncOpenAI, Anthropic or AsyncAnthropic
        Stays as it is. The new client shares its connections and its settings; closing either closes both.
    guard : Settings or path of a guard file, optional
        What to look for; the default settings where left out.
    on_finding, on_stop, on_truncated, moderate
        As for `watch`.
    record : path or Record, optional
        As for `Transport`.

    Returns
    -------
    a client of the same type

    Raises
    ------
    TypeError
        For what is no client of these SDKs.
    StateError
        For a Guard, which serves one stream.

    Notes
    -----
    `midstream.summary` takes the streams of such a client. What ``with_options`` makes of it is guarded too.
    """
    settings, reactions = (
        settings_of(guard),
        Reactions(on_finding=on_finding, on_stop=on_stop, on_truncated=on_truncated, moderate=moderate),
    )
    place = place_for(record, settings, many=True)
    http = getattr(client, "_client", None)
    if not is_sdk_client(client) or library_of(http) is None:
        allowed = "OpenAI, AsyncOpenAI, Anthropic, AsyncAnthropic"
        raise TypeError(f"client is {type(client).__name__}, allowed: {allowed}")
    check_moderate(settings, reactions, asynchronous=hasattr(http, "aclose"))
    wrapped: C = client.copy(http_client=guarded_client(http, settings, reactions, place))  # type: ignore[attr-defined]
    return wrapped


def is_sdk_client(client: object) -> bool:
    """Whether this is a client of the openai or anthropic SDK, or of a class made from one."""
    roots = {base.__module__.partition(".")[0] for base in type(client).__mro__}
    return bool(roots & {"openai", "anthropic"}) and hasattr(client, "copy")


def guarded_client(http: Any, settings: Settings | None, reactions: Reactions, place: Place | None) -> Any:
    """A copy of an HTTP client, on the same connections, with hooks that guard streamed responses."""
    original: Any = type(http)
    copied = copy.copy(http)
    copied.__class__ = copy_class(original)
    # The original closes the connections when nobody holds it any more.
    copied._midstream_original = http
    asynchronous = hasattr(http, "aclose")
    sent: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def request(request: Any) -> None:
        sent[request] = now_ns()

    def response(response: Any) -> None:
        if is_stream(response, response.request):
            known: Any = {"asynchronous": asynchronous, "started_ns": sent.get(response.request), "place": place}
            guard_response(response, settings, reactions, **known)

    hooks = copied.event_hooks
    copied.event_hooks = {
        "request": [*hooks["request"], as_async(request) if asynchronous else request],
        "response": [as_async(response) if asynchronous else response, *hooks["response"]],
    }
    return copied


def as_async(hook: Any) -> Any:
    """The same hook for an async client."""

    async def hooked(thing: Any) -> None:
        hook(thing)

    return hooked


@cache
def copy_class(original: Any) -> type:
    """The class of a copy: the SDKs' own clients close their connections when they are dropped, a copy must not."""
    return type(original.__name__, (original,), {"__del__": lambda self: None, "__module__": original.__module__})
