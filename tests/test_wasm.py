"""The WebAssembly module: built, measured, and run in Node over the shared cases."""

import os
import shutil
import subprocess

import pytest

pytestmark = [pytest.mark.tools, pytest.mark.slow, pytest.mark.timeout(1_200)]

NOTHING_TO_BUILD_WITH = 77


@pytest.fixture(scope="module")
def modules(project):
    """The folder of the built modules."""
    if os.name == "nt" or shutil.which("bash") is None:
        pytest.skip("the build is a bash script")
    built = subprocess.run(["scripts/build_wasm.sh"], cwd=project, check=False, capture_output=True, text=True)
    if built.returncode == NOTHING_TO_BUILD_WITH:
        pytest.skip(built.stdout.strip())
    assert built.returncode == 0, built.stdout + built.stderr
    return project / "target/wasm"


@pytest.mark.usefixtures("modules")
def test_the_shared_cases_run_in_node(project):
    command = ["scripts/node.sh", "--test", "rust/bindings/wasm/test/cases.test.mjs"]
    done = subprocess.run(command, cwd=project, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_module_carries_no_path_of_this_machine(project, modules):
    for module in modules.glob("*_bg.wasm"):
        assert str(project).encode() not in module.read_bytes()
