"""The program as a shell sees it: commands, exit codes, errors in one line."""

import pytest


def test_version_prints_one_line(midstream):
    done = midstream("version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("midstream ")
    assert done.stdout.count("\n") == 1


def test_the_module_is_the_same_program(run_python, midstream):
    assert run_python("-m", "midstream", "version").stdout == midstream("version").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["versoin"], 'midstream: unknown command "versoin"; did you mean "version"?\n'),
        (["version", "--lnog"], "midstream: unknown option: --lnog; --help lists the options\n"),
    ],
)
def test_a_typo_is_one_line_and_exit_code_2(midstream, words, said):
    done = midstream(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_an_unknown_command_lists_the_known_ones(midstream):
    done = midstream("zzzzzz")
    assert done.returncode == 2
    assert done.stderr.startswith('midstream: unknown command "zzzzzz"; known: ')


def test_debug_adds_the_traceback(midstream):
    done = midstream("versoin", "--debug")
    assert done.returncode == 2
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith('midstream: unknown command "versoin"; did you mean "version"?\n')


def test_help_in_a_pipe_is_plain_ascii(midstream):
    done = midstream("--help")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "Usage: midstream COMMAND" in done.stdout
