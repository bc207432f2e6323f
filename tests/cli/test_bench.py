"""``midstream bench guard``: the table on this machine."""

import json

import pytest

from tiny_bodies import CHAT

ROWS = ["observe only", "all checks", "all checks, built-in rules"]
KEYS = ["checks", "text_tokens_per_s", "text_spread", "sse_events_per_s", "sse_spread", "feed_p50_us", "feed_p99_us"]


def test_the_table_names_its_machine_and_fits_80_columns(midstream):
    done = midstream("bench", "guard")
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows, feed, machine = done.stdout.splitlines()
    assert head.split("  ")[0] == ""
    assert [row[:26].strip() for row in rows] == ROWS
    assert max(map(len, [head, *rows])) <= 80
    assert feed.startswith("feed: one chunk of the demo's recording")
    assert machine.startswith("figures of this machine, one core, from Python: ")


def test_the_object_holds_the_same_and_the_spread_of_its_rounds(midstream, tmp_path):
    (tmp_path / "rain.sse").write_bytes(CHAT)
    done = midstream("bench", "guard", "rain.sse", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert list(told) == ["cpu", "cores", "system", "python", "midstream", "recording", "rows"]
    assert told["recording"] == "rain.sse"
    for row, name in zip(told["rows"], ROWS, strict=True):
        assert list(row) == KEYS
        assert row["checks"] == name
        low, high = row["text_spread"]
        assert 0 < low <= row["text_tokens_per_s"] <= high
        assert 0 < row["feed_p50_us"] <= row["feed_p99_us"]


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "no such file or directory: a.jsonl"), ("", "this recording is empty: a.jsonl")],
)
def test_a_file_that_cannot_be_measured_ends_with_3(midstream, tmp_path, text, said):
    if text is not None:
        (tmp_path / "a.jsonl").write_text(text)
    done = midstream("bench", "guard", "a.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"midstream: {said}\n")


def test_the_group_lists_what_it_measures(midstream):
    done = midstream("bench")
    assert done.returncode == 0
    assert "guard" in done.stdout
