#!/usr/bin/env bash
# Fuzzes every target of fuzz/ for SECONDS each (default 60); needs rustup's nightly compiler. Crashes stand in
# fuzz/artifacts; `cargo +nightly fuzz run TARGET FILE` runs one again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../fuzz"

readonly TOOLS=$PWD/../.cache/tools CARGO_FUZZ=0.13.2

cargo +nightly --version >/dev/null 2>&1 || { echo "fuzz: rustup toolchain install nightly" >&2; exit 1; }
if ! command -v cargo-fuzz >/dev/null && ! [ -x "$TOOLS/bin/cargo-fuzz" ]; then
  printf '== building cargo-fuzz, once\n'
  cargo install --quiet --locked --root "$TOOLS" "cargo-fuzz@$CARGO_FUZZ"
fi
export PATH=$TOOLS/bin:$PATH
for target in $(cargo +nightly fuzz list); do
  printf '== fuzzing %s for %s s\n' "$target" "${SECONDS_EACH:-60}"
  cargo +nightly fuzz run "$target" -- -max_total_time="${SECONDS_EACH:-60}" -print_final_stats=0 -print_funcs=0 -verbosity=0
done
