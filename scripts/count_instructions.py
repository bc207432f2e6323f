"""Instruction counts of head and merge base: `count_instructions.py [--base REF] [--limit PERCENT]`.

Both are built by the same compiler and run under callgrind, whose counts do not depend on the load of the machine.
A bench that needs more than the limit fails, unless a commit since the base says why on a line of its body that
begins with ``instructions:``.

With `--recorded` head alone is built, quickly, and compared with benches/instructions/counts.json, which holds the counts
of a compiler: another one compiles otherwise, so that nothing can be told by it, and that is said aloud. `--record` writes
the file; what a change of it needs more stands in its diff.
"""

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CACHE = Path(".cache/counts").resolve()
RECORDED = Path("benches/instructions/counts.json")
SKIPPED = 77
"""What a script says that skipped, aloud."""
AT_A_TIME = 2
WHY = re.compile(r"^instructions: \S", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description="Instruction counts of head and merge base.")
    parser.add_argument("--base", default="main", help="the branch to compare with (default: main)")
    parser.add_argument("--limit", type=float, default=2.0, help="per cent a bench may grow (default: 2)")
    parser.add_argument("--recorded", action="store_true", help="compare with the counts that are kept")
    parser.add_argument("--record", action="store_true", help="keep the counts of head")
    arguments = parser.parse_args()
    if arguments.recorded or arguments.record:
        return against_recorded(arguments.limit, record=arguments.record)
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


def against_recorded(limit: float, *, record: bool) -> int:
    """Compares head with the counts that are kept, or keeps its own."""
    if shutil.which("valgrind") is None:
        print("== instruction counts skipped: valgrind is missing: apt-get install valgrind", file=sys.stderr)
        return SKIPPED
    known = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    compiler = subprocess.run(["rustc", "--version", "--verbose"], check=True, capture_output=True, text=True).stdout
    version, host = (re.search(rf"^{key}: (.*)", compiler, re.MULTILINE) for key in ("release", "host"))
    if version is None or host is None:
        sys.exit("counts: rustc does not tell its release")
    by = f"{version[1]} {host[1]}"
    if by != known.get("compiler") and not record:
        counted = known.get("compiler", "none")
        print(f"== instruction counts skipped: those that are kept are of {counted}, and this is {by}", file=sys.stderr)
        return SKIPPED
    after = counts(Path.cwd(), None)
    if record:
        RECORDED.write_text(json.dumps({"compiler": by, "counts": after}, indent=1) + "\n", encoding="utf-8")
        return 0
    before = known["counts"]
    grown = [name for name, count in after.items() if count > before.get(name, 0) * (1 + limit / 100)]
    for name in grown:
        report(name, before.get(name), after[name], limit)
    if grown:
        print(f"counts: more than {limit:g} % above {RECORDED}; where that is meant: make counts ARGS=--record")
    return 1 if grown else 0


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


def counts(root: Path, label: str | None) -> dict[str, int]:
    """Instructions by bench; none where there is no such crate yet. Without a label by the profile of tests."""
    if not (root / "benches/instructions").is_dir():
        return {}
    target, profile = (root / "target", "quick") if label is None else (CACHE / f"target-{label}", "release")
    command = ["cargo", "build", "--quiet", "--profile", profile, "--locked", "-p", "midstream-instructions"]
    subprocess.run(command, cwd=root, check=True, env=os.environ | {"CARGO_TARGET_DIR": str(target)})
    program = target / profile / "instructions"
    CACHE.mkdir(parents=True, exist_ok=True)
    names = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    with ThreadPoolExecutor(AT_A_TIME) as runs:
        return dict(zip(names, runs.map(lambda name: count(program, name), names), strict=True))


def count(program: Path, name: str) -> int:
    out = CACHE / f"callgrind.{name}"
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
