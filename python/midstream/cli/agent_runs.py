"""Reports of agents' runs, in the keys of those of streams."""

from typing import Any

from midstream.cli.report import finding_object
from midstream.stream import Settings, Trace, TraceFinding

__all__ = ["agent_outcome", "agent_report"]

HEAD = {"dialect": "atif", "framing": "json"}


def agent_report(file: str, trace: Trace, settings: Settings) -> dict[str, Any]:
    """The object of ``analyze --json`` for a run: its steps are events, and offsets count calls, results, messages."""
    summary = trace.check(settings)
    answered = {step.call_id for step in trace.steps() if step.kind == "result"}
    calls = [step for step in trace.steps() if step.kind == "call"]
    return {
        "file": file,
        **HEAD,
        "bytes": size_of(trace),
        "events": len(trace.document["steps"]),
        "error": None,
        "ending": "complete",
        "ending_notes": ["agent_run"],
        "finish_reasons": [],
        "model": trace.model,
        "anomalies": dict(summary.anomalies),
        "channels": [{"id": "messages", "kind": "text", "characters": characters(trace, 0, ("message",))}],
        "tool_calls": [
            {
                "id": call.call_id,
                "name": call.tool,
                "arguments": call.text,
                "valid_json": True,
                "complete": call.call_id in answered,
            }
            for call in calls
        ],
        "usage": usage(trace),
        "pace": None,
        "findings": [finding_object(finding) for finding in summary.findings],
    }


def agent_outcome(file: str, guard: str, trace: Trace, settings: Settings) -> dict[str, Any]:
    """The object of ``replay --json`` for a run."""
    found = trace.findings(settings)
    stop = next((at for at, one in enumerate(found) if one.finding.action == "stop"), None)
    decided = found if stop is None else found[: stop + 1]
    cut = None if stop is None else found[stop].number
    recorded = side(trace, None) | {"closed": "clean", "findings": []}
    return {
        "file": file,
        "guard": guard,
        "error": None,
        **HEAD,
        "model": trace.model,
        "times": None,
        "recorded": recorded,
        "replayed": side(trace, cut),
        "decisions": [decision(one) for one in decided],
        "stop": None if stop is None else decision(found[stop]),
        "saved": saved(trace, cut),
    }


def decision(found: TraceFinding) -> dict[str, Any]:
    return {"at_s": None, "byte": None, "step": found.number} | finding_object(found.finding)


def side(trace: Trace, cut: int | None) -> dict[str, Any]:
    """The run, or what a stop at step `cut` would have left of it."""
    return {
        "ending": "complete" if cut is None else "halted",
        "bytes": size_of(trace, cut),
        "characters": characters(trace) - (0 if cut is None else characters(trace, cut)),
        "duration_s": None,
        "usage": usage(trace, cut),
    }


def saved(trace: Trace, cut: int | None) -> dict[str, Any]:
    """What a stop at step `cut` would have saved."""
    if cut is None:
        return {"characters": 0, "tokens": 0, "rule": "not stopped"}
    behind = characters(trace, cut)
    whole, before = usage(trace), usage(trace, cut)
    if whole["output"] is None:
        rule = "estimate: characters of the agent behind the cut / 4"
        return {"characters": behind, "tokens": behind // 4, "rule": rule}
    rule = "reported output tokens of the steps behind the cut"
    return {"characters": behind, "tokens": whole["output"] - (before["output"] or 0), "rule": rule}


def characters(trace: Trace, behind: int = 0, kinds: tuple[str, ...] = ("message", "call")) -> int:
    """Characters that the agent wrote behind a step."""
    return sum(len(step.text) for step in trace.steps() if step.kind in kinds and step.number > behind)


def size_of(trace: Trace, cut: int | None = None) -> int:
    """Bytes of the texts of a run."""
    texts = (step.text for step in trace.steps() if cut is None or step.number <= cut)
    return sum(len(text.encode(errors="replace")) for text in texts)


def usage(trace: Trace, cut: int | None = None) -> dict[str, Any]:
    """Tokens as the steps report them."""
    told = [step.get("metrics") or {} for step in trace.document["steps"] if cut is None or step["step_id"] <= cut]

    def total(name: str) -> int | None:
        counts = [metrics[name] for metrics in told if type(metrics.get(name)) is int]
        return sum(counts) if counts else None

    output = total("completion_tokens")
    source = "unknown" if output is None else "reported"
    return {"input": total("prompt_tokens"), "output": output, "reasoning": None, "source": source}
