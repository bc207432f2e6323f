#!/usr/bin/env bash
# Audits what we depend on and the workflows, as far as that goes without a network. Known holes are asked for in CI:
# their databases stand outside.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TOOLS=$PWD/.cache/tools ACTIONLINT=v1.7.12
readonly DENY=0.20.2

say() { printf '== %s\n' "$*"; }

if ! [ -x "$TOOLS/bin/cargo-deny" ]; then
  say "building cargo-deny, some minutes, once"
  cargo install --quiet --locked --root "$TOOLS" "cargo-deny@$DENY"
fi
say "licences, bans and sources of Rust crates"
for manifest in Cargo.toml fuzz/Cargo.toml scripts/bindgen/Cargo.toml; do
  "$TOOLS/bin/cargo-deny" --log-level error --manifest-path "$manifest" --locked --offline --config deny.toml check licenses bans sources
done

say "workflows"
if ! [ -x "$TOOLS/bin/actionlint" ]; then
  command -v go >/dev/null || { echo "audit: go is missing, which builds actionlint: apt-get install golang" >&2; exit 1; }
  GOBIN=$TOOLS/bin go install "github.com/rhysd/actionlint/cmd/actionlint@$ACTIONLINT"
fi
"$TOOLS/bin/actionlint"
.venv/bin/python -m pip install --quiet --constraint scripts/constraints.txt --group audit
.venv/bin/zizmor --quiet --offline --pedantic .github/workflows
say "not asked here: advisories of crates and packages (audit.yml asks them)"
