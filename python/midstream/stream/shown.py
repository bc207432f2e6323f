"""Summaries and findings for people: as HTML in Jupyter, as tables of rich in a terminal.

What a model wrote is never trusted: it is escaped, made visible and cut to a length.
"""

from html import escape
from typing import TYPE_CHECKING, Any

from midstream._rust.stream import Finding, Summary

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

__all__ = ["finding_html", "finding_rich", "summary_html", "summary_rich", "visible"]

LONGEST = 160
"""Characters of a value that are shown."""
MOST = 50
"""Findings that are shown."""
COLUMNS = ("finding", "action", "where", "explanation", "evidence")
COLOURS = {"complete": "#009e73", "failed": "#d55e00", "halted": "#d55e00"}
"""By ending; safe for colour-blind eyes."""
DOUBT = "#e69f00"
CELL = "text-align:left;padding:0.15em 0.9em 0.15em 0;vertical-align:top"


def visible(text: str) -> str:
    r"""The text on one line, without anything that a terminal obeys or that turns the direction of writing.

    Examples
    --------
    >>> visible("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    shown = text if len(text) <= LONGEST else text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape", "surrogatepass").decode() for mark in shown
    )


def rows(summary: Summary) -> list[tuple[str, str]]:
    """What is known of a stream, as label and text."""
    usage, pace = summary.usage, summary.pace
    counts = [("in", usage.input), ("out", usage.output), ("reasoning", usage.reasoning)]
    tokens = [f"{count:,} {word}" for word, count in counts if count is not None]
    times = [("first text after", pace.first_text_s), ("in all", pace.duration_s)]
    told = [f"{word} {seconds:.2f} s" for word, seconds in times if seconds is not None]
    if pace.tokens_per_s is not None:
        told.append(f"{pace.tokens_per_s:.1f} tokens/s")
    kinds: dict[str, int] = {}
    for channel in summary.channels:
        kinds[channel.kind] = kinds.get(channel.kind, 0) + channel.characters
    written = [f"{count:,} of {kind}" for kind, count in kinds.items()]
    known = [
        ("model", summary.model or ""),
        ("format", f"{summary.dialect} over {summary.framing}, {summary.events:,} events"),
        ("finish", ", ".join(summary.finish_reasons)),
        ("characters", ", ".join(written)),
        ("tokens", f"{', '.join(tokens)} ({usage.source})" if tokens else ""),
        ("cost", "" if summary.cost is None else f"{summary.cost:.6f} ({summary.cost_source})"),
        ("times", ", ".join(told)),
        ("tools", ", ".join(call.name or "unnamed" for call in summary.tool_calls)),
        ("anomalies", ", ".join(f"{name} {count:,}" for name, count in summary.anomalies.items() if count)),
    ]
    return [(label, visible(text)) for label, text in known if text]


def headline(summary: Summary) -> tuple[str, str]:
    """The ending with its notes, and its colour."""
    notes = f" ({', '.join(summary.ending_notes)})" if summary.ending_notes else ""
    return visible(summary.ending + notes), COLOURS.get(summary.ending, DOUBT)


def cells(finding: Finding) -> tuple[str, ...]:
    """One finding in the order of the columns."""
    place = finding.channel or ""
    if finding.offset is not None:
        place += f" at {finding.offset:,}"
    name = f"{finding.check}/{finding.kind}"
    return tuple(map(visible, (name, finding.action, place.strip(), finding.explanation, finding.evidence)))


def html_table(head: tuple[str, ...], body: list[tuple[str, ...]]) -> str:
    def row(tag: str, texts: tuple[str, ...]) -> str:
        return "<tr>" + "".join(f'<{tag} style="{CELL}">{escape(text)}</{tag}>' for text in texts) + "</tr>"

    return f"<table>{row('th', head) if head else ''}{''.join(row('td', texts) for texts in body)}</table>"


def left_out(summary: Summary) -> str:
    more = len(summary.findings) - MOST
    return f"and {more:,} more findings" if more > 0 else ""


def summary_html(summary: Summary) -> str:
    """A summary as Jupyter shows it."""
    ending, colour = headline(summary)
    parts = [
        f'<div><strong><span style="color:{colour}">&#9679;</span> {escape(ending)}</strong>',
        html_table((), rows(summary)),  # type: ignore[arg-type]
    ]
    if summary.findings:
        parts.append(html_table(COLUMNS, [cells(finding) for finding in summary.findings[:MOST]]))
        parts.append(escape(left_out(summary)))
    return "".join([*parts, "</div>"])


def finding_html(finding: Finding) -> str:
    """A finding as Jupyter shows it."""
    return html_table(COLUMNS, [cells(finding)])


def rich_table(findings: list[Finding]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(*COLUMNS, box=None, header_style="bold", padding=(0, 2, 0, 0))
    for finding in findings:
        table.add_row(*map(Text, cells(finding)))
    return table


def summary_rich(summary: Summary) -> "Group":
    """A summary as rich prints it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    ending, colour = headline(summary)
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for label, text in rows(summary):
        facts.add_row(Text(label, style="dim"), Text(text))
    parts: list[Any] = [Text.assemble(("\N{BLACK CIRCLE} ", colour), (ending, "bold")), facts]
    if summary.findings:
        parts.append(rich_table(summary.findings[:MOST]))
    if more := left_out(summary):
        parts.append(Text(more, style="dim"))
    return Group(*parts)


def finding_rich(finding: Finding) -> "Table":
    """A finding as rich prints it."""
    return rich_table([finding])
