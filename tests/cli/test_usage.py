"""Mistakes in a command line: one line, exit code 2."""

import pytest

from processes import posix


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("versoin", 'unknown command "versoin"; did you mean "version"?'),
        ("zzz", 'unknown command "zzz"; known: analyze, bench, config, demo, models, replay, serve, version, watch'),
        ("help", 'unknown command "help"; did you mean "--help"?'),
        ("--vresion", "unknown option: --vresion; did you mean --version?"),
        ("-x", "unknown option: -x; --help lists the options"),
        ("version now", 'version takes no "now"; --help lists what it takes'),
        ("version --json", "unknown option: --json; --help lists the options"),
        ("demo fast", 'demo takes no "fast"; did you mean --fast?'),
        ("demo --no-fast", "unknown option: --no-fast; did you mean --fast?"),
        ("demo --fast=maybe", 'invalid value "maybe" for --fast; it takes none'),
        ("demo --fast --fast", "--fast is named twice; name it once"),
        ("models lst", 'unknown command "lst"; did you mean "list"?'),
        ("models nothing", 'unknown command "nothing"; known: list, pull, run'),
        ("models --jsno", "unknown option: --jsno; --help lists the options"),
        ("models list here", 'models list takes no "here"; --help lists what it takes'),
        ("models run --port abc", 'invalid value "abc" for --port; it takes a whole number'),
        ("models run --port", "--port needs a value; it takes a whole number"),
        ("analyze --version", "unknown option: --version; --help lists the options"),
        ("analyze --output", "--output needs a value; --help tells which"),
        ("analyze --format xml a", 'invalid value "xml" for --format; choose from: "text", "json", "markdown"'),
        ("watch --fail-on", '--fail-on needs a value; choose from: "warn", "stop", "never"'),
        ("watch --max-tokens many", 'invalid value "many" for --max-tokens; it takes a whole number'),
        ("watch --max-tokens 0 --base-url http://x --prompt y", "--max-tokens is 0; allowed is 1 or more"),
        ("watch --prompt x --prompt y", "--prompt is named twice; name it once"),
        ("watch --promt x", "unknown option: --promt; did you mean --prompt?"),
        ("--install-completion --shell tcsh", 'invalid value "tcsh" for --shell; choose from: "zsh", "bash", "fish", '),
    ],
)
def test_a_mistake_is_told_in_one_line_with_the_nearest_name(midstream, words, said):
    done = midstream(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"midstream: {said}")
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
def test_wrong_usage_of_analyze_is_one_line_and_exit_code_2(midstream, words, said):
    done = midstream("analyze", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


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
def test_wrong_usage_of_watch_is_one_line_and_exit_code_2(midstream, words, said):
    done = midstream("watch", *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"midstream: {said}\n")


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"OPENAI_API_KEY": "schlüssel"}, "OPENAI_API_KEY holds a character that no key has; set it anew"),
        ({"OPENAI_API_KEY": "hunter\n2"}, "OPENAI_API_KEY holds a character that no key has; set it anew"),
        ({"HTTPS_PROXY": "gopher://x"}, "the environment names a proxy that is none: "),
        ({"SSL_CERT_FILE": "/nonexistent"}, "cannot read certificates: "),
    ],
)
def test_an_environment_that_cannot_work_is_one_line_and_exit_code_2(midstream, env, said):
    done = midstream("watch", "--base-url", "https://example.invalid", "--prompt", "x", env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"midstream: {said}")
    assert done.stderr.count("\n") == 1
    assert "hunter" not in done.stderr


@posix
@pytest.mark.parametrize("option", ["--base-url", "--model", "--prompt"])
def test_words_that_are_not_utf_8_are_told(midstream, option):
    words = {"--base-url": "http://127.0.0.1:9", "--model": "m", "--prompt": "x"}
    words[option] += "\udcff"
    done = midstream("watch", *[word for pair in words.items() for word in pair])
    assert (done.returncode, done.stderr) == (2, f"midstream: {option} is not UTF-8\n")
