#!/usr/bin/env bash
# Makes .venv and puts into it what the Makefile's commands need. The Makefile calls it and keeps the stamps.
#   setup.sh system       name a missing program and how to get it
#   setup.sh venv         the virtual environment itself
#   setup.sh tools        what the program, its tests, lints and type checks need, in the versions of constraints.txt
#   setup.sh local_model  the local model
#   setup.sh peers        SDKs and data frames that only the whole test run needs
#   setup.sh aimock       an independent mock provider, which runs in Node
#   setup.sh lock         resolve constraints.txt anew
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SKIPPED=77 # what a script says that did without something, aloud
readonly VENV=.venv CONSTRAINTS=scripts/constraints.txt OLDEST_NODE=20
readonly AIMOCK=@copilotkit/aimock@1.43.0

say() { printf '== %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The first of these that starts and is new enough. A version manager's shim may stand in PATH and not start.
find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
    if command -v "$name" >/dev/null && new_enough "$name"; then command -v "$name"; return; fi
  done
  return 1
}

# One line for each that is missing, so that all can be got at once.
system() {
  local missing=0
  lacks() { printf 'setup: %s\n' "$*" >&2; missing=1; }
  find_python >/dev/null || lacks "python 3.11 or newer is missing: apt-get install python3 python3-venv, or python.org/downloads"
  if ! command -v cargo >/dev/null; then lacks "cargo is missing: install Rust stable from rustup.rs"
  elif ! cargo --version >/dev/null 2>&1; then lacks "cargo does not start: rustup default stable"
  elif ! new_enough_rust; then lacks "$(rustc --version) is older than $(oldest_rust): rustup update stable, or rustup.rs"
  fi
  command -v cc >/dev/null || lacks "a C compiler (cc) is missing: apt-get install build-essential, or xcode-select --install"
  return "$missing"
}

oldest_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml; }

new_enough_rust() {
  local found oldest
  found=$(rustc --version | cut -d ' ' -f 2) oldest=$(oldest_rust)
  [ "${found%%.*}" -gt "${oldest%%.*}" ] || [ "$(cut -d . -f 2 <<<"$found")" -ge "$(cut -d . -f 2 <<<"$oldest")" ]
}

venv() {
  local python
  python=$(find_python)
  say "set-up, some minutes, once: virtual environment in $VENV ($("$python" --version))"
  rm -rf "$VENV"
  "$python" -m venv "$VENV" >/dev/null 2>&1 ||
    { rm -rf "$VENV"; die "$python cannot make a virtual environment: apt-get install python3-venv"; }
  install 'pip>=25.1' # the first that knows dependency groups
}

install() { "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$CONSTRAINTS" "$@"; }

# The package's requirements, with those of the extra `local` if asked for, one a line.
requirements() {
  "$(find_python)" - "$@" <<'PYTHON'
import sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
wanted = [project["optional-dependencies"][extra] for extra in sys.argv[1:]] or [project["dependencies"]]
print(*sum(wanted, []), sep="\n")
PYTHON
}

has_node() {
  local version
  version=$(node --version 2>/dev/null) && version=${version#v} && [ "${version%%.*}" -ge "$OLDEST_NODE" ]
}

tools() {
  local node=""
  has_node || node="--group node"
  say "test and lint tools${node:+, Node from PyPI}"
  # shellcheck disable=SC2086
  install --group dev $node -r <(requirements)
}

# Without package, system library or network the demo plays its recording and the tests of the model skip; both say so.
local_model() {
  say "the local model: its runtime, then its weights"
  install -r <(requirements local) && "$VENV/bin/midstream" models pull >/dev/null && return
  say "no local model, see above; make tries again the next time"
  return "$SKIPPED"
}

# Without them their tests skip, and say so.
peers() {
  say "large packages that streams and tables are tried with: LangChain, LiteLLM, pandas, polars, DuckDB"
  install --group frames --group sdks && return
  say "not installed, see above; make tries again the next time"
  return "$SKIPPED"
}

# Without npm its tests skip, and say so.
aimock() {
  if ! command -v npm >/dev/null; then
    say "no npm: the tests with the mock provider $AIMOCK skip"
    return "$SKIPPED"
  fi
  say "the mock provider $AIMOCK"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix .cache/aimock "$AIMOCK" >/dev/null && return
  say "not installed; make tries again the next time"
  return "$SKIPPED"
}

lock() {
  local new python
  new=$(mktemp -d)
  # shellcheck disable=SC2064 # a local: gone when the trap runs
  trap "rm -rf '$new'" EXIT
  "$(find_python)" -m venv "$new"
  python=$new/bin/python
  "$python" -m pip install --quiet --upgrade pip
  "$python" -m pip install --quiet --group audit --group dev --group frames --group node --group sdks --group wheels -r <(requirements) -r <(requirements local)
  # shellcheck disable=SC2016
  { echo '# Written by `make lock`: the versions that the Makefile installs.'
    "$python" -m pip freeze --all | grep -vE '^(setuptools|wheel)=='; } >"$CONSTRAINTS"
}

"$@"
