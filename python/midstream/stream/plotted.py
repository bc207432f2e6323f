"""A stream's pace and its findings as a picture."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from midstream._rust.stream import Finding, Summary
from midstream.errors import MissingExtra
from midstream.stream.shown import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["plot"]

INK, CURVE, PAUSED, GRID = "#333333", "#0072b2", "#e69f00", "#dddddd"
STRONG, WEAK = "#d55e00", "#cc79a7"
"""Okabe and Ito's palette: told apart by colour-blind eyes, and the markers differ in shape as well."""
MARKS = {"stop": "X", "hold": "s", "redact": "s", "end_reasoning": "X"}
NAMED = 6
"""Findings that are named; further ones have a mark and a number alone."""
CHARACTER_PT, LABEL_PT = 4.6, 26.0
"""Width of a character of the legend and of a label, in points."""
LONG_GAP = 3.0
"""The longest gap is shown where it is so many times the median."""


def plot(summary: Summary, ax: Any = None) -> Any:
    """Draw what was written by when, the longest pause, and where findings were made.

    Parameters
    ----------
    summary : Summary
    ax : matplotlib Axes, optional
        A new figure where left out.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingExtra
        Without matplotlib.
    """
    try:
        pyplot: Any = import_module("matplotlib.pyplot")
        ticker: Any = import_module("matplotlib.ticker")
    except ImportError as error:
        raise MissingExtra("plot needs matplotlib: pip install 'midstream[plot]'") from error
    timed = bool(summary.course.at_ns)
    if ax is None:
        rows = min(len(summary.findings), NAMED + 1)
        height = 3.9 if timed else 1.5 + 0.4 * max(len(summary.channels), 1)
        ax = pyplot.figure(figsize=(9, height + 0.22 * rows), layout="constrained").add_subplot()
    (draw_times if timed else draw_channels)(summary, ax)
    thousands = ticker.FuncFormatter(lambda value, _: f"{value:,.0f}")
    (ax.yaxis if timed else ax.xaxis).set_major_formatter(thousands)
    (ax.yaxis if timed else ax.xaxis).set_major_locator(ticker.MaxNLocator(integer=True, nbins=6))
    ax.set_title(title(summary), loc="left", fontsize=11, color=INK, parse_math=False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y" if timed else "x", color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def title(summary: Summary) -> str:
    model = f"{visible(summary.model)[:40]}: " if summary.model else ""
    rate = summary.pace.tokens_per_s
    return f"{model}{summary.ending}" + (f", {rate:.0f} tokens/s" if rate is not None else "")


def draw_times(summary: Summary, ax: Any) -> None:
    """Characters over seconds."""
    course = summary.course
    times = [at / 1e9 for at in course.at_ns]
    ax.step([0.0, *times], [0, *course.characters], where="post", color=CURVE, linewidth=1.8, label="written")
    ax.fill_between([0.0, *times], [0, *course.characters], step="post", color=CURVE, alpha=0.10, linewidth=0)
    median = summary.pace.gap_p50_s
    if course.longest_gap_ns is not None and median is not None:
        start, end = (at / 1e9 for at in course.longest_gap_ns)
        if end - start > max(LONG_GAP * median, 0.02 * times[-1]):
            told = f"longest pause, {end - start:.2g} s"
            ax.axvspan(start, end, color=PAUSED, alpha=0.25, linewidth=0, label=told)
    places = zip(course.found_at_ns, course.found_characters, summary.findings, strict=False)
    mark(ax, [(at / 1e9, float(characters), finding) for at, characters, finding in places])
    end_s = max([*times, *(at / 1e9 for at in course.found_at_ns)])
    ax.set_xlim(0, end_s * 1.02)
    ax.set_ylim(0, max(course.characters) * 1.08 or 1)
    ax.set_xlabel("time since the request (s)" if summary.pace.first_byte_s is not None else "time (s)")
    ax.set_ylabel("characters written")
    legend(ax)


def draw_channels(summary: Summary, ax: Any) -> None:
    """Where times are unknown: a bar of characters for each channel, and findings at their offsets."""
    channels = [channel for channel in summary.channels if channel.kind != "audio"] or summary.channels
    names = [visible(channel.id)[:30] for channel in channels]
    lengths = [channel.characters for channel in channels]
    ax.barh(range(len(names)), lengths, height=0.5, color=CURVE, alpha=0.35)
    ax.set_yticks(range(len(names)), names, parse_math=False)
    ax.invert_yaxis()
    row = {channel.id: (float(place), float(channel.characters)) for place, channel in enumerate(channels)}
    last = (float(len(names) - 1), float(lengths[-1])) if names else (0.0, 0.0)
    placed = []
    for finding in summary.findings:
        place, length = row.get(finding.channel or "", last)
        placed.append((length if finding.offset is None else float(finding.offset), place, finding))
    mark(ax, placed, in_rows=True)
    ax.set_xlim(0, max([*lengths, 1]) * 1.05)
    ax.set_ylim(len(names) - 0.4 if names else 1, -0.6)
    ax.set_xlabel("characters (times are unknown)")
    legend(ax)


def mark(ax: Any, places: list[tuple[float, float, Finding]], *, in_rows: bool = False) -> None:
    """Puts a numbered mark at each finding; the legend says what the numbers are."""
    width_pt = ax.get_window_extent().width * 72 / ax.figure.dpi
    for number, (x, y, finding) in enumerate(places, 1):
        strong = finding.action in MARKS
        ax.plot(
            x,
            y,
            marker=MARKS.get(finding.action, "o"),
            color=STRONG if strong else WEAK,
            markersize=9,
            markeredgecolor="white",
            linestyle="none",
            clip_on=False,
            zorder=5,
            label=f"{number}  {told(finding, int(width_pt / CHARACTER_PT))}" if number <= NAMED else "_",
        )
    if len(places) > NAMED:
        ax.plot([], [], linestyle="none", label=f"and {len(places) - NAMED:,} more findings")
    for (x, y), numbers in together(places, in_rows, LABEL_PT / width_pt):
        ax.annotate(
            numbers, (x, y), xytext=(0, 8), textcoords="offset points", ha="center", fontsize=8, color=INK, zorder=6
        )


def together(
    places: list[tuple[float, float, Finding]], in_rows: bool, share: float
) -> "Iterator[tuple[tuple[float, float], str]]":
    """Places whose labels would lie on one another, each a share of the axis wide, have one: 3, or 3 to 7."""
    width = max([x for x, _, _ in places], default=0.0) * share
    groups: list[list[int]] = []
    for number, (x, y, _) in enumerate(places):
        first = places[groups[-1][0]] if groups else None
        if first is not None and abs(first[0] - x) <= width and (not in_rows or first[1] == y):
            groups[-1].append(number)
        else:
            groups.append([number])
    for group in groups:
        x, y, _ = places[group[0]]
        first_number, last_number = group[0] + 1, group[-1] + 1
        span = f"{first_number}\N{EN DASH}{last_number}"
        yield (x, y), str(first_number) if first_number == last_number else span


def told(finding: Finding, most: int) -> str:
    """A finding in few words; without a dollar sign, which matplotlib reads as mathematics."""
    text = f"{finding.check}/{finding.kind}, {finding.action}: {visible(finding.explanation)}"
    most = max(most, 24)
    shown = text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return shown.replace("$", r"\$")


def legend(ax: Any) -> None:
    """Below the axes and their label, whatever their size, where it covers nothing."""
    shift: Any = import_module("matplotlib.transforms").ScaledTranslation
    handles, labels = ax.get_legend_handles_labels()
    if not handles or labels == ["written"]:
        return
    below = ax.transAxes + shift(0, -40 / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=below,
        frameon=False,
        fontsize=8.5,
        borderaxespad=0,
        borderpad=0,
    )
