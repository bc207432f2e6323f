"""A mistake in the settings is told with its field, before a stream starts."""

import json
import math
import pickle
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import midstream
from midstream.errors import InputError
from midstream.stream import (
    ActionLimits,
    Actions,
    AgentChecks,
    Budget,
    Guard,
    Hold,
    Pace,
    Redact,
    Repeat,
    RepeatActions,
    RepeatToolActions,
    Rule,
    Settings,
)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"repeat": {"exact": "warn"}}, "repeat"),
        ({"pace": 5}, "pace"),
        ({"repeat": Repeat(exact=True)}, "repeat.exact"),  # type: ignore[arg-type]
        ({"repeat": Repeat(near_share=math.nan)}, "repeat.near_share"),
        ({"repeat": Repeat(tools="read_log")}, "repeat.tools"),  # type: ignore[arg-type]
        ({"repeat": Repeat(exact_run=99.5)}, "repeat.exact_run"),  # type: ignore[arg-type]
        ({"pace": Pace(idle_s=math.inf)}, "pace.idle_s"),
        ({"pace": Pace(idle_s=0)}, "pace.idle_s"),
        ({"shadow": "yes"}, "shadow"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=rf"^{field} is ") as refused:
        Settings(**wrong)
    assert refused.value.key == field


def test_settings_survive_pickle() -> None:
    settings = Settings(repeat=Repeat(near="off", counter_stop_copies="off"), shadow=True)
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"repeat": Repeat(text={"exact": "warn"})}, "repeat.text"),  # type: ignore[arg-type]
        ({"repeat": Repeat(tools={"poll": {"exact": "warn"}})}, "repeat.tools.poll"),  # type: ignore[dict-item]
        ({"repeat": Repeat(tools={3: "off"})}, "repeat.tools"),  # type: ignore[dict-item]
        ({"repeat": Repeat(exact_beyond=-1000)}, "repeat.exact_beyond"),
        ({"repeat": Repeat(exact_beyond=10**30)}, "repeat.exact_beyond"),
        ({"repeat": Repeat(exact_run=None)}, "repeat.exact_run"),  # type: ignore[arg-type]
        ({"redact": Redact(rules=({"name": "a", "pattern": "b"},))}, "redact.rules[0]"),  # type: ignore[arg-type]
        ({"redact": Redact(rules=("email", "ibann"))}, "redact.rules[1]"),
        ({"actions": Actions(tools={"a.b": ActionLimits(stop=1)})}, 'actions.tools."a.b".stop'),
    ],
)
def test_a_wrong_value_in_a_table_is_named(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError, match=rf"^{re.escape(key)} is ") as refused:
        Settings(**wrong)
    assert refused.value.key == key


def test_the_defaults_are_those_of_the_empty_file() -> None:
    assert Settings.loads("") == Settings()
    assert Settings.loads("")._compiled == Settings()._compiled


WRITTEN = Settings(
    actions=Actions(no_progress="off", tools={'a "b".c': ActionLimits(stop=9), "next": "off"}, volatile=("tok\ten",)),
    pace=Pace(idle_s=1e-3),
    redact=Redact(rules=("email", Rule(name="a", pattern=r"\bT-\d{4}'\"\n", max_len=9, replacement="***"))),
    repeat=Repeat(
        counter_stop_copies="off",
        reasoning="off",
        text=RepeatActions(near="observe"),
        tool=RepeatToolActions(exact="warn"),
        tools={"": "off", "ä": RepeatToolActions(exact="stop")},
    ),
    shadow=True,
)


def test_a_guard_file_that_was_saved_loads_as_the_same_settings(tmp_path: Path) -> None:
    for path in (tmp_path / "guard.toml", str(tmp_path / "ä guard.toml")):
        WRITTEN.save(path)
        loaded = Settings.load(path)
        assert loaded == WRITTEN
        assert loaded._compiled == WRITTEN._compiled
        assert hash(loaded) == hash(WRITTEN)
    assert pickle.loads(pickle.dumps(WRITTEN)) == WRITTEN
    assert replace(WRITTEN, shadow=False) == Settings.from_dict(WRITTEN.to_dict() | {"shadow": False})


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in ("absent", "file"):
        path = tmp_path / folder / "guard.toml"
        with pytest.raises(OSError, match=r"guard\.toml") as refused:
            Settings().save(path)
        assert refused.value.filename == str(path)
        assert ".part" not in str(refused.value)


def test_settings_show_what_differs_from_the_defaults() -> None:
    assert repr(Settings()) == "Settings()"
    assert repr(Settings(repeat=Repeat(near="off"))) == "Settings(repeat=Repeat(near='off'))"
    assert repr(Rule(name="card", action="stop")) == "Rule(name='card', action='stop')"
    tools = MappingProxyType({"read_log": "off"})
    assert repr(Repeat(tools=tools)) == "Repeat(tools={'read_log': 'off'})"  # type: ignore[arg-type]


def test_what_settings_show_makes_them_again() -> None:
    hold = Settings(
        hold=Hold(channels=("text", "tool")),
        budget=Budget(output_tokens=100, cost=0.5, price_input=1.0, price_output=2.0),
    )
    for settings in (Settings(), WRITTEN, hold, Settings(hold=Hold())):
        assert eval(repr(settings), vars(midstream.stream).copy()) == settings


@pytest.mark.parametrize(
    ("content", "message", "facts"),
    [
        (
            b"\xef\xbb\xbfshadow = 1",
            "shadow is 1, allowed is true or false",
            {"line": 1, "column": 10, "key": "shadow"},
        ),
        (b"# \xc3\xa4\n\xff", "not TOML: bytes that are not UTF-8", {"line": 2, "column": 1}),
        (b"#" * (1 << 21), "a guard file has at most 1048576 bytes", {}),
        (b"[repeat]\r\n\r\nnaer = 1", 'no setting is named "repeat.naer"', {"line": 3, "nearest": "near"}),
    ],
)
def test_a_fault_in_a_file_has_the_file_and_its_place(
    tmp_path: Path, content: bytes, message: str, facts: Mapping[str, object]
) -> None:
    path = tmp_path / "guard.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{re.escape(message)}") as refused:
        Settings.load(path)
    known = {"file": str(path), **facts}
    assert {name: getattr(refused.value, name) for name in known} == known
    assert str(refused.value).endswith(f"({path}, line {refused.value.line}, column {refused.value.column})")


@pytest.mark.parametrize(
    ("name", "reason"), [("", "is a directory"), ("no.toml", "no such file"), ("a\0b", "null byte")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"^cannot read the guard file .*: .*{reason}") as refused:
        Settings.load(tmp_path / name)
    assert refused.value.file == str(tmp_path / name)


def test_every_place_that_takes_settings_takes_a_guard_file(tmp_path: Path) -> None:
    path = tmp_path / "guard.toml"
    path.write_text("[repeat]\nexact = 'observe'\n[actions]\nrepeat = 'off'\n")
    assert Guard(path).push(LOOP).action == "observe"
    assert Guard(str(path)).push(LOOP).action == "observe"
    assert [finding.action for finding in midstream.check(LOOP, path).findings] == ["observe"]
    checks = AgentChecks(path)
    assert {checks.call("a").action for _ in range(20)} == {"pass"}


LOOP = "I am done. " * 20
OTHERS = {
    "text": Repeat(text=RepeatActions(exact="warn")),
    "reasoning": Repeat(reasoning=RepeatActions(exact="warn")),
    "refusal": Repeat(refusal=RepeatActions(exact="warn")),
    "tool": Repeat(tool=RepeatToolActions(exact="warn")),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_table_of_a_kind_changes_that_kind_alone(kind: str) -> None:
    settings = Settings(repeat=OTHERS[kind])
    off = Settings(repeat=replace(OTHERS[kind], **{kind: "off"}))
    for channel in OTHERS:
        loop = LOOP * 10
        assert Guard(settings).push(loop, channel=channel).action == ("warn" if channel == kind else "stop")
        assert Guard(off).push(loop, channel=channel).action == ("pass" if channel == kind else "stop")


COUNTER = "".join(f"Day {day}: I woke up early and had breakfast.\n" for day in range(1, 10))
NEAR = " ".join(
    f"So the answer is that we have to look at the {word} again." for word in ["sun", "moon", "sea", "sky"] * 12
)


@pytest.mark.parametrize(("view", "text"), [("counter", COUNTER), ("near", NEAR)])
@pytest.mark.parametrize("kind", ["text", "reasoning", "refusal"])
def test_each_view_has_its_action_in_each_kind(view: str, text: str, kind: str) -> None:
    def actions(**tables: Any) -> set[str]:
        findings = Guard(Settings(repeat=Repeat(**tables))).push(text, channel=kind).findings
        return {finding.action for finding in findings if finding.kind == view}

    assert actions() == {"warn"}
    assert actions(**{kind: RepeatActions(**{view: "observe"})}) == {"observe"}
    assert actions(**{kind: RepeatActions(**{view: "off"})}) == set()
    assert actions(**{view: "off", kind: RepeatActions(**{view: "stop"})}) == {"stop"}


def called(settings: Settings, tool: str) -> list[str]:
    """What a stream that calls a tool with looping arguments asks for."""
    guard = Guard(settings)
    function = {"name": tool, "arguments": json.dumps({"query": LOOP * 10})}
    delta = {"tool_calls": [{"index": 0, "id": "1", "function": function}]}
    decision = guard.push({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]})
    return [finding.action for finding in decision.findings if finding.check == "repeat"]


def test_a_table_of_a_tool_changes_that_tool_alone() -> None:
    tools: dict[str, Any] = {"read_log": "off", "my.tool": RepeatToolActions(exact="observe")}
    settings = Settings(repeat=Repeat(tool=RepeatToolActions(exact="warn"), tools=tools))
    for read in (settings, Settings.loads(settings.to_toml())):
        assert called(read, "read_log") == []
        assert called(read, "my.tool") == ["observe"]
        assert called(read, "search") == ["warn"]
    assert called(Settings(), "read_log") == ["stop"]


def test_the_least_that_settings_may_ask_for_does_not_fire_on_one_copy() -> None:
    eager = Settings.loads("[repeat]\nexact_run = 12\nexact_beyond = 12\ncounter_repeats = 2\nnear_share = 1e-9")
    words = [
        "harbour",
        "lantern",
        "quietly",
        "beneath",
        "seventeen",
        "copper",
        "bridges",
        "while",
        "nobody",
        "remembers",
        "winter",
    ]
    assert Guard(eager).push("I am done. ").findings == []
    assert Guard(eager).push(" ".join(words) + ". Day 1: I woke up early and had breakfast.\n").findings == []
    once = Settings.loads("[actions]\nrepeat = {hint = 2, warn = 2, stop = 2}\nsame_error = {hint = 2}\n")
    checks = AgentChecks(once)
    assert checks.call("search", {"q": "a"}).action == checks.result("Error: no").action == "pass"


def test_the_guard_file_of_the_guide_loads_and_leaves_no_key_out(project: Path) -> None:
    page = (project / "docs/guides/settings.md").read_text(encoding="utf-8")
    files = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    loaded = [Settings.loads(text) for text in files]
    written = files[0]
    for name, node in Settings.json_schema()["properties"].items():
        assert re.search(rf"^(\[{name}\]|{name} =)", written, re.MULTILINE), name
        table = written.partition(f"[{name}]")[2].partition("\n[")[0]
        for key in node.get("properties", {}):
            assert re.search(rf"^{key} =|^\[{name}\.{key}\]", table + "\n" + written, re.MULTILINE), f"{name}.{key}"
    for name in ("actions", "budget", "ending", "pace", "redact", "repeat"):
        shown, default = getattr(loaded[0], name), getattr(Settings(), name)
        examples = {entry.name for entry in fields(default) if getattr(default, entry.name) in (None, (), {})}
        assert replace(shown, **{key: getattr(default, key) for key in examples}) == default, name
    assert loaded[0].hold is not None
    assert replace(loaded[0].hold, max_hold_s=None, at_max_hold=None) == Hold()
