"""A guard that has stopped working is worse than none: each must report every line of something bad."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

BAD = Path(__file__).parent / "guards"
MARK = re.compile(r"// (std::[\w:]+)$")

pytestmark = pytest.mark.tools


def run(*command, cwd, **options):
    return subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def clippy(project, tmp_path_factory):
    """What clippy says of the bad crate under the rules of `pure`: texts of each line, and texts without a line."""
    crate = tmp_path_factory.mktemp("bad_crate")
    shutil.copytree(BAD / "bad_crate", crate, dirs_exist_ok=True)
    shutil.copy(project / "rust/pure/clippy.toml", crate)
    environment = os.environ | {"CARGO_TARGET_DIR": str(crate / "target")}
    command = ["cargo", "clippy", "--offline", "--message-format", "json", "--", "-D", "warnings"]
    by_line, elsewhere = {}, []
    for line in run(*command, cwd=crate, env=environment).stdout.splitlines():
        message = json.loads(line).get("message", {})
        for span in message.get("spans", []):
            while span["expansion"]:
                span = span["expansion"]["span"]
            known = by_line if Path(span["file_name"]).suffix == ".rs" else None
            if known is None:
                elsewhere.append(message["message"])
            else:
                known.setdefault(span["line_start"], []).append(message["message"])
    return by_line, elsewhere


def banned(project):
    rules = tomllib.loads((project / "rust/pure/clippy.toml").read_text())
    return {ban["path"] for key, bans in rules.items() if key.startswith("disallowed-") for ban in bans}


def marked():
    lines = (BAD / "bad_crate/src/lib.rs").read_text().splitlines()
    return {number: mark[1] for number, line in enumerate(lines, 1) if (mark := MARK.search(line))}


def test_clippy_reports_every_line_of_the_bad_crate(clippy):
    by_line, _ = clippy
    silent = {
        number: path
        for number, path in marked().items()
        if not any(f"`{path}`" in text for text in by_line.get(number, []))
    }
    assert silent == {}


def test_clippy_knows_every_name_that_is_banned(clippy):
    _, elsewhere = clippy
    assert elsewhere == []


def test_every_ban_of_pure_has_a_bad_line(project):
    assert set(marked().values()) == banned(project)


def test_ruff_reports_every_line_that_bypasses_the_facades(project):
    source = (BAD / "bad_module.py").read_text()
    assert lines_with("TID251", source, "python/midstream/agent/bad.py", project) == {
        number for number, line in enumerate(source.splitlines(), 1) if "import" in line and "_rust" in line
    }


def test_ruff_lets_a_facade_use_the_extension(project):
    source = (BAD / "bad_module.py").read_text()
    assert lines_with("TID251", source, "python/midstream/stream/bad.py", project) == set()


def lines_with(rule, source, name, project):
    ruff = shutil.which("ruff", path=Path(sys.executable).parent)
    command = [ruff, "check", "--output-format", "json", "--select", rule, "--stdin-filename", name, "-"]
    done = run(*command, cwd=project, input=source)
    return {fault["location"]["row"] for fault in json.loads(done.stdout)}


CRATES = {
    "rust/pure/series": (
        "midstream-series",
        'tokio = "1"\nmidstream-worker = { path = "../../native/worker" }',
        "[features]\nfast = []",
    ),
    "rust/native/worker": ("midstream-worker", 'midstream-stream = { path = "../../pure/stream" }', ""),
    "rust/pure/stream": ("midstream-stream", "", '[dev-dependencies]\nproptest = "1"'),
    "rust/pure/helpers": ("midstream-helpers", "", ""),
}
FAULTS = """
layers: rust/native/worker: midstream-worker may not use midstream-stream
layers: rust/pure/helpers: crate midstream-helpers is not in the table of scripts/check_layers.py
layers: rust/pure/series: midstream-series may not use midstream-worker
layers: rust/pure/series: midstream-series may not use tokio
layers: rust/pure/series: no features in pure, but midstream-series has fast
layers: STATUS.md: not in the list of the root's entries of scripts/check_layers.py
layers: rust/pure/helpers/src/lib.rs: only gate.rs may detach from the interpreter
layers: rust/pure/stream/src/lib.rs: 401 lines before the tests at the foot, at most 400
"""


def test_the_layer_script_reports_every_fault(project, tmp_path):
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["rust/*/*"]\n')
    (tmp_path / "STATUS.md").write_text("All done.\n")
    for made in ("target/debug", ".venv/lib"):
        (tmp_path / made).mkdir(parents=True)
        (tmp_path / made / "made.rs").write_text("fn f() { py.detach(|| ()) }\n")
    for folder, (name, dependencies, rest) in CRATES.items():
        (tmp_path / folder / "src").mkdir(parents=True)
        (tmp_path / folder / "src/lib.rs").write_text("")
        (tmp_path / folder / "Cargo.toml").write_text(
            f'[package]\nname = "{name}"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n{dependencies}\n{rest}\n'
        )
    tests = "#[cfg(test)]\nmod tests {\n" + "// long\n" * 400 + "}\n"
    (tmp_path / "rust/pure/stream/src/lib.rs").write_text("// line\n" * 401 + tests)
    (tmp_path / "rust/pure/series/src/lib.rs").write_text("// line\n" * 400 + tests)
    (tmp_path / "rust/pure/helpers/src/lib.rs").write_text("fn f() { py.detach(|| ()) }\n")
    (tmp_path / "rust/native/worker/src/gate.rs").write_text("fn f() { py.detach(|| ()) }\n")
    done = run(sys.executable, project / "scripts/check_layers.py", tmp_path, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(FAULTS.strip().splitlines())


def test_the_layer_script_is_content_with_the_project(project):
    done = run(sys.executable, project / "scripts/check_layers.py", cwd=project)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_layer_script_needs_no_git(project, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("cargo", "rustc"):
        (tools / tool).symlink_to(shutil.which(tool))
    done = run(sys.executable, project / "scripts/check_layers.py", cwd=project, env=os.environ | {"PATH": str(tools)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
