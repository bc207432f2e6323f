"""A picture of a stream's pace."""

import sys
from importlib.util import find_spec

import pytest

from midstream.errors import MissingExtra
from midstream.stream import Guard, Summary, check

MS = 1_000_000


@pytest.fixture
def pyplot():
    if find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed: make .venv/.peers")
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def timed(pieces, gap_ms=20, pause_at=None):
    """The summary of pieces that came one after another, with one long pause."""
    guard = Guard(started_ns=0)
    now_ns = 300 * MS
    for place, piece in enumerate(pieces):
        now_ns += (1500 if place == pause_at else gap_ms) * MS
        guard.push(piece, now_ns=now_ns)
    return guard.finish("clean", now_ns)[1]


def texts(ax):
    ax.figure.canvas.draw()
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_course_says_what_was_written_by_when():
    course = timed(["All ", "is ", "well."]).course
    assert course.at_ns == [320 * MS, 340 * MS, 360 * MS]
    assert course.characters == [4, 7, 12]
    assert course.found_at_ns == []


def test_a_course_of_a_long_stream_is_short():
    course = timed([f"line {number}; " for number in range(5000)]).course
    assert 64 <= len(course.at_ns) <= 129
    assert course.characters == sorted(course.characters)


def test_a_course_survives_json_and_copies():
    summary = timed(["I am done. "] * 20)
    again = Summary.from_json(summary.to_json())
    assert again == summary
    assert again.course.found_characters == [99]


def test_a_stream_with_times_is_drawn_over_seconds(pyplot):
    ax = timed([*[f"line {number}; " for number in range(40)], *["I am done. "] * 20], pause_at=25).plot()
    assert ax.get_xlabel() == "time since the request (s)"
    assert ax.get_ylabel() == "characters written"
    assert "longest pause, 1.5 s" in texts(ax)
    assert any("repeat/exact, stop" in text for text in texts(ax))


def test_a_stream_without_times_is_drawn_over_characters_and_says_so(pyplot):
    ax = check("I am done. " * 20).plot()
    assert ax.get_xlabel() == "characters (times are unknown)"
    assert any("repeat/exact" in text for text in texts(ax))


@pytest.mark.parametrize("text", ["", "All is well.", "$x^2$ \\frac{ 100 %"])
def test_every_stream_can_be_drawn(pyplot, text):
    for summary in (check(text), timed([text] if text else [])):
        summary.plot().figure.canvas.draw()


def test_hostile_names_are_drawn_as_text(pyplot):
    guard = Guard()
    guard.feed(b'data: {"object":"chat.completion.chunk","model":"$\\\\frac{$ \\u001b[31m","choices":[]}\n\n', 0)
    ax = guard.finish("clean", 5)[1].plot()
    ax.figure.canvas.draw()
    assert "\x1b" not in ax.get_title(loc="left")


def test_a_plot_goes_where_it_is_told(pyplot):
    figure, (left, right) = pyplot.subplots(1, 2)
    assert timed(["All is well."] * 3).plot(ax=right) is right
    assert not left.lines
    assert len(pyplot.get_fignums()) == 1
    assert figure.axes == [left, right]


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    for module in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"pip install 'midstream\[plot\]'"):
        check("All is well.").plot()
