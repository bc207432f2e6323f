"""What an import loads, and what may import what."""

import subprocess
import sys

import pytest

HEAVY = ["anthropic", "asyncio", "httpx", "httpx2", "numpy", "openai", "rich", "ssl"]


def imported_by(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", HEAVY)
def test_import_midstream_does_not_load(module):
    assert module not in imported_by("import midstream")
