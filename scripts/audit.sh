#!/usr/bin/env bash
# Audits what we depend on, the workflows and the scripts.
#   ADVISORIES=1   ask for known holes too; their databases stand outside, so audit.yml does
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TOOLS=$PWD/.cache/tools ACTIONLINT=v1.7.12 DENY=0.20.2
readonly MANIFESTS=(Cargo.toml fuzz/Cargo.toml scripts/bindgen/Cargo.toml)

say() { printf '== %s\n' "$*"; }
advisories() { [ "${ADVISORIES:-0}" = 1 ]; }

deny() {
  local manifest online=--offline
  if advisories; then online=""; fi
  for manifest in "${MANIFESTS[@]}"; do
    # shellcheck disable=SC2086 # a word or none
    "$TOOLS/bin/cargo-deny" --log-level error --manifest-path "$manifest" --locked $online --config deny.toml check "$@"
  done
}

if ! [ -x "$TOOLS/bin/cargo-deny" ]; then
  say "building cargo-deny, some minutes, once"
  cargo install --quiet --locked --root "$TOOLS" "cargo-deny@$DENY"
fi
if ! [ -x "$TOOLS/bin/actionlint" ]; then
  command -v go >/dev/null || { echo "audit: go is missing, which builds actionlint: apt-get install golang" >&2; exit 1; }
  GOBIN=$TOOLS/bin go install "github.com/rhysd/actionlint/cmd/actionlint@$ACTIONLINT"
fi
.venv/bin/python -m pip install --quiet --constraint scripts/constraints.txt --group audit

say "licences, bans and sources of Rust crates"
deny licenses bans sources

say "workflows and scripts"
PATH=$PWD/.venv/bin:$PATH "$TOOLS/bin/actionlint"
if advisories; then online=""; else online=--offline; fi
# shellcheck disable=SC2086 # a word or none
.venv/bin/zizmor --quiet $online --pedantic .github/workflows
.venv/bin/shellcheck .ci/run scripts/*.sh

if advisories; then
  say "advisories of Rust crates"
  deny advisories
  say "advisories of Python packages"
  .venv/bin/pip-audit --strict --requirement scripts/constraints.txt --no-deps --disable-pip
else
  say "NOT ASKED: advisories of crates and packages; audit.yml asks them, and so does ADVISORIES=1 make audit"
fi
