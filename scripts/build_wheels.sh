#!/usr/bin/env bash
# Builds into dist/: the abi3 wheel for CPython 3.11 and up, the sdist, and the wheel for the free-threaded 3.14 where
# python3.14t is at hand. With PyPI's ziglang the wheels run on every Linux of manylinux2014; wheels.yml builds for all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*"; }

rm -rf dist
compatibility=()
if [ "$(uname -s)" = Linux ]; then
  .venv/bin/python -m pip install --quiet --constraint scripts/constraints.txt --group wheels
  compatibility=(--zig --compatibility manylinux2014)
fi
maturin() { PATH=$PWD/.venv/bin:$PATH .venv/bin/maturin "$@" >.cache/log 2>&1 || { cat .cache/log; exit 1; }; }

say "abi3 wheel"
maturin build --release --locked --out dist ${compatibility[@]+"${compatibility[@]}"}
if command -v python3.14t >/dev/null; then
  say "wheel for the free-threaded Python 3.14"
  maturin build --release --locked --out dist --interpreter python3.14t ${compatibility[@]+"${compatibility[@]}"}
else
  say "python3.14t is not at hand: no cp314t wheel"
fi
say "sdist"
maturin sdist --out dist
ls -1 dist

say "the wheel in an environment of its own"
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
.venv/bin/python -m venv "$fresh"
"$fresh/bin/python" -m pip install --quiet --constraint scripts/constraints.txt dist/*-abi3-*.whl
cd "$fresh"
bin/midstream version
bin/midstream demo --fast >printed || { cat printed; exit 1; }
grep "tokens saved" printed
