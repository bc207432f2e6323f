"""``midstream watch`` with a request to a server on loopback."""

import json
import signal
import socket
import subprocess
from importlib import resources

import jsonschema
import pytest

from processes import posix
from tiny_bodies import ANTHROPIC, CHAT, LOOP, OLLAMA, RESPONSES, chat

KEY = "sk-test-0123456789"


@pytest.mark.parametrize(
    ("words", "body", "path", "said"),
    [
        ([], CHAT, "/v1/chat/completions", "It is raining in 東京 🌧.\n"),
        (["--dialect", "openai-responses"], RESPONSES, "/v1/responses", "Good day.\n"),
        (["--dialect", "anthropic-messages", "--model", "m"], ANTHROPIC, "/v1/messages", "Hello.\n"),
        (["--dialect", "ollama", "--model", "m"], OLLAMA, "/api/chat", "Yes.\n"),
    ],
)
def test_a_request_is_sent_in_the_dialect_and_its_text_appears(midstream, serve, words, body, path, said):
    kind = "application/x-ndjson" if body is OLLAMA else "text/event-stream"
    server = serve(pieces=[body], kind=kind)
    done = midstream("watch", "--base-url", server.url, "--prompt", "Speak", *words)
    assert (done.returncode, done.stdout) == (0, said)
    [(asked, _, sent)] = server.asked
    assert asked == path
    assert sent["stream"] is True
    assert "Speak" in json.dumps(sent)
    assert "ending     complete" in done.stderr


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/api/paas/v4", "/api/paas/v4/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/openai/v1/responses", "/openai/v1/responses"),
    ],
)
def test_the_base_url_may_hold_a_part_of_the_path(midstream, serve, base, path):
    server = serve()
    midstream("watch", "--base-url", server.url + base, "--prompt", "x")
    assert [asked[0] for asked in server.asked] == [path]


def test_keys_are_sent_as_the_sdks_send_them_and_never_shown(midstream, serve):
    echo = chat(f"Your key is {KEY}.")
    server = serve(pieces=[echo])
    env = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    done = midstream("watch", "--base-url", server.url, "--prompt", "x", env=env)
    assert server.asked[0][1]["authorization"] == f"Bearer {KEY}"
    assert done.stdout == "Your key is ***.\n"
    words = ["--dialect", "anthropic-messages", "--model", "m"]
    both = midstream("watch", "--base-url", server.url, "--prompt", "x", "--json", *words, env=env)
    assert server.asked[1][1]["x-api-key"] == KEY
    assert server.asked[1][1]["anthropic-version"]
    assert KEY not in done.stdout + done.stderr + both.stdout + both.stderr


def test_a_password_in_the_url_is_never_shown(midstream):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = midstream("watch", "--base-url", f"http://me:hunter2@127.0.0.1:{port}?key=sk-9", "--prompt", "x")
    assert done.returncode == 3
    assert "hunter2" not in done.stderr
    assert "sk-9" not in done.stderr


def test_a_loop_is_stopped_and_the_server_sees_the_client_leave(midstream, serve):
    events = [event + b"\n\n" for event in LOOP.split(b"\n\n") if event]
    server = serve(pieces=events * 10, gap_s=0.01)
    done = midstream("watch", "--base-url", server.url, "--prompt", "x", "--fail-on", "stop")
    assert done.returncode == 1
    assert server.left.wait(5)
    assert done.stdout.startswith("Well. I am done. ")
    assert done.stdout.count("I am done. ") < 15
    assert "midstream: stop: repeat/exact in choice:0/text at character " in done.stderr
    assert "ending     halted" in done.stderr


def test_json_ends_with_the_object_of_analyze(midstream, serve):
    server = serve(pieces=[LOOP])
    done = midstream("watch", "--base-url", server.url, "--prompt", "x", "--json")
    *lines, report = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["type"] for line in lines} == {"event", "finding"}
    assert [line["kind"] for line in lines if line["type"] == "finding"] == ["exact"]
    assert [line["sequence"] for line in lines if line["type"] == "event"] == list(range(report["events"]))
    schema = resources.files("midstream.cli").joinpath("analyze.schema.json").read_text(encoding="utf-8")
    jsonschema.validate(report, json.loads(schema))
    assert report["ending"] == "halted"
    assert report["file"] == f"{server.url}/v1/chat/completions"
    assert report["pace"]["first_byte_s"] > 0


ERROR = json.dumps({"error": {"message": f"Incorrect key {KEY}\nprovided", "type": "invalid"}}).encode()


@pytest.mark.parametrize(
    ("reply", "env", "said"),
    [
        (
            {"status": 401, "kind": "application/json", "pieces": [ERROR]},
            {"OPENAI_API_KEY": KEY},
            "the server refused the key with 401 Unauthorized (Incorrect key *** provided): URL; check OPENAI_API_KEY",
        ),
        (
            {"status": 401, "pieces": []},
            {},
            "the server refused the key with 401 Unauthorized: URL; set OPENAI_API_KEY",
        ),
        (
            {"status": 404, "pieces": [b"<html>"]},
            {},
            "the server answered 404 Not Found: URL; check --base-url, --dialect and --model",
        ),
        (
            {"kind": "text/html; charset=utf-8", "pieces": [b"<html>"]},
            {},
            "the server answered with HTML instead of a stream: URL; check the path of --base-url",
        ),
        ({"status": 500, "pieces": [b"[" * 100_000]}, {}, "the server answered 500 Internal Server Error: URL"),
        (
            {"status": 302, "pieces": [], "headers": [("Location", "https://other.example/?token=abc")]},
            {},
            "the server answered 302 Found and names https://other.example/?token=***: URL; name that place as --base-url",
        ),
    ],
    ids=["401", "401-without-key", "404", "html", "500", "redirect"],
)
def test_a_server_that_refuses_is_one_line_and_exit_code_3(midstream, serve, reply, env, said):
    server = serve(**reply)
    done = midstream("watch", "--base-url", server.url, "--prompt", "x", env=env)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"midstream: {said.replace('URL', server.url + '/v1/chat/completions', 1)}\n"


OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
PAGE = b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"
ANSWERS = [
    (
        "anthropic-messages",
        [b"event: error\ndata: %s\n\n" % OVERLOADED],
        "the provider reported an error (Overloaded): URL",
    ),
    (
        "anthropic-messages",
        [ANTHROPIC[: ANTHROPIC.index(b"event: content_block_stop")], b"event: error\ndata: %s\n\n" % OVERLOADED],
        "the provider reported an error (Overloaded): URL",
    ),
    ("openai-chat", [chat("Half an", finish=None, done=False), b"data: %s\n\n" % OVERLOADED], "(Overloaded): URL"),
    ("openai-chat", [OVERLOADED], "the provider reported an error (Overloaded): URL"),
    ("openai-chat", [b'{"detail":"Not Found"}'], "the provider reported an error (Not Found): URL"),
    ("openai-responses", [json.dumps(json.loads(OVERLOADED), indent=2).encode()], "(Overloaded): URL"),
    ("ollama", [b'{"error":"model not found"}\n'], "the provider reported an error (model not found): URL"),
    (
        "anthropic-messages",
        [b'{"message":"no"}'],
        "the server answered with JSON instead of an answer (no): URL; check ",
    ),
    ("openai-chat", [PAGE], "the server answered with HTML instead of an answer: URL; check the path of --base-url"),
    ("ollama", [PAGE], "the server answered with HTML instead of an answer: URL; check the path of --base-url"),
    (
        "openai-chat",
        [b"Closed for today"],
        "the server answered with text instead of an answer (Closed for today): URL; ",
    ),
    (
        "openai-chat",
        [ANTHROPIC],
        "the server answered in anthropic-messages and not in openai-chat: URL; name --dialect anthropic-messages",
    ),
    ("openai-chat", [b": wait\n\n"], "the stream ended before anything of an answer came: URL"),
    ("openai-chat", [], "the server answered with nothing: URL; check "),
]


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
@pytest.mark.parametrize(("dialect", "pieces", "said"), ANSWERS)
def test_an_error_in_place_of_an_answer_is_told_and_exit_code_3(midstream, serve, dialect, pieces, said, kind):
    server = serve(pieces=pieces, kind=kind)
    words = ["--dialect", dialect, "--model", "m", "--base-url", server.url, "--prompt", "x"]
    done = midstream("watch", *words)
    assert done.returncode == 3
    assert said.replace("URL", server.url + server.asked[0][0]) in done.stderr
    assert "<" not in done.stdout


def test_json_lines_of_an_error_end_with_the_report_and_exit_code_3(midstream, serve):
    server = serve(pieces=[b"data: %s\n\n" % OVERLOADED])
    done = midstream("watch", "--json", "--base-url", server.url, "--prompt", "x")
    *_, error, _, finding, report = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, error["kind"], finding["type"], report["ending"]) == (3, "error", "finding", "failed")


def test_an_error_does_not_show_the_key(midstream, serve):
    server = serve(pieces=[b'{"error":"the key %s is not known"}\n' % KEY.encode()])
    done = midstream("watch", "--base-url", server.url, "--prompt", "x", env={"OPENAI_API_KEY": KEY})
    assert done.returncode == 3
    assert "the provider reported an error (the key *** is not known): " in done.stderr
    assert KEY not in done.stdout + done.stderr


def test_an_unreachable_url_is_one_line_and_exit_code_3(midstream):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = midstream("watch", "--base-url", url, "--prompt", "x")
    assert (done.returncode, done.stdout) == (3, "")
    said = f"cannot reach {url}/v1/chat/completions: connection refused; check --base-url and the server"
    assert done.stderr == f"midstream: {said}\n"


def test_debug_shows_the_traceback_of_an_unreachable_url(midstream):
    done = midstream("watch", "--debug", "--base-url", "http://127.0.0.1:1", "--prompt", "x")
    assert done.returncode == 3
    assert done.stderr.startswith("Traceback")


def test_a_connection_that_breaks_is_truncated_and_exit_code_3(midstream, serve):
    server = serve(pieces=[CHAT[:400]], cut=True)
    done = midstream("watch", "--base-url", server.url, "--prompt", "x")
    assert done.returncode == 3
    assert "midstream: the connection broke: " in done.stderr
    assert "ending     truncated" in done.stderr


@posix
def test_ctrl_c_closes_the_connection(program, serve, tmp_path):
    server = serve(pieces=[CHAT[:400], *[b": still here\n\n"] * 500], gap_s=0.02)
    words = [program, "watch", "--base-url", server.url, "--prompt", "x"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    assert child.stdout.read(5) == b"It is"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert child.returncode == 130
    assert server.left.wait(5)


def test_a_body_that_is_not_compressed_as_its_header_says_ends_with_3(midstream, serve):
    server = serve(headers=[("Content-Encoding", "gzip")])
    done = midstream("watch", "--base-url", server.url, "--prompt", "x")
    assert done.returncode == 3
    assert done.stderr.startswith("midstream: the body is not compressed as its header says: ")
    assert "Traceback" not in done.stderr
