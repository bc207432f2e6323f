#!/usr/bin/env bash
# Installs the system packages that tests use and a bare machine lacks: on Debian's family, as root. Elsewhere it
# names them, and the tests that need them say that they skip.
set -euo pipefail

packages=()
needs() { packages+=("$1"); }

# The local model's runtime is linked with OpenMP.
if command -v ldconfig >/dev/null && ! ldconfig -p | grep -q 'libgomp\.so\.1'; then needs libgomp1; fi
# Counts instructions.
if ! command -v valgrind >/dev/null; then needs valgrind; fi

[ ${#packages[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  printf '== system packages: %s\n' "${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -qq update && apt-get -qq install --no-install-recommends "${packages[@]}"; } >/dev/null && exit 0
fi
printf '== system packages missing: %s; tests that need them skip (apt-get install %s)\n' "${packages[*]}" "${packages[*]}"
