"""Checks what no compiler checks: who may use whom, and the size and place of files.

`check_layers.py [ROOT]` prints one line per fault and ends with 1 if there is any.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SERDE = {"serde", "serde_json"}
BYTES = {"base64", "crc32fast", "memchr", "regex-automata", "regex-syntax"}
NETWORK = {
    *("arc-swap", "async-trait", "axum", "backon", "bytes", "crc32c", "flate2", "form_urlencoded"),
    *("futures-util", "getrandom", "governor", "hmac", "http", "http-body", "http-body-util"),
    *("hyper", "hyper-rustls", "hyper-util"),
    *("opentelemetry", "opentelemetry-http", "opentelemetry-otlp", "opentelemetry_sdk", "pem"),
    *("percent-encoding", "prometheus-client", "rcgen", "rustls", "rustls-native-certs", "secrecy", "sha2"),
    *("socket2", "subtle", "time", "tokio", "tokio-rustls", "tower", "tower-http", "tracing", "tracing-subscriber"),
    "utoipa",
}
# Guard files; pages do not link it.
FILES = {"toml"}

# crate: (ours, from outside). Folders are layers: pure, native, bindings, each may use those before it.
# A further name from outside must be well kept, do no I/O, read no clock and build for wasm.
ALLOWED: dict[str, tuple[set[str], set[str]]] = {
    "midstream-series": (set(), {"foldhash", "rand_xoshiro", "realfft", "siphasher"}),
    "midstream-stream": ({"series"}, SERDE | BYTES | FILES),
    "midstream-worker": ({"series"}, {"tokio"}),
    "midstream-gateway": ({"series", "stream", "worker"}, SERDE | NETWORK),
    "midstream-python": ({"gateway", "series", "stream", "worker"}, {"pyo3", "tokio", "tracing"} | SERDE),
    "midstream-wasm": ({"series", "stream"}, {"js-sys", "wasm-bindgen"}),
    "midstream-cases": ({"series", "stream"}, {"wasm-bindgen"} | SERDE),
}
# Crates beside the product: they measure and test it, and may use what they need.
BESIDE = {"benches", "fuzz", "scripts"}

ROOT_ENTRIES = {
    *("AGENTS.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"),
    *("Cargo.lock", "Cargo.toml", "Makefile", "deny.toml", "pyproject.toml", "rustfmt.toml"),
    *("benches", "changelog.d", "deploy", "docs", "fuzz", "python", "rust", "scripts", "tests"),
}
# Folders that tools make, for where git does not say.
MADE = {"__pycache__", "dist", "node_modules", "target"}
MAX_LINES = 400
TESTS_AT_THE_FOOT = re.compile(r"^#\[cfg\(test\)\]\nmod \w+ \{$", re.MULTILINE)


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    faults = [*crate_faults(root), *file_faults(root), *root_faults(root)]
    print(*(f"layers: {fault}" for fault in faults), sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


def crate_faults(root: Path) -> Iterator[str]:
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    listing = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    for package in json.loads(listing)["packages"]:
        name, folder = package["name"], Path(package["manifest_path"]).parent.relative_to(root)
        if folder.parts[0] in BESIDE:
            continue
        if name not in ALLOWED:
            yield f"{folder}: crate {name} is not in the table of scripts/check_layers.py"
            continue
        ours, outside = ALLOWED[name]
        allowed = {f"midstream-{crate}" for crate in ours} | outside
        for dependency in package["dependencies"]:
            if dependency["kind"] != "dev" and dependency["name"] not in allowed:
                yield f"{folder}: {name} may not use {dependency['name']}"
        if "pure" in folder.parts and package["features"]:
            yield f"{folder}: no features in pure, but {name} has {', '.join(sorted(package['features']))}"


def file_faults(root: Path) -> Iterator[str]:
    for file in tracked(root):
        if file.suffix not in {".rs", ".py"} or not (root / file).is_file():
            continue
        text = (root / file).read_text()
        foot = TESTS_AT_THE_FOOT.search(text)
        lines = text.count("\n", 0, foot.start() if foot else len(text))
        if lines > MAX_LINES and file.parts[0] in {"python", "rust", "scripts"}:
            yield f"{file}: {lines} lines before the tests at the foot, at most {MAX_LINES}"
        if file.suffix == ".rs" and file.name != "gate.rs" and re.search(r"\bdetach\b", text):
            yield f"{file}: only gate.rs may detach from the interpreter"


def root_faults(root: Path) -> Iterator[str]:
    entries = {file.parts[0] for file in tracked(root) if not file.parts[0].startswith(".")}
    for entry in sorted(entries - ROOT_ENTRIES):
        yield f"{entry}: not in the list of the root's entries of scripts/check_layers.py"


def tracked(root: Path) -> list[Path]:
    """Files that git knows or would take; without git or a repository, files outside the folders that tools make."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    if shutil.which("git"):
        listing = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
        if listing.returncode == 0:
            return [Path(line) for line in listing.stdout.splitlines()]
    files = (file.relative_to(root) for file in root.rglob("*") if file.is_file())
    return [file for file in files if not any(part in MADE or part.startswith(".") for part in file.parts)]


if __name__ == "__main__":
    sys.exit(main())
