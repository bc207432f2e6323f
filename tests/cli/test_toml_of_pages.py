"""Every TOML example of the docs is a file that MidStream takes by itself."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(DOCS.rglob("*.md"))
BLOCKS = [
    pytest.param(
        block[1], id=f"{page.name}, line {page.read_text(encoding='utf-8').count(chr(10), 0, block.start()) + 1}"
    )
    for page in PAGES
    for block in BLOCK.finditer(page.read_text(encoding="utf-8"))
]


def certify(folder):
    """The files of certificates that the pages name."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    made = ["-keyout", "gateway.key", "-out", "gateway.pem"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words = ["openssl", "req", "-x509", *kind, *made, "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    shutil.copy(folder / "gateway.pem", folder / "clients.pem")


def test_the_pages_have_examples():
    assert len(BLOCKS) > 12


@pytest.mark.parametrize("text", BLOCKS)
def test_an_example_of_the_pages_is_good(midstream, tmp_path, text):
    if "gateway.pem" in text:
        certify(tmp_path)
    path = tmp_path / "example.toml"
    path.write_text(text)
    done = midstream("config", "check", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{path}: good")
