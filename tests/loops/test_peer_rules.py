"""The published rules in benches/peers/loops do what their sources say."""

import doctest
import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

PROJECT = Path(__file__).parents[2]


def peer(name):
    spec = importlib.util.spec_from_file_location(f"loops_{name}", PROJECT / f"benches/peers/loops/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rules = peer("rules")


def naive_pattern(words, shortest, longest, copies):
    """Words in when the end is `copies` equal patterns, each length tried after each word."""
    for end in range(1, len(words) + 1):
        for length in range(shortest, longest + 1):
            last = words[max(0, end - length * copies) : end]
            if len(last) == length * copies and last == last[:length] * copies:
                return end
    return None


@given(st.lists(st.sampled_from("ab"), max_size=60), st.integers(1, 4), st.integers(0, 5), st.integers(2, 4))
def test_a_pattern_at_the_end_is_seen_as_by_trying_every_length(words, shortest, more, copies):
    longest = shortest + more
    rule = rules.pattern_at_end(shortest, longest, copies, tokens="chunks")
    assert rule(words) == naive_pattern(words, shortest, longest, copies)


def test_examples_of_the_rules_run():
    assert doctest.testmod(rules).failed == 0


def test_an_equal_chunk_fires_at_its_hundredth_time():
    assert rules.same_chunk()(["word "] * 99) is None
    assert rules.same_chunk()(["word "] * 100) == 500


def test_equal_chunks_of_two_characters_never_fire():
    assert rules.same_chunk()(["ab"] * 1000) is None


def test_an_equal_token_fires_at_its_thirtieth_repeat_and_one():
    assert rules.same_token(30)(["a"] * 31) is None
    assert rules.same_token(30)(["a"] * 32) == 32


def test_a_lone_full_stop_hides_a_loop_from_the_rule_of_gemini_cli():
    sentence = ["The", " chairman", " said", " that", " the", " budget", " will", " be", " reviewed", "."]
    assert rules.clustered_chunk()(sentence * 40) is None
    assert rules.clustered_chunk(arrival=120)(sentence * 40) is not None


def test_nothing_inside_a_fence_is_read_by_the_rule_of_gemini_cli():
    assert rules.clustered_chunk()(["```", *["around and around "] * 40]) is None


@pytest.mark.parametrize("split", ["tune", "judge"])
def test_labels_lie_inside_their_texts(split):
    lines = (PROJECT / f"tests/loops/loops-{split}.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, lines):
        text = "".join(row["text"])
        assert len(row["text"]) == len(row["times_s"]), row["id"]
        if row["kind"] == "exact":
            onset, period = row["onset_char"], row["period_chars"]
            assert 0 < onset < onset + period < len(text), row["id"]
