"""Runs of agents: ATIF as its own package has it, and lines of steps."""

import copy
import json

import pytest

from midstream.errors import InputError, RecordingError
from midstream.stream import AgentChecks, Settings, Trace

CALL = {"tool_call_id": "c", "function_name": "search", "arguments": {"query": "harbour"}}
RESULT = {"source_call_id": "c", "content": "no hits"}
AGENT = {"name": "finder", "version": "1", "model_name": "tiny-1"}


def document(steps, **more):
    numbered = [{"step_id": at, **step} for at, step in enumerate(steps, 1)]
    return {"schema_version": "ATIF-v1.8", "agent": AGENT, "steps": numbered} | more


def search(**more):
    return {"source": "agent", "message": "", "tool_calls": [CALL], "observation": {"results": [RESULT]}} | more


ASK = {"source": "user", "message": "Find the harbour."}
LOOP = document([ASK, *[search()] * 9])
RICH = document(
    [
        {"source": "system", "message": "You find things.", "timestamp": "2026-11-21T20:48:36Z"},
        {
            "source": "user",
            "message": [
                {"type": "text", "text": "Find"},
                {"type": "image", "source": {"media_type": "image/png", "path": "a.png"}},
            ],
        },
        search(message="I search.", reasoning_content="Hm.", metrics={"prompt_tokens": 9, "completion_tokens": 4}),
        {
            "source": "agent",
            "message": "Found.",
            "observation": {"results": [{"content": [{"type": "text", "text": "x"}]}]},
        },
    ],
    trajectory_id="t-1",
    final_metrics={"total_steps": 4},
    subagent_trajectories=[document([ASK], trajectory_id="t-2")],
    extra={"kept": [1, None]},
)


def test_a_loop_of_calls_is_found_at_its_step():
    trace = Trace(LOOP)
    assert [(found.number, found.finding.action) for found in trace.findings()] == [
        (4, "hint"),
        (6, "warn"),
        (9, "stop"),
    ]
    assert trace.check().halted
    assert (trace.check().calls, trace.check().results) == (9, 9)
    assert trace.model == "tiny-1"


def test_settings_and_guard_files_say_what_follows(tmp_path):
    (tmp_path / "guard.toml").write_text('[actions]\nrepeat = "off"\n')
    assert Trace(LOOP).findings(tmp_path / "guard.toml") == []
    assert not Trace(LOOP).check(Settings(shadow=True)).halted


@pytest.mark.parametrize("name", ["a.json", "a.json.zst"])
def test_a_trace_is_saved_and_loaded_equal(tmp_path, name):
    if name.endswith("zst"):
        pytest.importorskip("backports.zstd")
    Trace(RICH).save(tmp_path / name)
    assert Trace.load(tmp_path / name) == Trace(RICH)


def test_what_is_saved_is_atif(tmp_path):
    atif = pytest.importorskip("atif", reason="pip install atif")
    Trace(RICH).save(tmp_path / "a.json")
    read = atif.Trajectory.model_validate_json((tmp_path / "a.json").read_text())
    assert read.to_json_dict(exclude_none=True)["steps"] == json.loads(json.dumps(RICH["steps"]))


def test_what_the_package_writes_is_read():
    atif = pytest.importorskip("atif", reason="pip install atif")
    written = atif.Trajectory.model_validate(RICH).model_dump_json().encode()
    assert [step[1:4] for step in Trace.load(written).steps()] == [step[1:4] for step in Trace(RICH).steps()]


def broken(*path_and_value):
    *path, last, value = path_and_value
    wrong = copy.deepcopy(RICH)
    held = wrong
    for key in path:
        held = held[key]
    held[last] = value
    return wrong


BROKEN = [
    (broken("schema_version", "ATIF-v1.9"), "schema_version is 'ATIF-v1.9', allowed is ATIF-v1.0 to ATIF-v1.8"),
    (broken("schema_version", "2"), "schema_version is '2', allowed is ATIF-v1.0 to ATIF-v1.8"),
    (broken("agent", {"name": "x"}), "agent.version is None"),
    (broken("steps", {}), "steps is {}, allowed is a list"),
    (broken("steps", 1, "step_id", 5), "steps[1].step_id is 5, allowed is 2: steps are counted from 1"),
    (broken("steps", 1, "source", "tool"), "steps[1].source is 'tool', allowed is system, user or agent"),
    (broken("steps", 1, "message", None), "steps[1].message is None"),
    (broken("steps", 1, "tool_calls", [CALL]), "steps[1].tool_calls is"),
    (
        broken("steps", 2, "tool_calls", 0, "arguments", "{}"),
        "steps[2].tool_calls[0].arguments is '{}', allowed is an object",
    ),
    (
        broken("steps", 2, "observation", "results", 0, "source_call_id", "d"),
        "steps[2].observation.results[0].source_call_id",
    ),
    (broken("subagent_trajectories", 0, "trajectory_id", None), "subagent_trajectories[0].trajectory_id is None"),
]


@pytest.mark.parametrize(("wrong", "said"), BROKEN, ids=[said[:30] for _, said in BROKEN])
def test_what_atif_does_not_allow_is_refused_with_its_place(wrong, said):
    with pytest.raises(InputError) as caught:
        Trace(wrong)
    assert str(caught.value).startswith(said)
    with pytest.raises(RecordingError, match="line 1 begins a trace of which"):
        Trace.load(json.dumps(wrong).encode())
    if "ATIF" not in said:
        atif = pytest.importorskip("atif", reason="pip install atif")
        with pytest.raises(ValueError, match="validation error"):
            atif.Trajectory.model_validate(wrong)


LINES = [
    {"i": 0, "role": "user", "kind": "message", "content": "Find it."},
    {"i": 1, "role": "agent", "agent": "Planner (thought)", "kind": "message", "content": "We could search."},
    {"i": 2, "role": "assistant", "kind": "message", "content": "I search."},
    {"i": 3, "role": "assistant", "kind": "tool_call", "tool": "search", "call_id": "a", "arguments": {"q": 1}},
    {"i": 4, "role": "assistant", "kind": "tool_call", "tool": "open", "call_id": "b", "arguments": '{"u": 2}'},
    {"i": 5, "role": "tool", "kind": "tool_result", "tool": "search", "call_id": "a", "content": "x"},
    {"i": 6, "role": "tool", "kind": "tool_result", "tool": "open", "call_id": "b", "content": "y"},
]


def test_lines_of_steps_become_atif(tmp_path):
    held = {"trace_id": "t", "dataset": "d", "labels": {"n_actions": 2}, "steps": LINES}
    (tmp_path / "a.jsonl").write_text(json.dumps(held) + "\n" + json.dumps(held | {"trace_id": "u"}) + "\n")
    first, second = Trace.load_all(tmp_path / "a.jsonl")
    assert (first.name, second.name) == ("t", "u")
    assert first.document["extra"]["labels"] == {"n_actions": 2}
    assert [(step.kind, step.tool, step.call_id) for step in first.steps()] == [
        ("user", None, None),
        ("message", None, None),
        ("call", "search", "a"),
        ("call", "open", "b"),
        ("result", "search", "a"),
        ("result", "open", "b"),
    ]
    atif = pytest.importorskip("atif", reason="pip install atif")
    atif.Trajectory.model_validate(first.document)
    with pytest.raises(InputError, match="the file holds 2 traces"):
        Trace.load(tmp_path / "a.jsonl")
    assert Trace.load(tmp_path / "a.jsonl", index=1) == second


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("data: {}\n", 1, "line 1 begins no trace"),
        ('{"trace_id": "t", "steps": [', 1, "line 1 is not JSON"),
        ('{"trace_id": "t", "steps": []}\n{"trace_id":\n', 2, "line 2 is not JSON"),
        ('{"trace_id": "t", "steps": [{"kind": "call"}]}', 1, "line 1 begins a trace of which steps[0].kind is 'call'"),
        ('{"trace_id": "t"}\n{"trace_id": "u"}', 1, "line 1 begins a trace of which steps is None"),
        ('{"trace_id": ' + "[" * 100_000, 1, "line 1 is not JSON: nested too deep"),
    ],
)
def test_a_damaged_trace_is_named_with_its_line(text, line, said):
    with pytest.raises(RecordingError) as caught:
        Trace.load_all(text.encode())
    assert str(caught.value).startswith(said)
    assert caught.value.line == line


def fed(steps):
    """The findings of a trace's own steps, handed to the check one by one."""
    checks = AgentChecks(Settings(shadow=True))
    for step in steps:
        agent, text = step.get("agent") or "", step.get("content") or ""
        match step["kind"]:
            case "tool_call":
                checks.call(step["tool"], step.get("arguments"), id=step.get("call_id"))
            case "tool_result":
                checks.result(text, id=step.get("call_id"), tool=step.get("tool"))
            case _ if agent == "human" or agent.endswith("(thought)") or (not agent and step["role"] != "assistant"):
                pass
            case _:
                checks.message(text, agent=agent)
    return [(found.kind, found.action, found.offset, found.onset) for found in checks.summary.findings]


def test_recorded_runs_give_the_findings_of_their_steps(traces, tmp_path):
    atif = pytest.importorskip("atif", reason="pip install atif")
    for path in sorted(traces.glob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        runs = Trace.load_all(path)
        assert len(runs) == len(lines)
        for held, trace in zip(lines, runs, strict=True):
            found = trace.check(Settings(shadow=True)).findings
            assert [(one.kind, one.action, one.offset, one.onset) for one in found] == fed(held["steps"]), trace
            atif.Trajectory.model_validate(trace.document)
            trace.save(tmp_path / "a.json")
            assert Trace.load(tmp_path / "a.json") == trace
