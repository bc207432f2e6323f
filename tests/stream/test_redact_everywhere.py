"""A secret in any field of any format comes out nowhere: items, errors, findings, summaries, reports and recordings."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from rich.console import Console

import bodies
import midstream
import reading
from midstream.stream import Budget, Record, Recording, Redact, Rule, Settings, Transport

CANARY = "CANARY-" + "0f3a9b7c" * 3
PARTS = ("CANARY-0", "0f3a9b7c0f")
RULE = Rule(name="canary", pattern="CANARY-[0-9a-f]{24}")
REDACT = Settings(redact=Redact(rules=(RULE,)))
GUARD = '[redact]\nrules = [{ name = "canary", pattern = "CANARY-[0-9a-f]{24}" }]\n'
WORDS = ["It is ", "raining", " in Kyoto."]
ECHO = {"error": {"message": f"key {CANARY} is wrong", "type": CANARY, "code": CANARY, "param": CANARY}}

BODIES: dict[str, list[bytes]] = {
    "chat": bodies.chat_with_usage(WORDS),
    "chat_call": bodies.chat_with_call(),
    "chat_error": [*bodies.chat(WORDS)[:3], bodies.CHAT_ERROR],
    "responses": bodies.responses(WORDS),
    "anthropic": bodies.messages(WORDS),
    "anthropic_error": [*bodies.messages(WORDS)[:4], bodies.MESSAGE_ERROR],
    "gemini": bodies.gemini(WORDS),
    "gemini_call": bodies.gemini_call(),
    "gemini_array": bodies.gemini_array(WORDS),
    "ollama": bodies.ollama_chat(WORDS),
    "ollama_call": bodies.ollama_call(),
}


def content_type(name: str) -> str:
    if name == "gemini_array":
        return "application/json"
    return "application/x-ndjson" if name.startswith("ollama") else "text/event-stream"


def planted(name: str) -> Iterator[bytes]:
    """The body with the secret in one string of one frame, for itself and inside what stood there, and as a member's name."""
    script = BODIES[name]
    for at, chunk in enumerate(script):
        before, brace, rest = chunk.partition(b"{")
        if not brace:
            continue
        value, end = json.JSONDecoder().raw_decode((brace + rest).decode())
        behind = (brace + rest).decode()[end:].encode()
        for with_secret in changed(value):
            frame = before + json.dumps(with_secret, ensure_ascii=False).encode() + behind
            yield b"".join([*script[:at], frame, *script[at + 1 :]])
        if name != "gemini_array" and content_type(name) == "text/event-stream":
            for line in (f": {CANARY}\n", f"id: {CANARY}\n", f"retry: {CANARY}\n", f"{CANARY}: x\n"):
                yield b"".join([*script[:at], line.encode(), *script[at:]])


def changed(value: Any) -> Iterator[Any]:
    """The value with the secret in one of its places."""
    match value:
        case str():
            yield CANARY
            yield f"{value} {CANARY}"
            yield f"{value}{CANARY}, {value}"
        case dict():
            yield value | {CANARY: 1}
            yield value | {"beside": [{"deep": CANARY}]}
            for key, item in value.items():
                for other in changed(item):
                    yield value | {key: other}
        case list():
            yield [*value, CANARY]
            for at, item in enumerate(value):
                for other in changed(item):
                    yield [*value[:at], other, *value[at + 1 :]]
        case _:
            yield CANARY


def told(error: BaseException | None) -> list[str]:
    """All that an error says, with those behind it."""
    if error is None:
        return []
    fields = [repr(value) for value in vars(error).values()]
    return [repr(error), str(error), *fields, *told(error.__cause__), *told(error.__context__)]


def shown(summary: Any) -> list[str]:
    """A summary in every form that it has."""
    console = Console(file=io.StringIO(), width=400, record=True)
    console.print(summary, *summary.findings)
    forms = [summary.to_json(), repr(summary), str(summary), summary._repr_html_(), console.export_text()]
    for finding in summary.findings:
        forms += [finding.to_json(), repr(finding), str(finding), finding._repr_html_()]
    return forms


def joined(items: Any) -> bytes:
    return b"".join(items)


def leaks(outputs: list[str]) -> list[str]:
    return [output for output in outputs if any(part in output for part in PARTS)]


@pytest.mark.parametrize("name", BODIES)
def test_nothing_of_a_watched_stream_says_a_secret(name: str) -> None:
    wrong = []
    for number, body in enumerate(planted(name)):
        step = (7, 64, 100_000)[number % 3]
        pieces = [body[at : at + step] for at in range(0, len(body), step)]
        file = io.BytesIO()
        findings: list[Any] = []
        stream = midstream.watch(iter(pieces), REDACT, record=file, on_finding=findings.append)
        items, error = reading.read(stream)
        outputs = [joined(items).decode(), stream.text, repr(stream), *told(error), *map(repr, findings)]
        outputs += [*shown(midstream.summary(stream)), file.getvalue().decode()]
        if found := leaks(outputs):
            wrong.append((body, found))
    assert wrong[:2] == [], len(wrong)


@pytest.mark.parametrize("name", BODIES)
def test_nothing_of_a_transport_says_a_secret(name: str, tmp_path: Any) -> None:
    wrong = []
    headers = {"content-type": content_type(name)}
    for number, body in enumerate(planted(name)):
        folder = tmp_path / str(number)
        folder.mkdir()
        inner = httpx2.MockTransport(lambda _, body=body: httpx2.Response(200, headers=headers, content=body))
        client = httpx2.Client(transport=Transport(inner, REDACT, record=Record(folder, request=True)))
        asked = {"messages": [{"content": f"I am {CANARY}"}], CANARY: 1, "api_key": CANARY, "model": CANARY}
        url = f"http://127.0.0.1/v1/{CANARY}:streamGenerateContent?key={CANARY}"
        with client.stream("POST", url, json=asked, headers={"authorization": f"Bearer {CANARY}"}) as response:
            items, error = reading.read(response.iter_bytes())
        [file] = folder.iterdir()
        outputs = [joined(items).decode(), *told(error), *shown(midstream.summary(response)), file.read_text()]
        if found := leaks(outputs):
            wrong.append((body, found))
    assert wrong[:2] == [], len(wrong)


@pytest.mark.parametrize("name", BODIES)
def test_no_report_of_a_recording_says_a_secret(name: str, tmp_path: Any) -> None:
    (tmp_path / "guard.toml").write_text(GUARD)
    suffix = {"application/x-ndjson": "ndjson", "application/json": "json"}.get(content_type(name), "sse")
    (tmp_path / "files").mkdir()
    for number, body in enumerate(list(planted(name))[::7]):
        (tmp_path / "files" / f"{number}.{suffix}").write_bytes(body)
    chunks: Any = [(at, chunk) for at, chunk in enumerate(BODIES[name])]
    Recording(chunks=chunks, model=CANARY, provider=CANARY).save(tmp_path / "files" / "named.jsonl")
    for words in (["analyze", "--json"], ["replay", "--json"], ["analyze"]):
        done = subprocess.run(
            [sys.executable, "-m", "midstream", *words, "files", "--guard", "guard.toml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout
        assert leaks((done.stdout + done.stderr).splitlines()) == [], words


@pytest.mark.parametrize("name", ["chat", "responses", "anthropic", "gemini", "ollama"])
def test_findings_of_other_checks_say_the_text_as_it_passed(name: str) -> None:
    make = {
        "chat": bodies.chat,
        "responses": bodies.responses,
        "anthropic": bodies.messages,
        "gemini": bodies.gemini,
        "ollama": bodies.ollama_chat,
    }[name]
    redact = Redact(rules=(RULE,))
    for settings in (Settings(redact=redact), Settings(redact=redact, budget=Budget(output_characters=300))):
        stream: Any = midstream.watch(iter(make([f"I am {CANARY[:9]}", f"{CANARY[9:]} done. "] * 60)), settings)
        items, error = reading.read(stream)
        assert isinstance(error, midstream.GuardStopped)
        outputs = [repr(items), *told(error), *shown(midstream.summary(stream))]
        assert leaks(outputs) == []
        assert "[CANARY]" in stream.text


@pytest.mark.parametrize("action", ["observe", "warn"])
@pytest.mark.parametrize("name", ["chat", "responses", "anthropic", "gemini", "ollama"])
def test_text_that_passes_by_choice_is_not_told_by_its_findings(name: str, action: Any) -> None:
    settings = Settings(redact=Redact(rules=(RULE,), action=action))
    for body in list(planted(name))[::5]:
        file = io.BytesIO()
        stream = midstream.watch(iter([body]), settings, record=file)
        items, _ = reading.read(stream)
        assert joined(items) == body
        summary = midstream.summary(stream)
        found = [finding for finding in summary.findings if finding.check == "redact"]
        assert leaks([finding.to_json() for finding in found] + [file.getvalue().decode()]) == []
        assert all("canary" in finding.to_json() for finding in found if finding.kind == "canary")
