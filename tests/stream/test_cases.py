"""The shared cases of tests/cases, which Rust and the WebAssembly module run too."""

import json
from pathlib import Path

import pytest

from midstream.stream import Guard

CASES = Path(__file__).parent.parent / "cases"
STEPS = [1, 7, None]


def cases(name):
    return [pytest.param(case, id=case["name"]) for case in json.loads((CASES / name).read_text(encoding="utf-8"))]


def chunks(whole, step):
    step = step or max(len(whole), 1)
    return [whole[at : at + step] for at in range(0, len(whole), step)]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("case", cases("streams.json"))
def test_a_stream_gives_the_texts_and_the_summary_of_its_case(case, step):
    guard = Guard()
    decisions = [guard.feed(chunk, now_ns=0) for chunk in chunks(case["body"].encode(), step)]
    last, summary = guard.finish("clean", now_ns=0)
    texts = {}
    for event in (event for decision in [*decisions, last] for event in decision.events):
        if event.channel is not None and event.text is not None:
            texts[event.channel] = texts.get(event.channel, "") + event.text
    assert texts == case["texts"]
    assert part_of(json.loads(summary.to_json()), case["summary"]) == case["summary"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("case", [*cases("repeat.json"), *cases("texts.json")])
def test_a_text_gives_the_findings_of_its_case(case, step):
    guard = Guard()
    found = [finding for piece in chunks(case["text"], step) for finding in guard.push(piece, now_ns=0).findings]
    assert len(found) == len(case["findings"])
    for finding, wanted in zip(found, case["findings"], strict=True):
        assert {name: getattr(finding, name) for name in wanted} == wanted


def part_of(seen, wanted):
    """Of `seen` what `wanted` names; numbers that differ by the shared tolerance count as equal."""
    if isinstance(seen, dict) and isinstance(wanted, dict):
        return {key: part_of(seen.get(key), value) for key, value in wanted.items()}
    if isinstance(seen, list) and isinstance(wanted, list) and len(seen) == len(wanted):
        return [part_of(one, other) for one, other in zip(seen, wanted, strict=True)]
    if isinstance(seen, float) and isinstance(wanted, int | float):
        return pytest.approx(seen, rel=1e-9)
    return seen
