"""A guard that was kept as bytes goes on where it was, here and in another process."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import midstream
from midstream.errors import GuardStopped, InputError, StateError
from midstream.stream import AgentChecks, Budget, Guard, Hold, Pace, Redact, Repeat, Settings
from tiny_bodies import CHAT, LOOP, OLLAMA, TOOL, chat

SECRET = chat("Write to bob", "@exam", "ple.org", " or call +49 170 12", "34567. Then")
WAITING = [
    (Settings(redact=Redact(rules=("built_in",))), "none"),
    (Settings(redact=Redact(rules=("email", "phone"), action="stop")), "error"),
    (Settings(hold=Hold(limit=20), redact=Redact(rules=("email",))), "error"),
    (Settings(repeat=Repeat(exact="stop"), budget=Budget(output_characters=30, action="stop")), "finish"),
]
SETTINGS = Settings(pace=Pace(idle_s=2.0), budget=Budget(output_characters=400), shadow=True)


def calls(body: bytes, cuts: set[int], kept: Settings, end: str = "none", *, restores: bool) -> list[str]:
    """All that a guard says of a body that is cut there; it is brought back behind each cut."""
    guard, said, before = Guard(kept, started_ns=0, keep_text=True, end=end), [], 0
    for number, stop in enumerate([*sorted(cut for cut in cuts if cut < len(body)), len(body)]):
        decision = guard.feed(body[before:stop], number * 10**9)
        events = [(event.kind, event.channel, event.text, event.span) for event in decision.events]
        said.append(repr((decision, decision.forward, events, decision.findings, decision.tick_at_ns, guard.text)))
        if restores:
            guard = Guard.restore(guard.snapshot(), kept)
        before = stop
    said.append(repr(guard.tick(10**12)))
    said += [repr(guard.release(held.id, 10**12).forward) for held in guard.waiting]
    decision, summary = guard.finish("stopped", 10**12)
    return [*said, repr((decision.forward, decision.findings)), summary.to_json()]


@settings(max_examples=60)
@given(
    st.sampled_from([CHAT, LOOP, OLLAMA, TOOL, SECRET]),
    st.sets(st.integers(1, 7_000), max_size=20),
    st.sampled_from(WAITING),
)
def test_text_that_waits_goes_on_with_the_guard(body: bytes, cuts: set[int], way: tuple[Settings, str]) -> None:
    assert calls(body, cuts, *way, restores=True) == calls(body, cuts, *way, restores=False)


@settings(max_examples=60)
@given(st.sampled_from([CHAT, LOOP, OLLAMA, TOOL]), st.sets(st.integers(1, 7_000), max_size=20), st.booleans())
def test_a_restored_guard_goes_on_as_the_one_that_was_kept(body: bytes, cuts: set[int], shadow: bool) -> None:
    kept = SETTINGS if shadow else Settings()
    assert calls(body, cuts, kept, restores=True) == calls(body, cuts, kept, restores=False)


def test_recordings_go_on_at_every_tenth(data: Path) -> None:
    for number, line in enumerate((data / "streams/index.jsonl").read_text(encoding="utf-8").splitlines()[::7]):
        body = (data / "streams" / json.loads(line)["file"]).read_bytes()
        cuts = set(range(1, len(body), max(1, len(body) // 10)))
        for way in [(SETTINGS, "none"), WAITING[number % len(WAITING)]]:
            assert calls(body, cuts, *way, restores=True) == calls(body, cuts, *way, restores=False)


def test_another_process_goes_on(tmp_path: Path) -> None:
    guard = Guard()
    guard.push("I am done. " * 5)
    (tmp_path / "kept").write_bytes(guard.snapshot())
    script = (
        "import sys, pathlib; from midstream.stream import Guard; "
        "guard = Guard.restore(pathlib.Path(sys.argv[1]).read_bytes(), now_ns=0); "
        "print(guard.push('I am done. ' * 5, now_ns=10).findings)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "kept"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{guard.push('I am done. ' * 5).findings}\n"


def test_a_restored_guard_watches_and_has_the_text_before() -> None:
    guard = Guard(keep_text=True)
    guard.push("I am done. " * 5)
    with pytest.raises(GuardStopped) as stopped:
        list(midstream.watch(iter(["I am done. "] * 9), Guard.restore(guard.snapshot())))
    assert stopped.value.text == "I am done. " * 9


def test_no_text_is_kept_that_nobody_asked_for() -> None:
    guard = Guard()
    guard.push("What is the secret? Nobody knows.")
    restored = Guard.restore(guard.snapshot())
    assert restored.text is None
    assert b"sk-live" not in Guard(Settings(repeat=Repeat(tools={"sk-live": "off"}))).snapshot()


def test_a_snapshot_holds_what_waits_and_its_repr_shows_none_of_it() -> None:
    guard = Guard(kept := Settings(redact=Redact(rules=("email",))))
    assert guard.push("write to bob@example").forward == b"write to "
    data = guard.snapshot()
    assert b"bob@example" in data
    assert repr(data) == str(data) == f"<snapshot of a Guard, {len(data):,} bytes>"
    assert Guard.restore(pickle.loads(pickle.dumps(data)), kept).push(".org, or ").forward == b"[EMAIL], or "


def test_a_restored_guard_takes_a_verdict_by_its_id_and_asks_again() -> None:
    guard = Guard(kept := Settings(hold=Hold()))
    held = guard.push("All is well. And").held[0]
    restored = Guard.restore(guard.snapshot(), kept)
    assert restored.waiting == [held]
    assert restored.release(held.id).forward == b"All is well."
    asked: list[str] = []
    again = Guard.restore(guard.snapshot(), kept)
    passed = midstream.watch(iter([" more."]), again, moderate=lambda held: asked.append(held.text))
    assert "".join(passed) == "All is well. And more."
    assert asked == ["All is well.", " And more."]


def test_what_cannot_be_gone_on_from_is_told() -> None:
    guard = Guard()
    guard.push("a")
    data = guard.snapshot()
    changed = data[:-1] + bytes([data[-1] ^ 1])
    for kept, under, message in [
        (b"", None, "the bytes are no snapshot"),
        (data[:-9], None, f"the snapshot is cut: {len(data) - 9} bytes are there, {len(data)} were written"),
        (changed, None, "the snapshot is damaged: its checksum is another"),
        (data, Settings(shadow=True), "the snapshot was taken under other settings"),
        (AgentChecks().snapshot(), None, "the snapshot is of AgentChecks, and a Guard was to be restored"),
        (data.replace(b"\n\x05", b"\n\x059", 1), None, "the snapshot was written by version 9"),
        (data, Settings(redact=Redact(rules=("email",))), "the snapshot was taken under other settings"),
    ]:
        with pytest.raises(InputError, match=f"^{message}"):
            Guard.restore(kept, under)
    guard.finish()
    with pytest.raises(StateError):
        guard.snapshot()


def test_a_run_of_an_agent_goes_on() -> None:
    whole = cut = AgentChecks()
    cut = AgentChecks.restore(cut.snapshot())
    for step in range(12):
        for checks in (whole, cut):
            checks.call("search", {"q": 1}, id=str(step))
        assert whole.result("no hits", id=str(step)).findings == cut.result("no hits", id=str(step)).findings
        cut = AgentChecks.restore(cut.snapshot())
    assert whole.summary == cut.summary
    assert whole.summary.halted
