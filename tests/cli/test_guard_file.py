"""``--guard FILE`` and ``midstream config``."""

import json

import jsonschema
import pytest

from midstream.stream import Settings

WARN = "[repeat]\nexact = 'warn'\n"


@pytest.fixture
def guard(tmp_path):
    """Write a guard file and give its path."""

    def guard(text):
        path = tmp_path / "guard file.toml"
        path.write_text(text)
        return path

    return guard


def test_analyze_reports_what_a_guard_file_asks_for(midstream, folder, guard, objects):
    [report] = objects(midstream("analyze", "--json", "loop.sse", "--guard", guard(WARN), cwd=folder))
    assert [finding["action"] for finding in report["findings"]] == ["warn"]
    off = guard("[repeat]\nexact = 'off'\ncounter = 'off'\nnear = 'off'\n")
    [report] = objects(midstream("analyze", "--json", "loop.sse", "--guard", off, cwd=folder))
    assert report["findings"] == []


def test_watch_does_what_a_guard_file_asks_for(midstream, folder, guard):
    words = ("watch", "--guard", guard(WARN), "--", "cat", "loop.sse")
    done = midstream(*words, cwd=folder)
    assert done.stdout == (folder / "loop.sse").read_text()
    assert "warn: repeat/exact" in done.stderr
    secret = guard("[[redact.rules]]\nname = 'weather'\npattern = 'rain'\n")
    done = midstream("watch", "--guard", secret, "--", "cat", "rain.sse", cwd=folder)
    assert "rain" not in done.stdout.replace("rain.sse", "")


COMMANDS = [
    ("analyze", "loop.sse", "--guard", "guard file.toml"),
    ("watch", "--guard", "guard file.toml", "--", "cat", "loop.sse"),
    ("config", "check", "guard file.toml"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_fault_of_a_guard_file_is_one_line_and_exit_code_2(midstream, folder, guard, words):
    guard("shadow = false\n[repeat]\nexakt = 'warn'\n")
    done = midstream(*words, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert 'no setting is named "repeat.exakt"; did you mean "exact"?' in line
    assert line.endswith("(guard file.toml, line 3, column 1)")


def test_a_guard_file_that_is_absent_is_named(midstream, folder):
    done = midstream("analyze", "loop.sse", "--guard", "no.toml", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "midstream: cannot read the guard file no.toml: no such file or directory\n"


def test_config_checks_shows_and_describes_guard_files(midstream, guard):
    path = guard(WARN)
    done = midstream("config", "check", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: good\n", "")
    empty = guard("# nothing\n")
    assert midstream("config", "check", empty).stdout == f"{empty}: good, and the same as the defaults\n"
    path = guard(WARN)
    shown = midstream("config", "show", path).stdout
    assert Settings.loads(shown) == Settings.load(path)
    assert Settings.loads(midstream("config", "show").stdout) == Settings()
    schema = json.loads(midstream("config", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema == Settings.json_schema()
