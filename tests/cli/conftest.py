"""Runs the installed program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLAIN = {"COLUMNS": "80", "TERM": "dumb", "PYTHONWARNINGS": "error"}
LIMIT_S = 60


def environment(**more):
    keys = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "NO_COLOR")
    return {name: value for name, value in os.environ.items() if name not in keys} | PLAIN | more


def run(words, *, cwd=None, env=None, **options):
    text = {} if isinstance(options.get("input"), bytes) else {"text": True}
    options = {"capture_output": True, "timeout": LIMIT_S} | text | options
    return subprocess.run(words, cwd=cwd, env=environment(**(env or {})), check=False, **options)


@pytest.fixture(scope="session")
def program():
    """The path of the installed entry point."""
    path = Path(sys.executable).with_name("midstream")
    assert path.exists(), f"{path} is missing: install the project first"
    return str(path)


@pytest.fixture
def midstream(program, tmp_path):
    """Run ``midstream WORDS...`` in an empty folder."""

    def midstream(*words, **options):
        return run([program, *map(str, words)], **{"cwd": tmp_path} | options)

    midstream.program = program
    return midstream


@pytest.fixture
def run_python(tmp_path):
    """Run ``python WORDS...`` in an empty folder."""

    def run_python(*words, **options):
        return run([sys.executable, *words], **{"cwd": tmp_path} | options)

    return run_python


@pytest.fixture
def start(tmp_path):
    """Start ``WORDS...`` in an empty folder and go on; what still runs at the end of the test is killed."""
    running = []

    def start(words, *, env=None):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
        running.append(subprocess.Popen([*map(str, words)], env=environment(**(env or {})), **options))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()
