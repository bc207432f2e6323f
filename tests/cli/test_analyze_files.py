"""``midstream analyze``: what it reads."""

import json
import os
import subprocess
import sys

import pytest

from processes import posix
from tiny_bodies import CHAT, TEXT


def test_a_folder_of_good_and_bad_goes_on_and_ends_with_3(midstream, folder, objects):
    (folder / "bad.jsonl").write_text('{"midstream_recording":1}\nnonsense\n')
    (folder / "notes.md").write_text("no recording")
    (folder / "rain.times.json").write_text("[0.5, 1.0, 1.5, 2.0, 2.0]")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "a.txt").write_bytes(TEXT)
    done = midstream("analyze", "--json", folder)
    reports = objects(done)
    names = ["bad.jsonl", "cut.sse", "loop.sse", "ollama.ndjson", "rain.sse", "deeper/a.txt"]
    assert [report["file"] for report in reports] == [str(folder / name) for name in names]
    assert reports[0]["error"] == "line 2 is not JSON: expecting value at column 1"
    assert reports[0]["ending"] is None
    assert [report["ending"] for report in reports[1:]] == ["truncated", *["complete"] * 4]
    assert done.returncode == 3
    assert done.stderr == f"midstream: line 2 is not JSON: expecting value at column 1: {folder / 'bad.jsonl'}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["absent.sse"], "midstream: no such file or directory: absent.sse\n"),
        (["*.nothing"], "midstream: no file matches: *.nothing\n"),
        (["empty"], "midstream: no recording in this folder; looked for .bin, .json"),
    ],
)
def test_what_is_not_there_is_one_line_and_exit_code_3(midstream, tmp_path, words, said):
    (tmp_path / "empty").mkdir()
    done = midstream("analyze", *words)
    assert done.returncode == 3
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_standard_input_is_a_recording(midstream, objects):
    done = midstream("analyze", "--json", "-", input=CHAT)
    [report] = objects(done)
    assert (report["file"], report["dialect"], report["ending"]) == ("-", "openai-chat", "complete")


def test_patterns_are_taken_in_order(midstream, folder, objects):
    reports = objects(midstream("analyze", "--json", "rain.*", "**/*.ndjson", cwd=folder))
    assert [report["file"] for report in reports] == ["rain.sse", "ollama.ndjson"]


@pytest.mark.parametrize(
    "listing", ['{"file": "rain.sse", "bytes": 728}\n' * 3, '{\n  "name": "settings"\n}\n', '[\n  {"a": 1}\n]\n']
)
def test_a_listing_in_a_folder_is_no_recording(midstream, folder, objects, listing):
    (folder / "index.jsonl").write_text(listing)
    done = midstream("analyze", "--json", folder)
    assert "index.jsonl" not in [report["file"].rpartition("/")[2] for report in objects(done)]
    assert (done.returncode, done.stderr) == (0, f"midstream: no recording, left out: {folder / 'index.jsonl'}\n")
    named = midstream("analyze", "--json", "index.jsonl", cwd=folder)
    assert [report["ending_notes"] for report in objects(named)] == [["no_end_mark", "unknown_format"]]


def test_a_folder_of_listings_alone_is_exit_code_3(midstream, tmp_path):
    (tmp_path / "package.json").write_text('{"name": "x"}')
    done = midstream("analyze", ".")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "midstream: no recording, left out: package.json\n"


@posix
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("/dev/zero", "this is a device: /dev/zero"),
        ("/dev/null", "this is a device: /dev/null"),
        ("- </dev/zero", "standard input is a device: -"),
        ("silent", "nobody writes to this pipe: silent"),
    ],
)
def test_what_has_no_end_is_refused(program, tmp_path, words, said):
    os.mkfifo(tmp_path / "silent")
    script = f"'{program}' analyze {words}"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (3, f"midstream: {said}\n")


@posix
@pytest.mark.parametrize(
    "script",
    [
        "$PROGRAM analyze --json <(cat rain.sse)",
        "$PROGRAM analyze --json <(sleep 4; cat rain.sse)",
        "cat rain.sse | $PROGRAM analyze --json /dev/stdin",
        "mkfifo named; (sleep 0.5; cat rain.sse >named) & $PROGRAM analyze --json named",
        "mkfifo named; (exec 3>named; sleep 4; cat rain.sse >&3) & $PROGRAM analyze --json named",
    ],
)
def test_pipes_are_read_however_late(program, folder, script):
    env = os.environ | {"PROGRAM": program}
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    report = json.loads(done.stdout)
    assert (report["ending"], report["bytes"]) == ("complete", len(CHAT))


def test_null_as_standard_input_is_empty(midstream, objects):
    [report] = objects(midstream("analyze", "--json", "-", stdin=subprocess.DEVNULL))
    assert (report["bytes"], report["ending"]) == (0, "truncated")


@posix
def test_names_with_spaces_and_newlines(midstream, tmp_path, objects):
    names = ["a b.sse", "line\nbreak.sse", "[x].sse", "\x1b[31mred.sse"]
    for name in names:
        (tmp_path / name).write_bytes(CHAT)
    done = midstream("analyze", "--json", *names)
    assert [report["file"] for report in objects(done)] == names
    text = midstream("analyze", *names).stdout
    assert "line\\nbreak.sse\n" in text
    assert "\x1b" not in text


def test_a_name_that_is_not_utf_8_is_reported(midstream, tmp_path, objects):
    name = os.fsdecode(b"\xff.sse")
    try:
        (tmp_path / name).write_bytes(CHAT)
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system refuses names that are not UTF-8")
    assert [report["file"] for report in objects(midstream("analyze", "--json", "."))] == ["\ufffd.sse"]
    assert "\ufffd.sse" in midstream("analyze", ".").stdout


@posix
def test_an_unreadable_file_is_not_a_traceback(midstream, tmp_path):
    (tmp_path / "loop.sse").symlink_to("loop.sse")
    done = midstream("analyze", "loop.sse")
    assert done.returncode == 3
    assert done.stderr == "midstream: too many levels of symbolic links: loop.sse\n"


@posix
@pytest.mark.slow
def test_a_line_of_64_mib_is_read_in_bounded_memory(program, tmp_path):
    """A guard keeps at most 8 MiB of an unfinished event, and the reader one block."""
    script = f"""
import resource, subprocess, sys
done = subprocess.run([{program!r}, "analyze", "--json", *sys.argv[1:]], stdin=sys.stdin, capture_output=True, text=True)
print(done.stdout, done.stderr, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, sep="\\n")
"""
    head = CHAT.replace(b"data: [DONE]\n\n", b"")

    def peak_kib(pieces):
        child = subprocess.Popen(
            [sys.executable, "-c", script, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False, cwd=tmp_path
        )
        for piece in pieces:
            child.stdin.write(piece)
        child.stdin.close()
        out = child.stdout.read().decode().splitlines()
        child.wait()
        return json.loads(out[0]), int(out[-1])

    small, before = peak_kib([head, b"data: [DONE]\n\n"])
    block = b"x" * (1 << 20)
    long, after = peak_kib([head, b'data: {"object":"', *[block] * 64, b'"}\n\n', b"data: [DONE]\n\n"])
    assert (small["ending"], long["ending"]) == ("complete", "complete")
    assert long["bytes"] > 64 << 20
    assert long["anomalies"]["limit"] == 1
    assert after - before < 40 * 1024
