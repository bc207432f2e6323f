"""A disk that is slow, full or late does not delay a stream, and costs nothing of its recording."""

import gc
import io
import subprocess
import sys
import threading
import weakref

import pytest

import bodies
import midstream
from midstream.stream import Recording, backlog

CHUNKS = bodies.chat([f"word {number}, " for number in range(200)])
WORKER = "midstream-record"


def workers():
    return [thread for thread in threading.enumerate() if thread.name == WORKER]


class Disk(io.BytesIO):
    """Takes nothing before it is let."""

    def __init__(self):
        super().__init__()
        self.lets = threading.Event()
        self.asked = threading.Event()

    def write(self, block):
        self.asked.set()
        assert self.lets.wait(30)
        return super().write(block)


def body(recording):
    return b"".join(chunk.data for chunk in recording.chunks)


def test_a_disk_that_takes_nothing_does_not_delay_the_stream():
    disk = Disk()
    watched = midstream.watch(iter(CHUNKS), record=disk)
    got = [next(watched) for _ in range(len(CHUNKS) - 1)]
    assert disk.asked.wait(30)
    assert got == CHUNKS[:-1]
    disk.lets.set()
    assert list(watched) == CHUNKS[-1:]
    assert body(Recording.load(disk.getvalue())) == b"".join(CHUNKS)


def test_the_end_waits_for_what_is_not_written_yet():
    disk = Disk()
    watched = midstream.watch(iter(CHUNKS), record=disk)
    threading.Timer(0.2, disk.lets.set).start()
    assert list(watched) == CHUNKS
    assert Recording.load(disk.getvalue()).complete
    assert workers() == []


def test_where_too_much_waits_the_reader_waits_and_says_so_once(monkeypatch):
    monkeypatch.setattr(backlog, "MOST", 4_000)
    disk = Disk()
    threading.Timer(0.3, disk.lets.set).start()
    with pytest.warns(RuntimeWarning, match=r"was written slowly, and the stream waited for it: \d+ times") as told:
        assert list(midstream.watch(iter(CHUNKS), record=disk)) == CHUNKS
    assert len(told) == 1
    assert body(Recording.load(disk.getvalue())) == b"".join(CHUNKS)


def test_an_error_of_a_disk_is_told_once_and_costs_no_item():
    class Full(io.BytesIO):
        def write(self, block):
            raise OSError(28, "No space left on device")

    with pytest.warns(RuntimeWarning, match="ends early, and the stream goes on: no space left") as told:
        assert list(midstream.watch(iter(CHUNKS), record=Full())) == CHUNKS
    assert len(told) == 1


@pytest.mark.parametrize("how", ["close", "with", "garbage"])
def test_a_stream_that_is_given_up_leaves_a_whole_recording(tmp_path, how):
    watched = midstream.watch(iter(CHUNKS), record=tmp_path / "a.jsonl")
    for _ in range(50):
        next(watched)
    if how == "close":
        watched.close()
    elif how == "with":
        with watched:
            pass
    else:
        gone = weakref.ref(watched)
        del watched
        gc.collect()
        assert gone() is None
    recording = Recording.load(tmp_path / "a.jsonl")
    assert (recording.end, body(recording)) == ("client_left", b"".join(CHUNKS[:50]))
    assert workers() == []


LEFT = """
import sys
import bodies, midstream
chunks = bodies.chat([f"word {number}, " for number in range(200)])
watched = midstream.watch(iter(chunks), record=sys.argv[1])
for _ in range(50):
    next(watched)
"""


def test_a_stream_that_runs_when_the_interpreter_ends_leaves_a_whole_recording(tmp_path):
    env = {"PYTHONPATH": ":".join(sys.path)}
    words = [sys.executable, "-c", LEFT, str(tmp_path / "a.jsonl")]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    recording = Recording.load(tmp_path / "a.jsonl")
    assert (recording.end, len(recording.chunks)) == ("client_left", 50)


def test_without_a_thread_the_reader_writes(monkeypatch):
    def start(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    file = io.BytesIO()
    assert list(midstream.watch(iter(CHUNKS), record=file)) == CHUNKS
    assert body(Recording.load(file.getvalue())) == b"".join(CHUNKS)


def test_what_waits_is_written_when_nothing_comes(tmp_path, monkeypatch):
    written = threading.Event()

    class File(io.BytesIO):
        def flush(self):
            if self.tell():
                written.set()
            super().flush()

    monkeypatch.setattr("midstream.stream.recorder.FLUSH_NS", 10_000_000)
    watched = midstream.watch(iter(CHUNKS), record=File())
    next(watched)
    next(watched)
    assert written.wait(30)
    watched.close()


def test_no_secret_reaches_the_disk_when_a_stream_is_given_up(tmp_path):
    watched = midstream.watch(iter(["Ask jane.d", "oe@example.org, or jane.smi"]), record=tmp_path / "a.jsonl")
    next(watched)
    next(watched)
    del watched
    gc.collect()
    text = (tmp_path / "a.jsonl").read_text()
    assert "[EMAIL]" in text
    assert "doe" not in text
