"""Mistakes in a command line: one line, exit code 2."""

import pytest


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
