#!/usr/bin/env bash
# Installs the abi3 wheel into every other CPython at hand and runs the short set of tests there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VERSIONS="3.11 3.12 3.13 3.14" CACHE=.cache/interpreters
# The API, its documentation, and that the program starts.
readonly SHORT=(tests/stream tests/test_docs.py tests/test_errors.py tests/test_exports.py tests/test_imports.py tests/cli/test_program.py)
readonly LEFT_OUT="model or recorded or slow or tools"

is_version() { "$1" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" 2>/dev/null; }

# In PATH, else where pyenv keeps it: its shims stand in PATH but start only what is switched on.
find_python() {
  local candidate
  for candidate in "python$1" "$(pyenv root 2>/dev/null || true)"/versions/"$1".*/bin/python; do
    if command -v "$candidate" >/dev/null && is_version "$candidate" "$1"; then command -v "$candidate"; return; fi
  done
  return 1
}

run() {
  local version=$1 python=$2 venv=$CACHE/$1
  if ! [ "$venv/.made" -nt scripts/constraints.txt ] || ! [ "$venv/.made" -nt pyproject.toml ]; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --constraint scripts/constraints.txt pip
    "$venv/bin/python" -m pip install --quiet --constraint scripts/constraints.txt --group test "$wheel"
    touch "$venv/.made"
  fi
  "$venv/bin/python" -m pip install --quiet --no-deps --force-reinstall "$wheel"
  printf '== Python %s: the wheel installed, short set of tests\n' "$version"
  "$venv/bin/python" -m pytest -q -n 2 --dist loadfile --no-header -r fE -p no:cacheprovider -m "not ($LEFT_OUT)" "${SHORT[@]}" >.cache/log 2>&1 ||
    { cat .cache/log; exit 1; }
  tail -n 1 .cache/log
}

mkdir -p "$CACHE"
own=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
absent=""
wheel=""
for version in $VERSIONS; do
  [ "$version" != "$own" ] || continue
  if ! python=$(find_python "$version"); then absent+=" $version"; continue; fi
  if [ -z "$wheel" ]; then
    rm -f "$CACHE"/*.whl
    .venv/bin/maturin build --profile quick --locked --out "$CACHE" >.cache/log 2>&1 || { cat .cache/log; exit 1; }
    wheel=$(ls "$CACHE"/midstream-*.whl)
  fi
  run "$version" "$python"
done
[ -z "$absent" ] || printf '== not at hand, so not tested here: Python%s\n' "$absent"
