"""What Jupyter and a terminal show of a summary, whatever a model wrote."""

import io
import re
from html.parser import HTMLParser

import rich
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import bodies
from midstream.stream import Finding, Guard, check
from midstream.stream.shown import LONGEST, visible

LOOP = check("I am done. " * 20)
HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "</td></table><img src=x onerror=alert(1)>",
            "\x1b[31mred\x1b[0m\x1b]0;title\x07",
            "[bold]markup[/bold] [/] [link=http://x]y[/link]",
            "\u202etxt.exe \u2066 \x9b31m \r\n\t\x00",
            "&amp;&lt;" * 9,
            "x" * 100_000,
        ]
    ),
)
DRAWN = {"div", "span", "strong", "table", "td", "th", "tr"}
DISOBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
        self.seen = set()
        self.attributes = set()

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def summed_up(model, name, text):
    """The summary of a stream whose provider and model write anything."""
    guard = Guard()
    chunk = {
        "object": "chat.completion.chunk",
        "model": model,
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": name}],
    }
    call = {"index": 0, "id": name, "function": {"name": name, "arguments": "{"}}
    guard.feed(bodies.sse(chunk))
    guard.feed(bodies.chat_chunk({"tool_calls": [call]}))
    return guard.finish()[1]


def finding(text):
    first = LOOP.findings[0].to_json()
    import json

    return Finding.from_json(json.dumps(json.loads(first) | {"evidence": text, "explanation": text, "kind": text}))


def printed(thing):
    out = io.StringIO()
    Console(file=out, width=300, force_terminal=False, legacy_windows=False).print(thing)
    return out.getvalue()


def check_html(html):
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    assert tags.seen <= DRAWN
    assert tags.attributes <= {"style"}
    assert not DISOBEYED.search(html)
    assert len(html) < 100_000


@given(HOSTILE, HOSTILE, HOSTILE)
def test_html_of_a_summary_holds_only_its_own_tags(model, name, text):
    check_html(summed_up(model, name, text)._repr_html_())


@given(HOSTILE)
def test_html_of_a_finding_holds_only_its_own_tags(text):
    check_html(finding(text)._repr_html_())


@given(HOSTILE, HOSTILE, HOSTILE)
def test_a_terminal_is_never_told_what_to_do(model, name, text):
    summary = summed_up(model, name, text)
    for shown in (printed(summary), printed(finding(text)), repr(summary), repr(finding(text))):
        assert not DISOBEYED.search(shown)


@given(HOSTILE)
def test_a_repr_is_one_line(text):
    assert "\n" not in repr(finding(text))
    assert len(visible(text).splitlines()) <= 1


def test_a_summary_shows_its_ending_and_its_findings():
    html = LOOP._repr_html_()
    assert "halted" in html
    assert "repeat/exact" in html
    assert "220 of text" in html
    assert "repeat/exact" in printed(LOOP)
    assert "repeat/exact" in printed(LOOP.findings[0])


def test_markup_of_rich_is_text():
    assert "[bold]x[/bold]" in printed(finding("[bold]x[/bold]"))


def test_long_values_are_cut():
    assert len(visible("x" * 1000)) == LONGEST


def test_a_table_of_rich_is_made_only_where_it_is_printed():
    assert rich.get_console() is not None
    assert type(LOOP.__rich__()).__name__ == "Group"
