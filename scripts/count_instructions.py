"""Instruction counts of head and merge base: `count_instructions.py [--base REF] [--limit PERCENT]`.

Both are built by the same compiler and run under callgrind, whose counts do not depend on the load of the machine.
A bench that needs more than the limit fails, unless a commit since the base says why on a line of its body that
begins with ``instructions:``.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

CACHE = Path(".cache/counts").resolve()
WHY = re.compile(r"^instructions: \S", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description="Instruction counts of head and merge base.")
    parser.add_argument("--base", default="main", help="the branch to compare with (default: main)")
    parser.add_argument("--limit", type=float, default=2.0, help="per cent a bench may grow (default: 2)")
    arguments = parser.parse_args()
    for tool in ("git", "valgrind"):
        if shutil.which(tool) is None:
            sys.exit(f"counts: {tool} is missing: apt-get install {tool}")

    base = git("merge-base", arguments.base, "HEAD")
    before, after = counts(checkout(base), "base"), counts(Path.cwd(), "head")
    slower = [name for name in after if report(name, before.get(name), after[name], arguments.limit)]
    if slower and WHY.search(git("log", "--format=%b", f"{base}..HEAD")):
        print("counts: a commit says why")
        return 0
    return 1 if slower else 0


def report(name: str, before: int | None, after: int, limit: float) -> bool:
    """Prints one line; true where the bench has grown beyond the limit."""
    if before is None:
        print(f"{name:32} {'new':>14} {after:>14,}")
        return False
    change = 100 * (after - before) / before
    print(f"{name:32} {before:>14,} {after:>14,} {change:+8.2f} %")
    return change > limit


def checkout(commit: str) -> Path:
    """The files of the merge base, in a folder of their own."""
    folder = CACHE / "base"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def counts(root: Path, label: str) -> dict[str, int]:
    """Instructions by bench; none where there is no such crate yet."""
    if not (root / "benches/instructions").is_dir():
        return {}
    target = CACHE / f"target-{label}"
    command = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "midstream-instructions"]
    subprocess.run(command, cwd=root, check=True, env=os.environ | {"CARGO_TARGET_DIR": str(target)})
    program = target / "release/instructions"
    names = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    return {name: count(program, name) for name in names}


def count(program: Path, name: str) -> int:
    out = CACHE / "callgrind.out"
    command = ["valgrind", "--tool=callgrind", "--toggle-collect=*measured*", f"--callgrind-out-file={out}"]
    done = subprocess.run([*command, program, name], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"counts: {name} failed:\n{done.stderr}")
    collected = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    if collected is None:
        sys.exit(f"counts: callgrind collected nothing of {name}")
    return int(collected[1])


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"counts: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
