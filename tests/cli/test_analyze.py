"""``midstream analyze``: what it reports."""

import re

import pytest

from midstream.stream import Chunk, Recording
from tiny_bodies import CHAT, LOOP, TEXT

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


def test_the_text_report_at_80_columns(midstream, folder):
    done = midstream("analyze", "cut.sse", "loop.sse", "ollama.ndjson", "rain.sse", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.sub(r"(character|repeated) [\d.]+", r"\1 N", done.stdout) == GOLDEN


def test_the_json_line_has_every_key_in_its_order(midstream, folder, objects):
    [report] = objects(midstream("analyze", "--json", "rain.sse", cwd=folder))
    assert list(report) == [
        *("file", "dialect", "framing", "bytes", "events", "error", "ending", "ending_notes", "finish_reasons"),
        *("model", "anomalies", "channels", "tool_calls", "usage", "pace", "findings"),
    ]
    assert report["channels"] == [{"id": "choice:0/text", "kind": "text", "characters": 22}]
    assert report["usage"] == {"input": 9, "output": 7, "reasoning": None, "source": "reported"}
    assert report["pace"] is None
    assert report["anomalies"]["bad_utf8"] == 0


def test_a_finding_says_what_a_live_guard_would_have_done(midstream, folder, objects):
    [report] = objects(midstream("analyze", "--json", "loop.sse", cwd=folder))
    [finding] = report["findings"]
    assert list(finding) == [
        *("check", "kind", "action", "channel", "offset", "onset", "period", "score", "explanation"),
    ]
    assert (finding["check"], finding["kind"], finding["action"]) == ("repeat", "exact", "stop")
    assert (report["ending"], report["bytes"]) == ("complete", len(LOOP))


def test_the_wait_for_the_first_text_is_known_where_times_are(midstream, folder, objects):
    (folder / "rain.times.json").write_text("[0.5, 1.0, 1.5, 2.0, 2.0]")
    [report] = objects(midstream("analyze", "--json", "rain.sse", cwd=folder))
    assert (report["pace"]["first_byte_s"], report["pace"]["first_text_s"]) == (0.5, 1.0)


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


def test_markdown_is_a_table_per_recording(midstream, tmp_path):
    (tmp_path / "a|b.sse").write_bytes(CHAT)
    done = midstream("analyze", "--format", "markdown", "a|b.sse")
    assert done.stdout.startswith("## a\\|b.sse\n\n| | |\n| --- | --- |\n| ending | complete |\n| stream | openai-chat")
    assert done.stdout.endswith("| tokens | 9 in, 7 out (reported) |\n\n")


@pytest.mark.parametrize(
    ("body", "ending", "anomalies"),
    [
        (b"", "truncated", {}),
        (b"caf\xe9 au lait, s'il vous pla\xeet\n", "complete", {"bad_utf8": 1}),
        (b"\xff\xfe\x00\x80", "complete", {}),
        (b"data: " + b"[" * 1_000_000 + b"\n\n", "truncated", {"too_deep": 1}),
        (
            b'{"object":"chat.completion.chunk","choices":' + b"[" * 1_000_000 + b"\n",
            "truncated",
            {"unterminated_event": 1},
        ),
        (b"<!DOCTYPE html><html><body>Not here</body></html>", "failed", {}),
        (TEXT, "complete", {}),
    ],
    ids=["empty", "latin-1", "binary", "nested-sse", "nested-ndjson", "html", "text"],
)
def test_bad_input_has_a_verdict(midstream, tmp_path, objects, body, ending, anomalies):
    (tmp_path / "a.bin").write_bytes(body)
    done = midstream("analyze", "--json", "a.bin")
    assert (done.returncode, done.stderr) == (0, "")
    [report] = objects(done)
    assert report["bytes"] == len(body)
    assert ending is None or report["ending"] == ending
    for name, least in anomalies.items():
        assert report["anomalies"][name] >= least


@pytest.mark.parametrize("dialect", ["anthropic-messages", "ollama", "openai-completions", "text"])
def test_a_wrong_dialect_is_told(midstream, folder, objects, dialect):
    done = midstream("analyze", "--json", "--dialect", dialect, "rain.sse", cwd=folder)
    [report] = objects(done)
    assert (report["dialect"], report["anomalies"]["wrong_dialect"]) == (dialect, 1)
    told = f"728 bytes were read as {dialect} and look like openai-chat; name that, or leave --dialect out: rain.sse"
    assert done.stderr == f"midstream: {told}\n"


def test_a_recording_that_was_cut_says_so(midstream, tmp_path, objects):
    Recording(chunks=[Chunk(0, CHAT)], framing="sse", dialect="openai-chat", end=None).save(tmp_path / "a.jsonl")
    [report] = objects(midstream("analyze", "--json", "a.jsonl"))
    assert report["ending_notes"] == ["abrupt_close", "recording_cut"]


def test_every_recording_meets_the_schema(midstream, data, objects):
    done = midstream("analyze", "--json", data / "streams", cwd=data)
    reports = objects(done)
    assert len(reports) > 100
    assert done.returncode == 0
    assert all(report["error"] is None for report in reports)
