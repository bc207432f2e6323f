"""The guide to the local model, followed."""

import re


def test_the_example_of_the_guide_stops_a_loop(project, weights, capsys):
    page = (project / "docs/guides/local-model.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(example, {"__name__": "__page__"})
    assert re.search(r"\d+ characters repeated [\d.]+ times since character \d+", capsys.readouterr().out)
