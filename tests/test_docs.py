"""Every Python example of the README, the docs and the docstrings runs."""

import doctest
import importlib
import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import bodies
import midstream
from provider import Provider

PROJECT = Path(__file__).parent.parent
PAGES = [
    page
    for page in [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
    if "```python" in page.read_text(encoding="utf-8")
]
BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\s*^```output\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
PEERS = ["duckdb", "langchain_openai", "litellm", "matplotlib", "pandas", "polars"]
"""Large packages that the pages show and `make check` does without."""
MODULES = ["midstream", *(module.name for module in pkgutil.walk_packages(midstream.__path__, "midstream."))]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples_of_docstrings_run(name):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0


@pytest.fixture
def providers(monkeypatch):
    """The SDKs' clients, made without a word, talk to loopback."""
    paths = {
        "/api/chat": bodies.ollama_chat,
        "/chat/completions": bodies.chat,
        "/messages": bodies.messages,
        "/responses": bodies.responses,
        ":streamGenerateContent?alt=sse": bodies.gemini,
    }

    def answer(request):
        path = request.partition(" HTTP/")[0]
        return next(body for end, body in paths.items() if path.endswith(end))(["All ", "is ", "well."])

    with Provider(answer) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.url.removesuffix("/v1"))
        monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
        monkeypatch.setenv("OLLAMA_HOST", provider.url.removesuffix("/v1"))
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", provider.url.removesuffix("/v1"))
        monkeypatch.setenv("GEMINI_API_KEY", "none")
        monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        yield


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
@pytest.mark.usefixtures("providers")
def test_python_examples_of_the_page_run(page, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__page__"}
    text = page.read_text(encoding="utf-8")
    for package in PEERS:
        if find_spec(package) is None and re.search(rf"^(import|from) {package}\b", text, re.MULTILINE):
            pytest.skip(f"{package} is not installed: make .venv/.peers")
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(page), "exec"), names)
        printed = capsys.readouterr().out
        if block[2] is not None:
            assert printed.removesuffix("\n") + "\n" == block[2], f"{page.name}, line {line + 1}"


def test_examples_of_the_extension_are_found():
    module = importlib.import_module("midstream.stream")
    found = {example.name for example in doctest.DocTestFinder().find(module) if example.examples}
    assert "midstream.stream.Guard" in found
