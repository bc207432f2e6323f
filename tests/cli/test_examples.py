"""The command lines that help and guides show run as they stand, in a folder that has what they name."""

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

import bodies
from midstream.stream import Recording
from processes import posix
from tiny_bodies import CHAT, LOOP, OLLAMA, chat

pytestmark = posix
PROJECT = Path(__file__).parents[2]
HELP = {
    ("analyze",): 4,
    ("bench", "guard"): 2,
    ("config", "check"): 2,
    ("config", "schema"): 2,
    ("config", "show"): 2,
    ("replay",): 3,
    ("watch",): 2,
}
"""Commands whose help shows examples, and how many."""
PAGES = [
    page
    for page in [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
    if re.search(r"^```(sh|console|sql)$", page.read_text(encoding="utf-8"), re.MULTILINE)
]
BLOCK = re.compile(r"^```(sh|console|sql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELSEWHERE = {
    "--base-url ": "needs a model's server",
    "cargo ": "measures for minutes",
    "curl ": "needs a gateway that runs",
    "export ": "sets a key",
    "make ": "the tests themselves",
    "midstream serve": "runs until it is ended",
    "midstream models ": "needs the weights of the local model",
    "pip install ": "needs the network",
    "python scripts/": "measures for minutes",
}
"""How a line begins, or what stands in it, that is not run here."""
MARKED_INDENT = "    "


@pytest.fixture
def place(tmp_path):
    """A folder with the files that the examples name."""
    (tmp_path / "answer.sse").write_bytes(chat("Yes."))
    (tmp_path / "a.ndjson").write_bytes(OLLAMA)
    chunks = [(at * 1_000_000, chunk) for at, chunk in enumerate(bodies.chat(["It is ", "well."]))]
    Recording(chunks=chunks, framing="sse", dialect="openai-chat").save(tmp_path / "answer.jsonl")
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "a.sse").write_bytes(CHAT)
    (tmp_path / "guard.toml").write_text("[repeat]\nexact = 'stop'\n")
    (tmp_path / "midstream.toml").write_text("[upstreams.a]\nurl = 'http://127.0.0.1:1'\napis = ['openai']\n")
    for name in ("generate", "my-agent"):
        (tmp_path / name).write_text("#!/bin/sh\necho well\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.fixture
def shell(program, place):
    """Run a line of a shell in that folder, with ``midstream`` in its path."""
    path = os.pathsep.join([str(Path(program).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "TERM": "dumb", "COLUMNS": "80"}

    def shell(line):
        words = ["bash", "-o", "pipefail", "-c", line]
        return subprocess.run(words, cwd=place, env=env, capture_output=True, text=True, timeout=60, check=False)

    return shell


def why_not(line):
    """Why a line is not run here; None for one that is."""
    if "--plot" in line and find_spec("matplotlib") is None:
        return "matplotlib is not installed: make .venv/.peers"
    if "| jq " in line and which("jq") is None:
        return "jq is not installed"
    return next((why for part, why in ELSEWHERE.items() if line.startswith(part) or f" {part}" in line), None)


@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_the_examples_of_the_help_run(midstream, shell, command):
    lines = midstream(*command, "--help").stdout.splitlines()
    examples = [line.strip() for line in lines if line.startswith(f"{MARKED_INDENT}midstream ")]
    assert len(examples) == HELP[command]
    ran = [(line, shell(line)) for line in examples if why_not(line) is None]
    assert ran
    for line, done in ran:
        assert done.returncode == 0, f"{line}: {done.stderr}"


def lines_of(page):
    """The command lines of a page, each with its kind, its line in the page and the output that is shown."""
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        number = text.count("\n", 0, block.start(2)) + 1
        if block[1] == "console":
            for line, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block[2], re.MULTILINE):
                yield "console", number, line, output
        else:
            yield from ((block[1], number, line, None) for line in block[2].splitlines() if line.strip())


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_the_command_lines_of_the_page_run(page, shell, place):
    for kind, number, line, output in lines_of(page):
        if kind == "sql":
            run_query(line, place, shell)
            continue
        if why_not(line) is None:
            known = re.match(r"midstream ", line)
            assert known, f"{page.name}, line {number}: neither run nor known to need something: {line}"
            if output is not None:
                (place / "guard.toml").write_text("[repeat]\n\nexakt = 'stop'\n")
            done = shell(line)
            if output is None:
                assert done.returncode == 0, f"{page.name}, line {number}: {line}: {done.stderr}"
            else:
                shown = ".*".join(map(re.escape, output.split("...")))
                assert re.fullmatch(shown, done.stdout + done.stderr), f"{page.name}, line {number}: {done.stderr}"


def run_query(query, place, shell):
    """Run a query on what ``analyze --json`` and ``watch --json`` wrote."""
    if find_spec("duckdb") is None:
        pytest.skip("duckdb is not installed: make .venv/.peers")
    import duckdb

    assert shell("midstream analyze --json --output reports.jsonl recordings").returncode == 0
    (place / "loop.sse").write_bytes(LOOP)
    shell("midstream watch --json -- cat loop.sse > watched.jsonl")
    path = re.sub(r"'(\w+\.jsonl)'", rf"'{place}/\1'", query)
    assert duckdb.sql(path).fetchall() or "reports" in query, query
