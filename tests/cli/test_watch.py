"""``midstream watch`` as a shell sees it, against a server on loopback and real commands."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

import jsonschema
import pytest

from tiny_bodies import CHAT, LOOP, OLLAMA, chat

KEY = "sk-test-0123456789"
ANTHROPIC = b"".join(
    b"event: %s\ndata: %s\n\n" % (json.loads(data)["type"].encode(), data)
    for data in [
        b'{"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"tiny-3",'
        b'"content":[],"usage":{"input_tokens":3,"output_tokens":1}}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello."}}',
        b'{"type":"content_block_stop","index":0}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}',
        b'{"type":"message_stop"}',
    ]
)
RESPONSES = b"".join(
    b"event: %s\ndata: %s\n\n" % (json.loads(data)["type"].encode(), data)
    for data in [
        b'{"type":"response.created","sequence_number":0,"response":{"id":"r1","model":"tiny-4","status":"in_progress"}}',
        b'{"type":"response.output_text.delta","sequence_number":1,"item_id":"i1","output_index":0,"content_index":0,'
        b'"delta":"Good day."}',
        b'{"type":"response.completed","sequence_number":2,"response":{"id":"r1","model":"tiny-4","status":"completed",'
        b'"usage":{"input_tokens":2,"output_tokens":3}}}',
    ]
)


class Server(ThreadingHTTPServer):
    """Answers every request with `reply`, keeps what it was asked, and sees whether the client left."""

    daemon_threads = True

    def __init__(self, status=200, kind="text/event-stream", pieces=(CHAT,), gap_s=0.0, cut=False, headers=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = (status, kind, pieces, gap_s, cut, headers)
        self.asked = []
        self.left = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        status, kind, pieces, gap_s, cut, headers = self.server.reply
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, dict(self.headers.items()), json.loads(body)))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
                time.sleep(gap_s)
            if not cut:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.server.left.set()
        self.close_connection = True

    def log_message(self, *_):
        pass


def running(group):
    """Processes of a group that are left; what is dead and waits for init does not count."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [row for row in rows if row[0] == str(group) and not row[1].startswith("Z")]


@pytest.fixture
def serve():
    """Start servers that end with the test."""
    servers = []

    def serve(**options):
        server = Server(**options)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to watch; name --base-url URL and --prompt, or a command behind --"),
        (["--base-url", "http://x"], "no prompt; name --prompt TEXT"),
        (["--base-url", "x", "--prompt", "y"], "--base-url is no URL; it begins with http:// or https://"),
        (["--base-url", "http://[x", "--prompt", "y"], "--base-url is no URL: invalid ipv6 url"),
        (["--base-url", "http://x", "--", "cat"], "both a command and --base-url are named; name one"),
        (["--base-url", "http://x/api/chat", "--prompt", "y"], "no model named; ollama needs --model"),
        (["--", "no-such-command-here"], "no such command: no-such-command-here"),
        (["--", "/"], "cannot run /: permission denied"),
        (["--bse-url", "x"], "unknown option: --bse-url; did you mean --base-url?"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(midstream, words, said):
    done = midstream("watch", *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"midstream: {said}\n")


def test_a_commands_output_passes_byte_for_byte(midstream, tmp_path):
    body = CHAT + b"\xff\x00\x1b[31m"
    (tmp_path / "a b.sse").write_bytes(body)
    done = midstream("watch", "--", "cat", "a b.sse", text=False)
    assert (done.returncode, done.stdout) == (0, body)
    assert b"openai-chat over sse" in done.stderr


def test_a_command_that_loops_is_ended(midstream):
    script = "while :; do printf 'I am done. '; sleep 0.01; done"
    done = midstream("watch", "--fail-on", "stop", "--", "sh", "-c", script)
    assert done.returncode == 1
    assert set(done.stdout.split("I am done. ")) == {""}
    assert done.stdout.count("I am done. ") < 15


def test_a_command_that_ignores_term_is_killed_after_two_seconds(midstream):
    script = "trap '' TERM; echo $$; while :; do printf 'I am done. '; sleep 0.01; done"
    started = time.monotonic()
    done = midstream("watch", "--", "sh", "-c", script)
    assert 2.0 < time.monotonic() - started < 20.0
    assert not running(int(done.stdout.split()[0]))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo hi; exit 4", "midstream: the command ended with status 4: sh\n"),
        ("echo hi; kill -9 $$", "midstream: the command was ended by SIGKILL: sh\n"),
    ],
)
def test_a_command_that_fails_is_told_and_exit_code_3(midstream, script, said):
    done = midstream("watch", "--", "sh", "-c", script)
    assert (done.returncode, done.stdout) == (3, "hi\n")
    assert said in done.stderr


def test_an_argument_of_the_command_is_not_shown(midstream):
    done = midstream("watch", "--json", "--", "sh", "-c", f": {KEY}; echo hi; exit 1")
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "TERM"])
def test_an_interrupt_ends_the_command_and_leaves_a_verdict(program, tmp_path, number, code):
    words = [program, "watch", "--", "sh", "-c", "echo $$; sleep 600"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True)
    group = int(child.stdout.readline())
    child.send_signal(number)
    _, said = child.communicate(timeout=30)
    assert child.returncode == code
    assert "Traceback" not in said
    assert "ending     cancelled" in said
    assert not running(group)


def test_ctrl_c_closes_the_connection(program, serve, tmp_path):
    server = serve(pieces=[CHAT[:400], *[b": still here\n\n"] * 500], gap_s=0.02)
    words = [program, "watch", "--base-url", server.url, "--prompt", "x"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    assert child.stdout.read(5) == b"It is"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert child.returncode == 130
    assert server.left.wait(5)


def test_a_closed_pipe_ends_the_command_quietly(program, tmp_path):
    script = f"'{program}' watch -- sh -c 'echo $$ >pid; n=0; while :; do n=$((n+1)); echo $n; done' | head -n 1"
    command = f"{script}; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "1\n141\n"
    assert done.stderr == ""
    assert not running(int((tmp_path / "pid").read_text()))


def test_a_quiet_command_is_told_as_a_stall(run_python):
    """The limit of a stall is half a minute by default: here it is a tenth of a second."""
    code = """
import asyncio, sys
from midstream.cli.command import Command
from midstream.cli.live import Live, follow
from midstream.stream import Guard, Pace, Settings

async def main():
    source = await Command.started(["sh", "-c", "echo hi; sleep 0.5; echo ho"])
    live = Live(json=False, raw=True)
    await follow(source, Guard(Settings(pace=Pace(idle_s=0.1)), started_ns=0), live)

asyncio.run(main())
"""
    done = run_python("-c", code)
    assert done.stdout == "hi\nho\n"
    assert "midstream: warn: pace/stall: no byte for 0." in done.stderr


def test_the_examples_of_the_help_run(midstream, serve, tmp_path):
    server = serve()
    (tmp_path / "answer.sse").write_bytes(CHAT)
    lines = midstream("watch", "--help").stdout.splitlines()
    examples = [line.strip() for line in lines if line.startswith("    midstream ")]
    assert len(examples) == 2
    for example in examples:
        words = example.replace("http://127.0.0.1:8080", server.url).replace("midstream", f"'{midstream.program}'", 1)
        done = subprocess.run(["sh", "-c", words], cwd=tmp_path, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


def test_text_that_could_steer_a_terminal_is_made_harmless(program, tmp_path):
    """A pseudo-terminal gets colour, and nothing of the model's own escapes."""
    pty = pytest.importorskip("pty")
    (tmp_path / "a.sse").write_bytes(chat("safe \x1b]0;owned\x07 text"))
    code = (
        "import asyncio\n"
        "from midstream.cli.command import Command\n"
        "from midstream.cli.live import Live, follow\n"
        "from midstream.stream import Guard\n"
        "async def main():\n"
        "    await follow(await Command.started(['cat', 'a.sse']), Guard(), Live(json=False, raw=False))\n"
        "asyncio.run(main())\n"
    )
    ours, theirs = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=subprocess.PIPE, cwd=tmp_path)
    child.wait(30)
    os.close(theirs)
    shown = os.read(ours, 65_536)
    os.close(ours)
    assert b"safe ]0;owned text" in shown
