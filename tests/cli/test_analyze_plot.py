"""``midstream analyze --plot``: the streams as a picture."""

import sys
from importlib.util import find_spec

import pytest

from tiny_bodies import LOOP, OLLAMA

drawn = pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed: make .venv/.peers")


@drawn
@pytest.mark.parametrize(("name", "head"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")])
def test_the_picture_has_the_format_of_its_ending(midstream, folder, name, head):
    done = midstream("analyze", "--plot", name, "loop.sse", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ending" in done.stdout
    assert (folder / name).read_bytes().startswith(head)


@drawn
def test_the_picture_names_each_stream_its_end_and_its_findings(midstream, folder):
    done = midstream("analyze", "--json", "--plot", "a.svg", "loop.sse", "ollama.ndjson", cwd=folder)
    assert (done.returncode, done.stdout.count("\n")) == (0, 2)
    picture = (folder / "a.svg").read_text()
    assert "<!-- loop.sse: " in picture
    assert "<!-- ollama.ndjson: " in picture
    assert "repeat/exact, stop" in picture


@drawn
def test_more_streams_than_fit_are_told(midstream, tmp_path):
    for number in range(18):
        (tmp_path / f"{number:02}.sse").write_bytes(LOOP)
    done = midstream("analyze", "--json", "--plot", "a.png", ".", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "midstream: the first 16 of 18 streams are drawn: a.png\n")


@drawn
def test_without_a_stream_there_is_no_picture(midstream, tmp_path):
    done = midstream("analyze", "--plot", "a.png", "absent.sse", cwd=tmp_path)
    assert done.returncode == 3
    assert "nothing to draw in a.png: no stream was read" in done.stderr
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.gif", "--plot is a.gif; allowed are names that end in .pdf, .png, .svg"),
        ("absent/a.png", "cannot write absent/a.png: there is no folder absent; name another --plot"),
    ],
)
def test_a_name_that_cannot_be_drawn_is_told_before_anything_is_read(midstream, folder, name, said):
    done = midstream("analyze", "--plot", name, "loop.sse", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"midstream: {said}\n")


def test_without_matplotlib_the_extra_is_named(midstream, tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError('none')\n")
    (tmp_path / "a.ndjson").write_bytes(OLLAMA)
    env = {"PYTHONPATH": ":".join([str(tmp_path), *sys.path])}
    done = midstream("analyze", "--plot", "a.png", "a.ndjson", cwd=tmp_path, env=env)
    assert done.returncode == 2
    assert done.stderr == "midstream: --plot needs matplotlib: pip install 'midstream[plot]'\n"
