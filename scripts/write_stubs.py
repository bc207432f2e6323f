"""Writes the stubs of the extension from its Rust code: `write_stubs.py [--check]`.

With ``--check`` nothing is written: a difference is printed, and `mypy.stubtest` compares the stubs with the
built module.
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

STUBS = Path("python/midstream/_rust")
BIN = Path(sys.executable).parent
HEADER = "# Written by `make stubs` from rust/bindings/python.\n"
# What Rust's type does not say: the content of a dict, by the name of the property.
DICTS = {"anomalies": "dict[str, int]", "fields": "dict[str, object]"}
DICT = re.compile(r"def (\w+)\(self, /\) -> dict:")
# A class of the package in a signature; the generator copies the name and leaves out the import.
PACKAGE_NAME = re.compile(r"\b(midstream(?:\.[a-z_]+)+)\.[A-Z]")


def main() -> int:
    stubs = generate()
    if "--check" in sys.argv[1:]:
        return check(stubs)
    for old in STUBS.glob("*.pyi"):
        old.unlink()
    STUBS.mkdir(exist_ok=True)
    for name, text in stubs.items():
        (STUBS / name).write_text(text)
    return 0


def generate() -> dict[str, str]:
    """The stubs by file name, formatted."""
    with tempfile.TemporaryDirectory() as folder:
        command = [BIN / "maturin", "generate-stubs", "--quiet", "--locked", "--features", "pyo3/experimental-inspect"]
        # An own folder: the feature would make every other build of pyo3 start over.
        environment = os.environ | {"CARGO_TARGET_DIR": "target/stubs"}
        run([*command, "--out", folder], env=environment)
        files = sorted(Path(folder).rglob("*.pyi"))
        for file in files:
            file.write_text(HEADER + mend(file.read_text()))
        run([BIN / "ruff", "check", "--quiet", "--fix", "--isolated", "--select", "I,F401,PYI", "--exit-zero", *files])
        run([BIN / "ruff", "format", "--quiet", "--isolated", "--line-length", "120", *files])
        return {file.name: file.read_text() for file in files}


def mend(text: str) -> str:
    """Adds what the generator cannot know."""
    modules = sorted(set(PACKAGE_NAME.findall(text)))
    imports = "".join(f"import {module}\n" for module in modules)
    text = DICT.sub(lambda found: f"def {found[1]}(self, /) -> {DICTS[found[1]]}:", text)
    return re.sub(r"^(from|import) ", rf"{imports}\1 ", text, count=1, flags=re.MULTILINE)


def check(stubs: dict[str, str]) -> int:
    written = {file.name: file.read_text() for file in STUBS.glob("*.pyi")}
    for name in sorted(stubs.keys() | written.keys()):
        old, new = written.get(name, ""), stubs.get(name, "")
        sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), name, "from the code"))
    if stubs != written:
        print("stubs: the Rust code says otherwise; run `make stubs`")
        return 1
    test = subprocess.run([BIN / "stubtest", "midstream._rust"], check=False, capture_output=True, text=True)
    if test.returncode:
        print(test.stdout, test.stderr)
    return test.returncode


def run(command: list[str | Path], **options: object) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
