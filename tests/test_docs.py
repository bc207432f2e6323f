"""Every Python example of the README, the docs and the docstrings runs."""

import doctest
import importlib
import pkgutil
import re
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
    paths = {"/chat/completions": bodies.chat, "/responses": bodies.responses, "/messages": bodies.messages}

    def answer(request):
        path = request.partition(" HTTP/")[0]
        return next(body for end, body in paths.items() if path.endswith(end))(["All ", "is ", "well."])

    with Provider(answer) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.url.removesuffix("/v1"))
        monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
        yield


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
@pytest.mark.usefixtures("providers")
def test_python_examples_of_the_page_run(page, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__page__"}
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(page), "exec"), names)
        printed = capsys.readouterr().out
        if block[2] is not None:
            assert printed == block[2], f"{page.name}, line {line + 1}"


def test_examples_of_the_extension_are_found():
    module = importlib.import_module("midstream.stream")
    found = {example.name for example in doctest.DocTestFinder().find(module) if example.examples}
    assert "midstream.stream.Guard" in found
