"""Runs the installed program."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading

import jsonschema
import pytest

from loopback import Server
from tiny_bodies import CHAT, LOOP, OLLAMA, TOOL

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
    scripts = sysconfig.get_path("scripts")
    path = shutil.which("midstream", path=scripts)
    assert path, f"there is no midstream in {scripts}: install the project first"
    return path


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

    def start(words, *, env=None, **more):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path} | more
        running.append(subprocess.Popen([*map(str, words)], env=environment(**(env or {})), **options))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def serve():
    """Start servers that end with the test."""
    servers = []

    def serve(**options):
        server = Server(**options)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def folder(tmp_path):
    """A folder of four readable recordings."""
    for name, body in {"rain.sse": CHAT, "loop.sse": LOOP, "ollama.ndjson": OLLAMA, "cut.sse": TOOL}.items():
        (tmp_path / name).write_bytes(body)
    return tmp_path


@pytest.fixture(scope="session")
def validator(program):
    schema = json.loads(subprocess.run([program, "analyze", "--schema"], capture_output=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="session")
def objects(validator):
    """The reports that ``analyze --json`` printed, each of which meets the schema."""

    def objects(done):
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        for report in reports:
            validator.validate(report)
        return reports

    return objects
