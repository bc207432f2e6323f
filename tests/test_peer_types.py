"""`watch` keeps the types of streams whose packages `make check` does without."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = "tests/typecheck_peers"


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("command", [["mypy", "--strict"], ["pyright", "--warnings"]], ids=["mypy", "pyright"])
def test_streams_of_langchain_and_litellm_keep_their_types(project, command):
    for package in ("langchain_openai", "litellm"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: make .venv/.peers")
    program, *options = command
    done = subprocess.run(
        [Path(sys.executable).parent / program, *options, FOLDER],
        check=False,
        capture_output=True,
        text=True,
        cwd=project,
    )
    assert done.returncode == 0, done.stdout
