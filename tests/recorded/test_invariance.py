"""The borders that a network puts into a stream change times, and nothing else."""

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midstream.stream import Guard, Settings

SEEDS = (1, 2, 3)


def by_bytes(body):
    return range(len(body) + 1)


def by_lines(body):
    return [0, *(at + 1 for at, byte in enumerate(body) if byte == 0x0A), len(body)]


def at_random(seed):
    def cuts(body):
        dice, places = random.Random(seed * 1_000_003 + len(body)), [0]
        while places[-1] < len(body):
            places.append(min(len(body), places[-1] + dice.choice((1, 2, 3, 7, 40, 300))))
        return places

    return cuts


def whole(body):
    return [0, len(body)]


CUTS = {"bytes": by_bytes, "lines": by_lines} | {f"random-{seed}": at_random(seed) for seed in SEEDS}


def plain(value):
    """A field of an event, comparable."""
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def seen(body, places, settings):
    """Everything a guard makes of a body cut at `places`, and the bytes it passes on."""
    guard, events, findings, forwarded = Guard(settings), [], [], bytearray()

    def take(decision):
        for event in decision.events:
            fields = {name: plain(field) for name, field in event.fields.items()}
            events.append((event.kind, event.sequence, event.channel, event.text, event.span, fields))
        findings.extend(repr(finding) for finding in decision.findings)

    for start, end in pairwise(places):
        if start < end:
            decision = guard.feed(body[start:end], 0)
            forwarded += decision.forward
            take(decision)
    decision, summary = guard.finish("clean", 0)
    take(decision)
    return events, findings, json.loads(summary.to_json()), bytes(forwarded)


@pytest.fixture(scope="session")
def bodies(data):
    paths = [path for path in sorted((data / "streams").glob("*/*")) if not path.name.endswith(".times.json")]
    assert paths
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths}


@pytest.fixture(scope="session")
def uncut(bodies):
    return {name: seen(body, whole(body), Settings(shadow=True)) for name, body in bodies.items()}


@pytest.mark.parametrize("cut", CUTS)
def test_a_recording_means_the_same_at_every_cut(bodies, uncut, cut):
    for name, body in bodies.items():
        events, findings, summary, forwarded = seen(body, CUTS[cut](body), Settings(shadow=True))
        expected = uncut[name]
        for number, (event, wanted) in enumerate(zip(events, expected[0], strict=False)):
            assert event == wanted, f"{name}: event {number}"
        assert len(events) == len(expected[0]), name
        assert (findings, summary) == expected[1:3], name
        assert forwarded == body, name


@pytest.mark.parametrize("cut", CUTS)
def test_a_recording_is_stopped_at_the_same_byte_at_every_cut(bodies, cut):
    stopped = 0
    for name, body in bodies.items():
        expected = seen(body, whole(body), Settings())
        assert seen(body, CUTS[cut](body), Settings()) == expected, name
        assert body.startswith(expected[3]), name
        stopped += len(expected[3]) < len(body)
    assert stopped > 0


FRAGMENTS = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=12),
        st.sampled_from(["好", "的。", "日本語", "😀", "👨‍👩‍👧", "é", "\n", '"', "\\", "I am done. " * 3, "\u2028"]),
    ),
    min_size=1,
    max_size=12,
)


def chunk_of_chat(text, ascii_only):
    delta = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]}
    return json.dumps(delta, ensure_ascii=ascii_only)


@st.composite
def server_sent_events(draw):
    """A chat stream with every end of line, comments, a mark at its start, and the text it holds."""
    end, ascii_only, texts = draw(st.sampled_from(["\n", "\r\n", "\r"])), draw(st.booleans()), draw(FRAGMENTS)
    parts = ["\ufeff"] if draw(st.booleans()) else []
    for text in texts:
        if draw(st.booleans()):
            parts.append(f": ping{end}{end}")
        space = " " if draw(st.booleans()) else ""
        parts.append(f"data:{space}{chunk_of_chat(text, ascii_only)}{end}{end}")
    done = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    parts.append(f"data: {json.dumps(done)}{end}{end}data: [DONE]{end}{end}")
    return "".join(parts).encode(), "".join(texts)


@st.composite
def lines_of_json(draw):
    """An Ollama stream and the text it holds."""
    end, ascii_only, texts = draw(st.sampled_from(["\n", "\r\n"])), draw(st.booleans()), draw(FRAGMENTS)
    messages = [{"model": "m", "message": {"role": "assistant", "content": text}, "done": False} for text in texts]
    messages.append(
        {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    )
    return "".join(json.dumps(message, ensure_ascii=ascii_only) + end for message in messages).encode(), "".join(texts)


@given(stream=st.one_of(server_sent_events(), lines_of_json()), data=st.data())
def test_a_generated_stream_means_the_same_at_every_cut(stream, data):
    body, text = stream
    places = sorted({0, len(body), *data.draw(st.lists(st.integers(0, len(body)), max_size=30))})
    for settings in (Settings(shadow=True), Settings()):
        expected = seen(body, whole(body), settings)
        assert seen(body, places, settings) == expected
        assert seen(body, by_bytes(body), settings) == expected
    events, _, summary, forwarded = seen(body, places, Settings(shadow=True))
    assert "".join(event[3] for event in events if event[0] == "text") == text
    assert summary["ending"] == "complete"
    assert forwarded == body


@given(body=st.binary(max_size=300), data=st.data())
def test_any_bytes_mean_the_same_at_every_cut(body, data):
    places = sorted({0, len(body), *data.draw(st.lists(st.integers(0, len(body)), max_size=30))})
    expected = seen(body, whole(body), Settings(shadow=True))
    events, findings, summary, forwarded = seen(body, places, Settings(shadow=True))
    assert forwarded == body
    assert (findings, summary["ending"], summary["bytes"]) == (expected[1], expected[2]["ending"], len(body))
    assert joined(events) == joined(expected[0])


def joined(events):
    """The decoded text of each channel: plain text has no events of its own, a fragment is what came at once."""
    texts = {}
    for _, _, channel, text, _, _ in events:
        texts[channel] = texts.get(channel, "") + (text or "")
    return texts
