"""``midstream serve``: what it reads, what it prints, how it ends."""

import hashlib
import json
import signal
import socket
import ssl
from pathlib import Path

import httpx2
import pytest

import bodies
from midstream.cli.upstream import upstream_of
from processes import posix
from provider import Pause, Provider, Stall

pytestmark = posix
NO_KEYS = dict.fromkeys(
    ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MIDSTREAM_CONFIG", "MIDSTREAM_UPSTREAM"], ""
)
ASKED = {"model": "m", "messages": [], "stream": True}


@pytest.fixture
def provider():
    with Provider(bodies.chat(["All ", "is ", "well."])) as provider:
        yield provider


@pytest.fixture
def served(program, start):
    """Start ``midstream serve WORDS...`` and give the process with what it printed until it was ready."""

    def served(*words, env=NO_KEYS):
        process = start([program, "serve", "--listen", "127.0.0.1:0", *words], env=env)
        lines = []
        while not lines or not lines[-1].startswith("# ready"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            lines.append(line.strip())
        return process, lines

    return served


def base(lines):
    (url,) = [line.partition("=")[2] for line in lines if line.startswith("OPENAI_BASE_URL=")]
    return url


def answer(lines):
    return httpx2.post(f"{base(lines)}/chat/completions", json=ASKED, trust_env=False).content


def until(process, name):
    """Reads lines of the log up to that event, and gives it."""
    for text in process.stderr:
        line = json.loads(text)
        if line["message"] == name:
            return line
    pytest.fail(f"{name} was not told")


def config_of(provider):
    return f'[upstreams.mine]\nurl = "{provider.url.removesuffix("/v1")}"\napis = ["openai"]\n'


def test_it_prints_what_a_shell_can_read_and_where_to_look(served, provider):
    _, lines = served("--upstream", provider.url)
    root = base(lines).removesuffix("/v1")
    assert lines == [
        f"OPENAI_BASE_URL={root}/v1",
        f"# asks     upstream: {provider.url.removesuffix('/v1')}",
        f"# streams  {root}/midstream/v1/streams",
        f"# events   {root}/midstream/v1/streams/ID/events",
        f"# metrics  {root}/metrics",
        f"# ready    {root}/readyz",
    ]
    assert httpx2.get(f"{root}/readyz", trust_env=False).status_code == 200
    assert answer(lines) == b"".join(bodies.chat(["All ", "is ", "well."]))


def test_a_configuration_is_named_or_lies_in_the_folder_or_in_the_environment(served, provider, tmp_path):
    (tmp_path / "other.toml").write_text(config_of(provider))
    assert answer(served("--config", "other.toml")[1])
    assert answer(served("other.toml")[1])
    assert answer(served(env=NO_KEYS | {"MIDSTREAM_CONFIG": "other.toml"})[1])
    assert answer(served(env=NO_KEYS | {"MIDSTREAM_UPSTREAM": provider.url})[1])
    (tmp_path / "midstream.toml").write_text(config_of(provider))
    process, lines = served()
    assert answer(lines)
    process.terminate()
    assert process.communicate(timeout=20)[1].startswith("midstream: reading midstream.toml\n{")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["term", "ctrl-c"])
def test_a_signal_ends_it_in_order(served, provider, number, code):
    process, _ = served("--upstream", provider.url)
    process.send_signal(number)
    lines = map(json.loads, process.communicate(timeout=20)[1].splitlines())
    assert [line["message"] for line in lines] == ["started", "draining", "stopped"]
    assert process.returncode == code


def test_a_running_stream_ends_whole_after_sigterm(served):
    first, *rest = bodies.chat(["All ", "is ", "well."])
    with Provider([first, Pause(0.5), *rest]) as provider:
        process, lines = served("--upstream", provider.url)
        with httpx2.stream("POST", f"{base(lines)}/chat/completions", json=ASKED, trust_env=False) as response:
            chunks = response.iter_raw()
            got = next(chunks)
            process.send_signal(signal.SIGTERM)
            got += b"".join(chunks)
        assert got == b"".join([first, *rest])
        assert process.wait(20) == 0


def test_a_second_ctrl_c_does_not_wait_for_streams(served):
    with Provider([bodies.chat([])[0], Stall()]) as provider:
        process, lines = served("--upstream", provider.url)
        with httpx2.stream("POST", f"{base(lines)}/chat/completions", json=ASKED, trust_env=False) as response:
            chunks = response.iter_raw()
            next(chunks)
            process.send_signal(signal.SIGINT)
            assert until(process, "draining")["streams"] == 1
            process.send_signal(signal.SIGINT)
            assert until(process, "hastened")["streams"] == 1
            assert process.wait(10) == 130


def test_a_fault_of_the_configuration_is_one_line_and_exit_code_2(midstream, tmp_path):
    (tmp_path / "midstream.toml").write_text("lisen = 'x'")
    done = midstream("serve", env=NO_KEYS)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'did you mean "listen"?' in done.stderr.splitlines()[-1]
    assert done.stderr.endswith("(midstream.toml, line 1, column 1)\n")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            'key_env = "KEY_OF_MINE"',
            'upstreams.mine.key_env is "KEY_OF_MINE", allowed is a variable of the environment that is set '
            "(a.toml, line 4, column 11)",
        ),
        (
            'key_file = "gone.key"',
            'upstreams.mine.key_file is "gone.key", allowed is a file that can be read: no such file '
            "(a.toml, line 4, column 12)",
        ),
        (
            'key_file = "empty.key"',
            'upstreams.mine.key_file is "empty.key", allowed is a file that is not empty (a.toml, line 4, column 12)',
        ),
        (
            'key_env = "HOME"\nkey_file = "empty.key"',
            'upstreams.mine.key_file is "empty.key", allowed is nothing beside key_env (a.toml, line 5, column 12)',
        ),
        (
            'ca = "empty.key"',
            'upstreams.mine.ca is "empty.key", allowed is a file in PEM that can be used; this one cannot: it holds no '
            "certificate in PEM (a.toml, line 4, column 6)",
        ),
    ],
    ids=["variable", "file", "empty", "both", "certificates"],
)
def test_a_key_that_is_not_there_is_named_before_anything_listens(midstream, tmp_path, provider, setting, said):
    (tmp_path / "empty.key").write_text("\n")
    (tmp_path / "a.toml").write_text(config_of(provider) + f"{setting}\n")
    done = midstream("serve", "--config", "a.toml")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"midstream: {said}\n")


def test_a_key_in_a_file_is_sent_and_not_shown(served, provider, tmp_path):
    (tmp_path / "mine.key").write_text("sk-canary\n")
    (tmp_path / "a.toml").write_text(config_of(provider) + 'key_file = "mine.key"\n')
    process, lines = served("--config", "a.toml")
    assert answer(lines)
    assert provider.last().header("authorization") == "Bearer sk-canary"
    assert any(line.endswith(", with the key in mine.key") for line in lines)
    process.terminate()
    assert "canary" not in json.dumps(lines) + process.communicate(timeout=20)[1]


def test_an_address_that_is_taken_is_exit_code_3(midstream, provider):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = midstream("serve", "--upstream", provider.url, "--listen", address)
    assert done.returncode == 3
    assert done.stderr.startswith(f"midstream: cannot listen on {address}: ")


@pytest.mark.parametrize(
    ("url", "base", "apis"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ("openai",)),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080", ("openai",)),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api", ("openai",)),
        ("https://api.openai.com/v1", "https://api.openai.com", ("openai",)),
        ("https://example.com/client/v4/accounts/a/ai/v1", "https://example.com/client/v4/accounts/a/ai", ("openai",)),
        ("https://api.anthropic.com", "https://api.anthropic.com", ("anthropic",)),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com", ("anthropic",)),
        ("https://generativelanguage.googleapis.com", "https://generativelanguage.googleapis.com", ("gemini",)),
        ("https://generativelanguage.googleapis.com/v1beta", "https://generativelanguage.googleapis.com", ("gemini",)),
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434", ("ollama", "openai")),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434", ("ollama", "openai")),
        ("http://ollama.example/api", "http://ollama.example", ("ollama", "openai")),
    ],
)
def test_a_url_tells_where_its_paths_begin_and_whose_apis_it_speaks(url, base, apis):
    upstream = upstream_of(url)
    assert (upstream.url, upstream.apis, upstream.v1) == (base, apis, None)


@pytest.mark.parametrize(
    ("url", "base", "v1"),
    [
        (
            "https://generativelanguage.googleapis.com/v1beta/openai/",
            "https://generativelanguage.googleapis.com",
            "/v1beta/openai",
        ),
        ("https://api.z.ai/api/paas/v4", "https://api.z.ai", "/api/paas/v4"),
        ("https://ark.example.com/api/v3/", "https://ark.example.com", "/api/v3"),
        ("https://api.deepinfra.example/v1/openai", "https://api.deepinfra.example", "/v1/openai"),
        ("http://127.0.0.1:8080/v2", "http://127.0.0.1:8080", "/v2"),
    ],
)
def test_a_base_of_another_version_takes_the_place_of_v1(url, base, v1):
    upstream = upstream_of(url)
    assert (upstream.url, upstream.v1, upstream.apis) == (base, v1, ("openai",))


def test_one_upstream_is_named_once(midstream):
    done = midstream("serve", "--config", "a.toml", "--upstream", "http://127.0.0.1:1")
    assert (done.returncode, done.stderr) == (2, "midstream: give a configuration or --upstream, not both\n")


@pytest.mark.parametrize("variable", [True, False], ids=["MIDSTREAM_CONFIG", "midstream.toml"])
@pytest.mark.parametrize("flag", [True, False], ids=["--upstream", "MIDSTREAM_UPSTREAM"])
def test_a_configuration_beside_one_upstream_is_said_to_be_unread(served, provider, tmp_path, variable, flag):
    if variable and not flag:
        pytest.skip("MIDSTREAM_CONFIG comes before MIDSTREAM_UPSTREAM")
    (tmp_path / ("own.toml" if variable else "midstream.toml")).write_text("max_body = 1\n" + config_of(provider))
    env = NO_KEYS | ({"MIDSTREAM_CONFIG": "own.toml"} if variable else {})
    words = ("--upstream", provider.url) if flag else ()
    process, lines = served(*words, env=env if flag else env | {"MIDSTREAM_UPSTREAM": provider.url})
    assert answer(lines) == b"".join(bodies.chat(["All ", "is ", "well."]))
    name = "own.toml, which MIDSTREAM_CONFIG names," if variable else "midstream.toml"
    said = "--upstream" if flag else "MIDSTREAM_UPSTREAM"
    told = f"midstream: {said} is asked alone; {name} is not read, nor are its keys, limits and guard\n"
    assert process.stderr.readline() == told


def test_the_key_of_a_provider_in_the_environment_is_enough_and_not_shown(served):
    _, lines = served(env=NO_KEYS | {"OPENAI_API_KEY": "sk-canary", "ANTHROPIC_API_KEY": "sk-canary"})
    assert "# asks     openai: https://api.openai.com, with the key in OPENAI_API_KEY" in lines
    assert any(line.startswith("ANTHROPIC_BASE_URL=") for line in lines)
    assert "canary" not in json.dumps(lines)


def test_tls_makes_a_certificate_that_apps_can_trust_and_pin(served, provider):
    process, lines = served("--upstream", provider.url, "--tls")
    said = dict(line[2:].split(maxsplit=1) for line in lines if line.startswith("# "))
    context = ssl.create_default_context(cafile=said["cert"])
    answered = httpx2.post(f"{base(lines)}/chat/completions", json=ASKED, verify=context, trust_env=False)
    assert answered.content == b"".join(bodies.chat(["All ", "is ", "well."]))
    pinned = ssl.get_server_certificate(tuple(base(lines)[8:-3].split(":")))
    assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(pinned)).hexdigest() == said["sha256"]
    process.terminate()
    assert process.wait(20) == 0
    assert not Path(said["cert"]).exists()


def test_a_certificate_comes_with_its_key(midstream):
    done = midstream("serve", "--upstream", "http://127.0.0.1:1", "--tls-cert", "a.pem")
    assert (done.returncode, done.stderr) == (2, "midstream: give --tls, or --tls-cert with --tls-key\n")


def test_sighup_reads_the_configuration_again_and_a_fault_changes_nothing(served, provider, tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(config_of(provider))
    process, lines = served("--config", "a.toml")
    path.write_text("max_body = 1\n" + config_of(provider))
    process.send_signal(signal.SIGHUP)
    until(process, "configuration_reloaded")
    assert json.loads(answer(lines))["error"]["type"] == "midstream_body_too_large"
    path.write_text("max_body = 1000\nlisen = 'x'\n")
    process.send_signal(signal.SIGHUP)
    assert until(process, "configuration_refused")["reason"].endswith("(a.toml, line 2, column 1)")
    assert json.loads(answer(lines))["error"]["type"] == "midstream_body_too_large"
