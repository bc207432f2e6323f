"""Compressed recordings."""

import io
import sys

import pytest

import bodies
import midstream
from midstream.errors import MissingExtra, RecordingError
from midstream.stream import Recording, compressed, replay

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    zstd = pytest.importorskip("backports.zstd", reason="pip install 'midstream[zstd]'")

BODY = b"".join(bodies.chat(["It is ", "raining", " in Kyoto."]))


def test_a_recording_is_written_and_read_compressed(tmp_path):
    recording = Recording(chunks=[(5, BODY)], framing="sse", dialect="openai-chat")
    recording.save(tmp_path / "a.jsonl.zst")
    assert (tmp_path / "a.jsonl.zst").read_bytes().startswith(compressed.MAGIC)
    assert Recording.load(tmp_path / "a.jsonl.zst") == recording
    assert Recording.load((tmp_path / "a.jsonl.zst").read_bytes()) == recording


def test_a_stream_is_recorded_compressed(tmp_path):
    list(midstream.watch(iter([BODY]), record=tmp_path / "a.jsonl.zst"))
    assert replay(Recording.load(tmp_path / "a.jsonl.zst")).ending == "complete"


def test_compressed_bodies_are_told_from_their_first_bytes_whatever_their_name(tmp_path):
    (tmp_path / "a.sse").write_bytes(zstd.compress(BODY))
    assert replay(Recording.load(tmp_path / "a.sse")).bytes == len(BODY)


def test_times_stand_beside_a_compressed_body(tmp_path):
    (tmp_path / "a.sse.zst").write_bytes(zstd.compress(BODY))
    (tmp_path / "a.times.json").write_text("[1, 2, 3, 4, 5, 6]")
    assert Recording.load(tmp_path / "a.sse.zst").chunks[0].t_ns == 10**9


def test_frames_that_follow_each_other_are_one_body():
    assert replay(Recording.load(zstd.compress(BODY[:99]) + zstd.compress(BODY[99:]))).ending == "complete"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (zstd.compress(BODY)[:-9], "ends inside a frame: the file was cut"),
        (zstd.compress(BODY) + b"garbage", "cannot be unfolded"),
        (compressed.MAGIC + b"\xff" * 40, "cannot be unfolded"),
        (compressed.MAGIC, "ends inside a frame"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(data, said):
    with pytest.raises(RecordingError, match=said) as caught:
        Recording.load(data)
    assert caught.value.line >= 1


def test_every_cut_is_an_error_and_none_a_crash():
    data = zstd.compress(BODY)
    for end in range(4, len(data)):
        with pytest.raises(RecordingError):
            Recording.load(data[:end])


def test_what_unfolds_to_too_much_is_given_up(monkeypatch):
    monkeypatch.setattr(compressed, "MOST", 1 << 20)
    with pytest.raises(RecordingError, match="unfolds to more than"):
        Recording.load(zstd.compress(b"data: {}\n\n" * (1 << 20)))


def test_reading_a_bomb_takes_little_memory():
    unfolding = compressed.plain(io.BytesIO(zstd.compress(bytes(64 << 20))))
    buffer = bytearray(1 << 16)
    assert unfolding.readinto(buffer) <= len(buffer)


def test_without_the_package_its_install_line_is_named(monkeypatch, tmp_path):
    name = "compression" if sys.version_info >= (3, 14) else "backports"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"pip install 'midstream\[zstd\]'"):
        Recording.load(zstd.compress(BODY))
    with pytest.raises(MissingExtra):
        midstream.watch(iter([BODY]), record=tmp_path / "a.jsonl.zst")
