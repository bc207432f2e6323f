"""``midstream demo``: a real model loops, and MidStream stops it."""

import contextlib
import json as to_json
import sys
import threading
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter

from midstream import local
from midstream.cli.console import Terminal
from midstream.cli.exits import Failure
from midstream.cli.models import fetch
from midstream.cli.runs import Live, Model, OnText, Recorded, Run, run
from midstream.cli.serving import serving
from midstream.cli.terminal import printable
from midstream.cli.verdict import facts, print_finding, print_verdict
from midstream.errors import InputError, MissingExtra, NetworkError
from midstream.gateway import Gateway, GatewayConfig, Upstream
from midstream.stream import Recording

__all__ = ["PROMPTS", "RECORDING", "demo", "request_of"]

MOST_TOKENS = 300
PROMPTS = [
    "User: Why does my program crash?\nAssistant:",
    "The committee met on Tuesday to discuss the budget. The chairman said that",
    "I am done. I am done.",
]
"""Each makes the model loop when it always takes the likeliest token; arithmetic differs between processors,
so there are three."""
RECORDING = Path(__file__).with_name("recordings") / "demo.jsonl"
RECORDING_S = 2.0
"""How long the recording plays."""


class Seen(NamedTuple):
    """Both runs of one prompt."""

    guarded: Run
    unguarded: Run


class NotLive(Exception):
    """Why the model itself cannot be shown."""


Flag = Annotated[bool, Parameter(negative="")]


def demo(*, fast: Flag = False, json: Flag = False, stay: Flag = False) -> None:
    """Let a real model loop behind the gateway, stop it, and show what the same prompt costs without a guard.

    Where the model, its weights or the network are missing, a recording of the same model is played instead.

    Parameters
    ----------
    fast : bool
        Play the recording, whatever is there.
    json : bool
        One line of JSON with the finding, tokens, times and addresses.
    stay : bool
        Let the gateway go on until Ctrl-C, so that its addresses can be looked at. Default: where a terminal is there.

    Examples
    --------
    ::

        midstream demo --fast
    """
    console = Terminal(quiet=json)
    stay = stay or (not json and sys.stdin.isatty() and sys.stdout.isatty())
    with contextlib.ExitStack() as stack:
        missing = "--fast was given" if fast else None
        try:
            gateway, seen = _recorded(console, stack) if fast else _live(console, stack)
        except NotLive as reason:
            missing = str(reason)
            print(f"midstream: {missing}; playing a recording of the model instead", file=sys.stderr)
            gateway, seen = _recorded(console, stack)
        places = addresses(gateway, seen.guarded)
        if json:
            print(to_json.dumps(facts(*seen, missing=missing) | {"gateway": places}), flush=True)
        else:
            print_verdict(console, *seen, recorded=missing is not None, most_tokens=MOST_TOKENS)
            _print_addresses(console, places, stay=stay)
        if stay:
            threading.Event().wait()


def _live(console: Terminal, stack: contextlib.ExitStack) -> tuple[Gateway, Seen]:
    """Both runs of the model, and the gateway before it.

    Raises
    ------
    NotLive
        Where there are none.
    """
    try:
        local.require_package()
        if local.state() in ("absent", "damaged"):
            fetch()
        server = stack.enter_context(local.Server())
        model, gateway = Live(server), stack.enter_context(serving(before(server.address)))
        for prompt in PROMPTS:
            _print_prompt(console, f"{server.model} on this machine, {server.address}", prompt, gateway)
            if (seen := _both(console, model, prompt, gateway)) is not None:
                return gateway, seen
            console.print("\nThe model did not loop here, so another prompt follows.")
    except (Failure, InputError, MissingExtra, NetworkError) as error:
        raise NotLive(str(error)) from error
    raise NotLive("the model looped on none of the prompts")


def before(url: str) -> GatewayConfig:
    """A gateway before one server."""
    return GatewayConfig(
        listen="127.0.0.1:0", drain_s=0, upstreams={"local": Upstream(url=url, apis=("anthropic", "openai"))}
    )


def _both(console: Terminal, model: Model, prompt: str, gateway: Gateway) -> Seen | None:
    """Both runs of one prompt; None where it makes no loop here."""
    request = request_of(prompt)
    guarded = _show_guarded(console, model, request, gateway)
    if guarded.ending != "halted":
        return None
    return Seen(guarded, _show_unguarded(console, model, request))


def request_of(prompt: str) -> dict[str, Any]:
    """The request for the likeliest answer; without a cache of the prompt every run does the same work."""
    return {"prompt": prompt, "max_tokens": MOST_TOKENS, "temperature": 0, "stream": True, "cache_prompt": False}


def _recorded(console: Terminal, stack: contextlib.ExitStack) -> tuple[Gateway, Seen]:
    recording = Recording.load(RECORDING)
    speed = max(1.0, (recording.chunks[-1].t_ns or 0) / 1e9 / RECORDING_S)
    model = stack.enter_context(Recorded(recording, speed))
    gateway = stack.enter_context(serving(before(model.url)))
    title = f"A RECORDING of {recording.model}, played {speed:.1f} times as fast as it came"
    request = dict(recording.request or {})
    _print_prompt(console, title, str(request["prompt"]), gateway)
    guarded = _show_guarded(console, model, request, gateway)
    return gateway, Seen(guarded, _show_unguarded(console, model, request))


def _print_prompt(console: Terminal, title: str, prompt: str, gateway: Gateway) -> None:
    console.print(title, style="bold")
    console.print(f"gateway: OPENAI_BASE_URL={gateway.url}/v1")
    console.print(f"prompt: {printable(prompt)}")


def addresses(gateway: Gateway, guarded: Run) -> dict[str, str]:
    """What can be looked at."""
    streams = f"{gateway.url}/midstream/v1/streams"
    return {
        "base_url": f"{gateway.url}/v1",
        "streams": streams,
        "events": f"{streams}/{guarded.stream}/events",
        "metrics": f"{gateway.url}/metrics",
    }


def _print_addresses(console: Terminal, places: dict[str, str], *, stay: bool) -> None:
    if stay:
        console.print("\nThe gateway goes on until Ctrl-C; look at", style="bold")
    else:
        console.print("\nThe gateway has ended. `make demo ARGS=--stay` lets it go on, to look at", style="bold")
    for name, address in places.items():
        console.print(f"{name.replace('_', ' '):24}{address}")


def _show_guarded(console: Terminal, model: Model, request: dict[str, Any], gateway: Gateway) -> Run:
    console.print("\n--- with MidStream", style="bold")
    seen = run(model, request, _writer(console), gateway)
    console.print()
    if seen.finding is not None:
        print_finding(console, seen.finding)
    return seen


def _show_unguarded(console: Terminal, model: Model, request: dict[str, Any]) -> Run:
    console.print("\n--- without a guard", style="bold")
    seen = run(model, request, _writer(console, style="dim"))
    console.print()
    return seen


def _writer(console: Terminal, style: str | None = None) -> OnText:
    """Writes text as it comes; control characters as escapes."""

    def on_text(fragment: str) -> None:
        console.print("\n".join(printable(line) for line in fragment.split("\n")), end="", style=style)

    return on_text
