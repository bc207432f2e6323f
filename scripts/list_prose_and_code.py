"""List source files and documents of this machine for the scan of loops, one JSON object a line.

Sources and documents come from the crates that Cargo.lock names and from the standard libraries of Python and Rust.
A document is a Markdown, text or licence file, the doc comments or docstrings of one source file under the names of
their items, or a page of the Rust books and library reference without its tags. Which files are taken, and their order, follow from a hash of their names.

    python scripts/list_prose_and_code.py --sources 2000 --documents 2000 | cargo run --release -p midstream-stream --example find_loops
"""

import argparse
import ast
import hashlib
import html
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = {".c", ".h", ".js", ".py", ".rs", ".sh"}
PROSE = {".markdown", ".md", ".rst", ".txt"}
CHARACTERS = range(400, 200_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=2000)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--seed", default="1", help="another seed takes other files")
    chosen = parser.parse_args()
    places = dict(roots())
    if not places:
        sys.exit("no crate sources, no standard library: run `cargo fetch --locked` first")
    for kind, count in (("code", chosen.sources), ("text", chosen.documents)):
        items = sorted(candidates(places, kind), key=lambda item: order(chosen.seed, item[0]))
        for name, text in first_readable(items, count):
            print(json.dumps({"name": f"{kind} {name}", "text": text, "fence": kind == "code"}))


def roots() -> Iterator[tuple[str, Path]]:
    """Name and folder of every crate locked, and of the standard libraries."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    for package in packages:
        name = f"{package['name']}-{package['version']}"
        for folder in sorted(home.glob(f"registry/src/*/{name}"))[:1]:
            yield name, folder
    yield "python", Path(sysconfig.get_path("stdlib"))
    found = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        yield "rust", Path(found.stdout.strip()) / "share/doc/rust/html"


def candidates(places: dict[str, Path], kind: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Name and reader of every text of one kind."""
    for place, folder in places.items():
        for path in sorted(folder.rglob("*")):
            name = f"{place}/{path.relative_to(folder)}"
            if "site-packages" in name or not path.is_file():
                continue
            if kind == "code" and path.suffix in CODE:
                yield name, lambda path=path: path.read_text(encoding="utf-8")
            elif kind == "text":
                read = reader(path)
                if read:
                    yield name, lambda path=path, read=read: read(path.read_text(encoding="utf-8"))


def reader(path: Path) -> Callable[[str], str] | None:
    """How to read a document out of a file, if it holds one."""
    if path.suffix in PROSE or path.name.startswith(("COPYING", "LICENSE", "UNLICENSE")):
        return str
    return {".rs": doc_comments, ".py": docstrings, ".html": page}.get(path.suffix)


def doc_comments(source: str) -> str:
    """The comments of every item, each with the item's first line, as a reference shows them."""
    shown, commented = [], False
    for line in source.splitlines():
        comment = re.match(r"\s*//[/!](?!/) ?(.*)", line)
        if comment:
            shown.append(comment[1])
        attribute = line.strip().startswith("#[")
        if commented and not comment and not attribute:
            shown += [line.strip(), ""]
        commented = bool(comment) or (commented and attribute)
    return "\n".join(shown)


def docstrings(source: str) -> str:
    """The docstring of every class and function under its name."""
    tree = ast.parse(source)
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for node in ast.walk(tree) if isinstance(node, kinds))
    documented = [(node.name, ast.get_docstring(node)) for node in nodes]
    shown = [f"{name}\n{text}" for name, text in documented if text]
    return "\n\n".join([ast.get_docstring(tree) or "", *shown])


def page(source: str) -> str:
    body = re.sub(r"(?s)<(script|style|nav).*?</\1>", "", source.partition("<main>")[2] or source)
    return html.unescape(re.sub(r"<[^>]*>", "", body))


def order(seed: str, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


def first_readable(items: list[tuple[str, Callable[[], str]]], count: int) -> Iterator[tuple[str, str]]:
    for name, read in items:
        if count == 0:
            return
        try:
            text = read()
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        if len(text) in CHARACTERS:
            count -= 1
            yield name, text


if __name__ == "__main__":
    main()
