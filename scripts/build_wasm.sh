#!/usr/bin/env bash
# Builds rust/bindings/wasm: the module that ships into target/wasm/midstream*, and the module of the shared cases,
# which has no budget, into target/wasm/cases*. Prints sizes; fails where the shipped module is over its budget or
# imports anything but its own glue.
#   WASM_STD=rustup|debian   where the standard library of the target comes from (default: rustup where it can)
#   REQUIRE_WASM=1           a missing toolchain is an error; else it is said and the exit status is 77
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TARGET=wasm32-unknown-unknown BUDGET=65536
readonly ROOT=$PWD CACHE=$PWD/.cache/wasm OUT=target/wasm

say() { printf 'wasm: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }
skip() { if [ "${REQUIRE_WASM:-0}" = 1 ]; then die "$*"; fi; say "SKIPPED: $*"; exit 77; }

has_target() { compgen -G "$("${RUSTC:-rustc}" --print target-libdir --target "$TARGET")/libstd-*.rlib" >/dev/null; }

# rustup serves the target in a minute where its server is in reach.
add_target() {
  command -v rustup >/dev/null || return 1
  say "rustup target add $TARGET"
  timeout 120 rustup --quiet target add "$TARGET" >/dev/null 2>&1 && has_target
}

locked() { awk -v want="name = \"$2\"" '$0 == want {getline; gsub(/"/, "", $3); print $3; exit}' "$1"; }

# The glue's format changes with every release: library and writer must be of one version.
check_versions() {
  local library writer
  library=$(locked Cargo.lock wasm-bindgen) writer=$(locked scripts/bindgen/Cargo.lock wasm-bindgen-cli-support)
  [ "$library" = "$writer" ] || die "wasm-bindgen is $library in Cargo.lock but $writer in scripts/bindgen/Cargo.lock"
}

# What Debian's second compiler needs; the versions in package names are read, not written down.
debian_packages() {
  local closure llvm
  closure=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances rustc-web | grep -E '^[a-z]' | sort -u)
  llvm=$(sed -nE 's/^libllvm([0-9]+)$/\1/p' <<<"$closure" | sort -n | tail -1)
  [ -n "$llvm" ] || return 1
  grep -E '^(rustc-web|libstd-rust-web-.*|libllvm[0-9]+)$' <<<"$closure"
  # Libraries that slim images lack.
  grep -E '^lib(edit2|bsd0|md0|ffi8|tinfo6|xml2|icu[0-9]+|z3-4|zstd1|lzma5)$' <<<"$closure"
  printf '%s\n' rust-web-src "lld-$llvm"
}

candidate() { apt-cache policy rustc-web | awk '/Candidate:/ && $2 != "(none)" {print $2}'; }

# Unpacks the compiler beside the build: installed, it would replace rustc and rustup. Sets `toolchain`.
debian_toolchain() {
  local version
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  version=$(candidate)
  if [ -z "$version" ]; then
    [ "$(id -u)" = 0 ] && apt-get -qq update >&2 || return 1
    version=$(candidate)
  fi
  [ -n "$version" ] || return 1
  toolchain=$CACHE/rustc-web-$version
  [ -x "$toolchain/rustc" ] || unpack_toolchain
}

unpack_toolchain() {
  local packages new package program
  packages=$(debian_packages) || return 1
  mkdir -p "$CACHE"
  new=$(mktemp -d "$CACHE/new.XXXXXX")
  mkdir "$new/debs"
  say "fetching a compiler for $TARGET, about 160 MB, once"
  # A package list older than the archive names files that are gone: refresh it and try again.
  # shellcheck disable=SC2086 # one word a package
  (cd "$new/debs" && { download $packages || { apt-get -qq update >&2 && download $packages; }; }) ||
    { rm -rf "$new"; return 1; }
  for package in "$new"/debs/*.deb; do dpkg -x "$package" "$new/root" || { rm -rf "$new"; return 1; }; done
  rm -rf "$new/debs"
  for program in usr/bin/rustc "usr/lib/llvm-${packages##*lld-}/bin/wasm-ld"; do
    cat >"$new/${program##*/}" <<WRAPPER
#!/bin/sh
root=\$(dirname "\$(readlink -f "\$0")")/root
for libraries in "\$root"/usr/lib/*-linux-gnu; do break; done
LD_LIBRARY_PATH=\$libraries:\$root/lib/\${libraries##*/} exec "\$root/$program" "\$@"
WRAPPER
    chmod +x "$new/${program##*/}"
  done
  "$new/rustc" -vV >/dev/null || { say "Debian's rustc does not start"; rm -rf "$new"; return 1; }
  rm -rf "$toolchain"
  mv "$new" "$toolchain"
}

download() { apt-get -qq -o APT::Sandbox::User=root download "$@" >&2 2>/dev/null; }

build() {
  local cargo flags environment std
  cargo=(cargo --quiet build --locked --profile wasm --target "$TARGET" -p midstream-wasm -p midstream-cases)
  # simd128: every browser since 2023, Node since 16. Unmapped, panic texts carry this machine's paths.
  flags=$(printf '%s\x1f' -Ctarget-feature=+simd128 "--remap-path-prefix=$ROOT=." "--remap-path-prefix=$CACHE=/std" \
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/registry")
  environment=(-u RUSTFLAGS -u CARGO_BUILD_TARGET CARGO_TARGET_DIR="$CACHE/target" CARGO_ENCODED_RUSTFLAGS="${flags%$'\x1f'}")
  std=${WASM_STD:-any}
  if [ "$std" != debian ] && { has_target || add_target; }; then
    std=rustup
  else
    if [ "$std" = rustup ] || ! debian_toolchain; then
      skip "no standard library for $TARGET: rustup target add $TARGET, or Debian's rustc-web and rust-web-src"
    fi
    environment+=(RUSTC="$toolchain/rustc" RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$toolchain/wasm-ld")
    cargo+=("-Zbuild-std=std,panic_abort")
  fi
  env "${environment[@]}" "${cargo[@]}"
}

glue() {
  (cd scripts/bindgen && env -u RUSTFLAGS cargo --quiet build --locked --target-dir "$CACHE/bindgen")
  mkdir -p "$OUT"
  "$CACHE/bindgen/debug/bindgen" "$CACHE/target/$TARGET/wasm/midstream_wasm.wasm" "$OUT" midstream
  "$CACHE/bindgen/debug/bindgen" "$CACHE/target/$TARGET/wasm/midstream_cases.wasm" "$OUT" cases
  printf '{"type": "module"}\n' >"$OUT/package.json"
}

check_versions
build
glue
scripts/node.sh scripts/measure_wasm.mjs "$OUT" midstream "$BUDGET"
