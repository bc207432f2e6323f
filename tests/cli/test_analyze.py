"""``midstream analyze`` as a shell sees it."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

from midstream.stream import Chunk, Recording
from tiny_bodies import CHAT, LOOP, OLLAMA, TEXT, TOOL, chat

GOLDEN = """\
cut.sse
  ending     truncated (cut_tool_call)
  stream     openai-chat over sse, model tiny-1, 4 events, 208 bytes
  tool       9 characters in choice:0/tool:0
  call       search (call_1, cut: must not be executed) {"q": "ra
  tokens     3 out (estimated)
  warn       ending/truncated: the stream stopped inside the arguments of a tool
             call

loop.sse
  ending     complete
  stream     openai-chat over sse, model tiny-1, 45 events, 6,920 bytes
  finish     stop
  text       446 characters in choice:0/text
  tokens     112 out (estimated)
  stop       repeat/exact in choice:0/text at character N: 11 characters
             repeated N times since character N

ollama.ndjson
  ending     complete
  stream     ollama over ndjson, model tiny-2, 5 events, 367 bytes
  finish     stop
  text       4 characters in choice:0/text
  tokens     1 out (estimated)
  pace       4.0 tokens/s; gaps 250 ms median, 250 ms p99, 250 ms longest; 500
             ms in all

rain.sse
  ending     complete
  stream     openai-chat over sse, model tiny-1, 7 events, 728 bytes
  finish     stop
  text       22 characters in choice:0/text
  tokens     9 in, 7 out (reported)

4 recordings: 3 complete, 1 truncated; 1 with stop, 1 with warn
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of four readable recordings."""
    for name, body in {"rain.sse": CHAT, "loop.sse": LOOP, "ollama.ndjson": OLLAMA, "cut.sse": TOOL}.items():
        (tmp_path / name).write_bytes(body)
    return tmp_path


@pytest.fixture(scope="session")
def validator(program):
    schema = json.loads(subprocess.run([program, "analyze", "--schema"], capture_output=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def objects(done, validator):
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    for report in reports:
        validator.validate(report)
    return reports


def test_the_text_report_at_80_columns(midstream, folder):
    done = midstream("analyze", "cut.sse", "loop.sse", "ollama.ndjson", "rain.sse", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.sub(r"(character|repeated) [\d.]+", r"\1 N", done.stdout) == GOLDEN


def test_the_json_line_has_every_key_in_its_order(midstream, folder, validator):
    [report] = objects(midstream("analyze", "--json", "rain.sse", cwd=folder), validator)
    assert list(report) == [
        *("file", "dialect", "framing", "bytes", "events", "error", "ending", "ending_notes", "finish_reasons"),
        *("model", "anomalies", "channels", "tool_calls", "usage", "pace", "findings"),
    ]
    assert report["channels"] == [{"id": "choice:0/text", "kind": "text", "characters": 22}]
    assert report["usage"] == {"input": 9, "output": 7, "reasoning": None, "source": "reported"}
    assert report["pace"] is None
    assert report["anomalies"]["bad_utf8"] == 0


def test_a_finding_says_what_a_live_guard_would_have_done(midstream, folder, validator):
    [report] = objects(midstream("analyze", "--json", "loop.sse", cwd=folder), validator)
    [finding] = report["findings"]
    assert list(finding) == [
        *("check", "kind", "action", "channel", "offset", "onset", "period", "score", "explanation"),
    ]
    assert (finding["check"], finding["kind"], finding["action"]) == ("repeat", "exact", "stop")
    assert (report["ending"], report["bytes"]) == ("complete", len(LOOP))


def test_the_wait_for_the_first_text_is_known_where_times_are(midstream, folder, validator):
    (folder / "rain.times.json").write_text("[0.5, 1.0, 1.5, 2.0, 2.0]")
    [report] = objects(midstream("analyze", "--json", "rain.sse", cwd=folder), validator)
    assert (report["pace"]["first_byte_s"], report["pace"]["first_text_s"]) == (0.5, 1.0)


def test_a_folder_of_good_and_bad_goes_on_and_ends_with_3(midstream, folder, validator):
    (folder / "bad.jsonl").write_text('{"midstream_recording":1}\nnonsense\n')
    (folder / "notes.md").write_text("no recording")
    (folder / "rain.times.json").write_text("[0.5, 1.0, 1.5, 2.0, 2.0]")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "a.txt").write_bytes(TEXT)
    done = midstream("analyze", "--json", folder)
    reports = objects(done, validator)
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "midstream: no recording named; name files, folders, or - for standard input\n"),
        (["--fail-on", "wran", "a"], 'midstream: invalid value "wran" for --fail-on; choose from: "warn", "stop", '),
        (["--jsno", "a"], "midstream: unknown option: --jsno; did you mean --json?\n"),
        (
            ["--dialect", "openai-chta", "a"],
            'midstream: no dialect is named "openai-chta"; did you mean "openai-chat"?',
        ),
        (["--framing", "sseee", "a"], 'midstream: no framing is named "sseee"; did you mean "sse"?'),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(midstream, words, said):
    done = midstream("analyze", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("fail_on", "name", "code"),
    [
        ("never", "loop.sse", 0),
        ("stop", "loop.sse", 1),
        ("warn", "loop.sse", 1),
        ("stop", "cut.sse", 0),
        ("warn", "cut.sse", 1),
        ("warn", "rain.sse", 0),
    ],
)
def test_fail_on_decides_the_exit_code(midstream, folder, fail_on, name, code):
    assert midstream("analyze", "--fail-on", fail_on, name, cwd=folder).returncode == code


def test_a_bad_file_outranks_findings(midstream, folder):
    assert midstream("analyze", "--fail-on", "warn", "loop.sse", "absent", cwd=folder).returncode == 3


def test_standard_input_is_a_recording(midstream, validator):
    done = midstream("analyze", "--json", "-", input=CHAT)
    [report] = [json.loads(line) for line in done.stdout.splitlines()]
    validator.validate(report)
    assert (report["file"], report["dialect"], report["ending"]) == ("-", "openai-chat", "complete")


def test_patterns_are_taken_in_order(midstream, folder, validator):
    reports = objects(midstream("analyze", "--json", "rain.*", "**/*.ndjson", cwd=folder), validator)
    assert [report["file"] for report in reports] == ["rain.sse", "ollama.ndjson"]


def test_names_with_spaces_and_newlines(midstream, tmp_path, validator):
    names = ["a b.sse", "line\nbreak.sse", "[x].sse", "\x1b[31mred.sse"]
    for name in names:
        (tmp_path / name).write_bytes(CHAT)
    done = midstream("analyze", "--json", *names)
    assert [report["file"] for report in objects(done, validator)] == names
    text = midstream("analyze", *names).stdout
    assert "line\\nbreak.sse\n" in text
    assert "\x1b" not in text


def test_a_name_that_is_not_utf_8_is_reported(midstream, tmp_path, validator):
    name = os.fsdecode(b"\xff.sse")
    try:
        (tmp_path / name).write_bytes(CHAT)
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system refuses names that are not UTF-8")
    assert [report["file"] for report in objects(midstream("analyze", "--json", "."), validator)] == ["\ufffd.sse"]
    assert "\ufffd.sse" in midstream("analyze", ".").stdout


def test_markdown_is_a_table_per_recording(midstream, tmp_path):
    (tmp_path / "a|b.sse").write_bytes(CHAT)
    done = midstream("analyze", "--format", "markdown", "a|b.sse")
    assert done.stdout.startswith("## a\\|b.sse\n\n| | |\n| --- | --- |\n| ending | complete |\n| stream | openai-chat")
    assert done.stdout.endswith("| tokens | 9 in, 7 out (reported) |\n\n")


def test_output_is_written_as_a_whole(midstream, folder, tmp_path):
    target = tmp_path / "report.jsonl"
    target.write_text("old")
    done = midstream("analyze", "--json", "--output", target, "rain.sse", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(target.read_text())["ending"] == "complete"
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_output_to_what_is_no_file_is_written_there(midstream, folder):
    done = midstream("analyze", "--json", "--output", "/dev/stdout", "rain.sse", cwd=folder)
    assert json.loads(done.stdout)["ending"] == "complete"
    assert not Path("/dev/stdout").is_file() or Path("/dev/stdout").is_symlink()


def test_a_read_only_directory_is_one_line(midstream, folder):
    """The process file system refuses new files even to root."""
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    done = midstream("analyze", "--output", "/proc/report.txt", "rain.sse", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"midstream: cannot write /proc/report\.txt: .*; name another --output\n", done.stderr)


def test_nothing_is_written_into_the_working_directory(midstream, folder):
    before = sorted(folder.iterdir())
    midstream("analyze", ".", cwd=folder)
    assert sorted(folder.iterdir()) == before


def test_a_closed_pipe_ends_quietly(program, folder):
    command = f"'{program}' analyze --json {'. ' * 300} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    first, code = done.stdout.splitlines()
    assert json.loads(first)["file"] == "cut.sse"
    assert (code, done.stderr) == ("141", "")


@pytest.mark.parametrize(
    ("body", "ending", "anomalies"),
    [
        (b"", "truncated", {}),
        (b"caf\xe9 au lait, s'il vous pla\xeet\n", "complete", {"bad_utf8": 1}),
        (b"\xff\xfe\x00\x80", "complete", {}),
        (b"data: " + b"[" * 1_000_000 + b"\n\n", None, {}),
        (b'{"object":"chat.completion.chunk","choices":' + b"[" * 1_000_000 + b"\n", "truncated", {}),
        (b"<!DOCTYPE html><html><body>Not here</body></html>", "complete", {}),
        (TEXT, "complete", {}),
    ],
    ids=["empty", "latin-1", "binary", "nested-sse", "nested-ndjson", "html", "text"],
)
def test_bad_input_has_a_verdict(midstream, tmp_path, validator, body, ending, anomalies):
    (tmp_path / "a.bin").write_bytes(body)
    done = midstream("analyze", "--json", "a.bin")
    assert (done.returncode, done.stderr) == (0, "")
    [report] = objects(done, validator)
    assert report["bytes"] == len(body)
    assert ending is None or report["ending"] == ending
    for name, least in anomalies.items():
        assert report["anomalies"][name] >= least


def test_a_wrong_dialect_is_told(midstream, folder, validator):
    done = midstream("analyze", "--json", "--dialect", "anthropic-messages", "rain.sse", cwd=folder)
    [report] = objects(done, validator)
    assert report["channels"] == []
    assert re.fullmatch(
        r"midstream: \d+ events are not anthropic-messages; leave --dialect out to have it detected: rain\.sse\n",
        done.stderr,
    )


def test_a_recording_that_was_cut_says_so(midstream, tmp_path, validator):
    Recording(chunks=[Chunk(0, CHAT)], framing="sse", dialect="openai-chat", end=None).save(tmp_path / "a.jsonl")
    [report] = objects(midstream("analyze", "--json", "a.jsonl"), validator)
    assert report["ending_notes"] == ["abrupt_close", "recording_cut"]


def test_an_unreadable_file_is_not_a_traceback(midstream, tmp_path):
    (tmp_path / "loop.sse").symlink_to("loop.sse")
    done = midstream("analyze", "loop.sse")
    assert done.returncode == 3
    assert done.stderr == "midstream: too many levels of symbolic links: loop.sse\n"


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
            ["python3", "-c", script, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False, cwd=tmp_path
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


def test_every_recording_meets_the_schema(midstream, data, validator):
    done = midstream("analyze", "--json", data / "streams", cwd=data)
    reports = objects(done, validator)
    assert len(reports) > 100
    assert done.returncode == 0
    assert all(report["error"] is None for report in reports)


def test_the_examples_of_the_help_run(midstream, folder):
    (folder / "answer.sse").write_bytes(chat("Yes."))
    (folder / "recordings").mkdir()
    (folder / "recordings" / "a.sse").write_bytes(CHAT)
    lines = midstream("analyze", "--help").stdout.splitlines()
    examples = [line.strip() for line in lines if line.startswith("    midstream ")]
    assert len(examples) == 3
    for example in examples:
        done = subprocess.run(
            ["bash", "-c", example.replace("midstream", "$PROGRAM", 1)],
            cwd=folder,
            env=os.environ | {"PROGRAM": subprocess.list2cmdline([midstream.program])},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b""), example


def test_ctrl_c_ends_with_130_and_leaves_no_file(program, tmp_path):
    words = [program, "analyze", "--output", "report.txt", "-"]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    while not list(tmp_path.iterdir()):
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert (child.returncode, said) == (130, b"")
    assert list(tmp_path.iterdir()) == []


def on_a_terminal(words, cwd, **more):
    """What a terminal of 80 columns shows of a program."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm", "COLUMNS": "80"}
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=cwd, env=env | more)
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 65_536)
        except OSError:  # Linux says so when the last writer is gone
            break
        if not block:
            break
        shown += block
    os.close(ours)
    assert child.wait(30) == 0
    return shown.decode()


def test_a_person_gets_colour(program, folder):
    shown = on_a_terminal([program, "analyze", "rain.sse", "loop.sse"], folder)
    assert "\x1b[32mcomplete" in shown
    assert "\x1b[31mrepeat/exact in choice:0/text" in shown


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_a_person_who_wants_none_gets_no_colour(program, folder, plain):
    shown = on_a_terminal([program, "analyze", "rain.sse"], folder, **plain)
    assert "\x1b" not in shown
    assert shown.startswith("rain.sse\r\n  ending     complete\r\n")


def test_what_takes_a_second_shows_a_bar(program, tmp_path):
    script = "while :; do printf 'It is raining again, %s.\\n' $RANDOM; sleep 0.01; done | head -c 5000"
    words = ["bash", "-c", f"({script}) | PYTHONUNBUFFERED=1 '{program}' analyze -"]
    shown = on_a_terminal(words, tmp_path)
    assert "reading" in shown
    assert "complete" in shown
