"""``midstream demo``: a real model loops, and MidStream stops it."""

import json as to_json
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter

from midstream import local
from midstream.cli.console import Terminal
from midstream.cli.exits import Failure
from midstream.cli.models import fetch
from midstream.cli.runs import Live, OnText, Recorded, Run, Source, run
from midstream.cli.terminal import printable
from midstream.cli.verdict import facts, print_finding, print_verdict
from midstream.errors import InputError, MissingExtra, NetworkError
from midstream.stream import Recording, Settings

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


Flag = Annotated[bool, Parameter(negative="")]


def demo(*, fast: Flag = False, json: Flag = False) -> None:
    """Let a real model loop on this machine, stop it, and show what the same prompt costs without a guard.

    Where the model, its weights or the network are missing, a recording of the same model is played instead.

    Parameters
    ----------
    fast : bool
        Play the recording, whatever is there.
    json : bool
        One line of JSON with the finding, tokens and times.

    Examples
    --------
    ::

        midstream demo --fast
    """
    console = Terminal(quiet=json)
    seen, missing = (None, "--fast was given") if fast else _live(console)
    if seen is None:
        if not fast:
            print(f"midstream: {missing}; playing a recording of the model instead", file=sys.stderr)
        seen = _recorded(console)
    if json:
        print(to_json.dumps(facts(*seen, missing=missing)))
    else:
        print_verdict(console, *seen, recorded=missing is not None, most_tokens=MOST_TOKENS)


def _live(console: Terminal) -> tuple[Seen | None, str | None]:
    """Both runs of the model, or why there are none."""
    try:
        local.require_package()
        if local.state() in ("absent", "damaged"):
            fetch()
        with local.Server() as server:
            for prompt in PROMPTS:
                _print_prompt(console, f"{server.model} on this machine, {server.address}", prompt)
                if (seen := _both(console, server, prompt)) is not None:
                    return seen, None
                console.print("\nThe model did not loop here, so another prompt follows.")
    except (Failure, InputError, MissingExtra, NetworkError) as error:
        return None, str(error)
    return None, "the model looped on none of the prompts"


def _both(console: Terminal, server: local.Server, prompt: str) -> Seen | None:
    """Both runs of one prompt; None where it makes no loop here."""
    request = request_of(prompt)
    guarded = _show_guarded(console, Live(server, request))
    if guarded.summary.ending != "halted":
        return None
    return Seen(guarded, _show_unguarded(console, Live(server, request)))


def request_of(prompt: str) -> dict[str, Any]:
    """The request for the likeliest answer; without a cache of the prompt every run does the same work."""
    return {"prompt": prompt, "max_tokens": MOST_TOKENS, "temperature": 0, "stream": True, "cache_prompt": False}


def _recorded(console: Terminal) -> Seen:
    recording = Recording.load(RECORDING)
    speed = max(1.0, (recording.chunks[-1].t_ns or 0) / 1e9 / RECORDING_S)
    title = f"A RECORDING of {recording.model}, played {speed:.1f} times as fast as it came"
    _print_prompt(console, title, str((recording.request or {})["prompt"]))
    guarded = _show_guarded(console, Recorded(recording, speed))
    return Seen(guarded, _show_unguarded(console, Recorded(recording, speed)))


def _print_prompt(console: Terminal, title: str, prompt: str) -> None:
    console.print(title, style="bold")
    console.print(f"prompt: {printable(prompt)}")


def _show_guarded(console: Terminal, source: Source) -> Run:
    console.print("\n--- with MidStream", style="bold")
    seen = run(source, Settings(), _writer(console))
    console.print()
    if seen.finding is not None:
        print_finding(console, seen.finding)
    return seen


def _show_unguarded(console: Terminal, source: Source) -> Run:
    console.print("\n--- without a guard", style="bold")
    seen = run(source, Settings(shadow=True), _writer(console, style="dim"))
    console.print()
    return seen


def _writer(console: Terminal, style: str | None = None) -> OnText:
    """Writes text as it comes; control characters as escapes."""

    def on_text(fragment: str) -> None:
        console.print("\n".join(printable(line) for line in fragment.split("\n")), end="", style=style)

    return on_text
