"""The program as a shell sees it: commands, exit codes, errors in one line."""

from itertools import takewhile

import pytest


def test_version_prints_one_line(midstream):
    done = midstream("version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("midstream ")
    assert done.stdout.count("\n") == 1


def test_the_module_is_the_same_program(run_python, midstream):
    assert run_python("-m", "midstream", "version").stdout == midstream("version").stdout


def test_the_option_is_the_same_as_the_command(midstream):
    option, command = midstream("--version"), midstream("version")
    assert (option.returncode, option.stdout, option.stderr) == (0, command.stdout, "")
    assert "--version" in midstream("--help").stdout


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


@pytest.mark.parametrize("words", [["--help"], ["watch", "--help"], ["models"]])
def test_help_in_a_pipe_indents_the_lines_it_goes_on_in(midstream, words):
    lines = midstream(*words, env={"COLUMNS": "60"}).stdout.splitlines()
    titles = [at for at, line in enumerate(lines) if line.strip(" :") in ("Commands", "Parameters")]
    assert titles
    for at in titles:
        listed = list(takewhile(str.strip, lines[at + 1 :]))
        assert any(line.startswith(" " * 10) for line in listed)
        assert all(line.startswith("     ") for line in listed)
