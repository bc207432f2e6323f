"""What the demo says at its end, for people and as JSON."""

from typing import Any

from midstream.cli.console import Terminal
from midstream.cli.runs import Run
from midstream.cli.terminal import printable

__all__ = ["facts", "print_finding", "print_verdict"]


def facts(guarded: Run, unguarded: Run, *, missing: str | None) -> dict[str, Any]:
    """The object of ``demo --json``."""
    return {
        "source": "model" if missing is None else "recording",
        "reason": missing,
        "model": guarded.model,
        "finding": guarded.finding,
        "guarded": _run(guarded),
        "unguarded": _run(unguarded),
        "tokens_saved": unguarded.tokens - guarded.tokens,
        "onset_to_stop_s": guarded.onset_to_stop_s,
        "stop_to_idle_s": guarded.stop_to_idle_s,
    }


def print_verdict(console: Terminal, guarded: Run, unguarded: Run, *, recorded: bool, most_tokens: int) -> None:
    """The verdict in lines, its numbers in columns."""
    console.print(f"\n{'':24}{'with MidStream':>16}{'without a guard':>18}", style="bold")
    console.print(f"{'tokens generated':24}{guarded.tokens:>16}{unguarded.tokens:>18}")
    console.print(f"{'characters':24}{len(guarded.text):>16}{len(unguarded.text):>18}")
    console.print(f"{'seconds':24}{guarded.duration_s:>16.2f}{unguarded.duration_s:>18.2f}")
    console.print(f"{'ended by':24}{_ended_by(guarded):>16}{_ended_by(unguarded):>18}")
    saved = f"{unguarded.tokens - guarded.tokens}, of an answer that was cut at {most_tokens}"
    console.print(f"\n{'tokens saved':24}{saved}")
    if guarded.onset_to_stop_s is not None:
        console.print(f"{'first repeat to stop':24}{guarded.onset_to_stop_s:.2f} s")
    idle = "not measured: this was a recording" if recorded else "unknown"
    if guarded.stop_to_idle_s is not None:
        idle = f"{guarded.stop_to_idle_s * 1000:.0f} ms, as the model's server tells"
    console.print(f"{'stop to idle model':24}{idle}")


def print_finding(console: Terminal, finding: dict[str, Any]) -> None:
    """Why the guard stopped, in lines."""
    console.print(f"\nstopped by {finding['check']}/{finding['kind']}: {finding['explanation']}", style="bold")
    console.print(f"{'seen at character':24}{finding['offset']}")
    console.print(f"{'first repeat begins at':24}{finding['onset']}")
    console.print(f"{'period':24}{finding['period']} characters, {finding['score']:.1f} copies")
    console.print(f"{'evidence':24}{printable(finding['evidence'])}")


def _ended_by(run: Run) -> str:
    """Who ended an answer, as far as it has an end."""
    if run.ending == "halted":
        return "MidStream"
    if run.ending != "complete":
        return run.ending
    return "the token limit" if "length" in run.finish_reasons else "the model"


def _run(run: Run) -> dict[str, Any]:
    return {
        "tokens": run.tokens,
        "characters": len(run.text),
        "duration_s": run.duration_s,
        "ending": run.ending,
        "finish_reasons": run.finish_reasons,
    }
