"""Every error of the Rust crates is made to happen, and says in Python what, where and what is allowed."""

import copy
import pickle
import re

import pytest

from midstream import errors
from midstream.stream import Guard, Pace, Redact, Rule, Settings


def finished():
    guard = Guard()
    guard.finish()
    guard.feed(b"")


# crate: {variant: (what makes it happen, class, builtin base, facts, message)}
VARIANTS = {
    "stream": {
        "FileSize": (
            lambda: Settings.loads(b"#" * ((1 << 20) + 1)),
            errors.InputError,
            ValueError,
            {"line": 1, "column": 1, "key": "", "file": ""},
            "a guard file has at most 1048576 bytes, and this one has more (line 1, column 1)",
        ),
        "Finished": (
            finished,
            errors.StateError,
            RuntimeError,
            {},
            "the guard is finished; a second stream needs a new Guard",
        ),
        "Rule": (
            lambda: Settings(redact=Redact(rules=(Rule(name="key", pattern="key=.+?;"),))),
            errors.InputError,
            ValueError,
            {"rule": "key"},
            'redaction rule "key" has a lazy quantifier at character 5, which is not supported; '
            "the longest match wins; exclude what must end it, as in [^;]*;",
        ),
        "Setting": (
            lambda: Settings(pace=Pace(idle_s=-1.0)),
            errors.InputError,
            ValueError,
            {"key": "pace.idle_s", "value": "-1", "allowed": "above 0 and at most 1000000 seconds"},
            "pace.idle_s is -1, allowed is above 0 and at most 1000000 seconds",
        ),
        "Snapshot": (
            lambda: Guard.restore(b"PK"),
            errors.InputError,
            ValueError,
            {},
            "the bytes are no snapshot",
        ),
        "Toml": (
            lambda: Settings.loads("shadow = true\nshadow = true"),
            errors.InputError,
            ValueError,
            {"line": 2, "column": 1, "key": "shadow"},
            "not TOML: duplicate key shadow (line 2, column 1)",
        ),
        "UnknownKey": (
            lambda: Settings.loads("[repaet]"),
            errors.InputError,
            ValueError,
            {"line": 1, "column": 2, "key": "repaet", "nearest": "repeat"},
            re.compile(
                r'no setting is named "repaet"; did you mean "repeat"\? known: actions, .* \(line 1, column 2\)'
            ),
        ),
        "UnknownName": (
            lambda: Guard(framing="ssee"),
            errors.InputError,
            ValueError,
            {"name": "ssee", "nearest": "sse"},
            re.compile(r'no framing is named "ssee"; did you mean "sse"\? known: auto, .*'),
        ),
        "UnknownWord": (
            lambda: Settings.loads("repeat.exact = 'sto'"),
            errors.InputError,
            ValueError,
            {"line": 1, "column": 16, "key": "repeat.exact", "value": "sto", "nearest": "stop"},
            re.compile(r'repeat.exact is "sto"; did you mean "stop"\? known: off, .* \(line 1, column 16\)'),
        ),
    },
}
CASES = [
    pytest.param(*case, id=f"{crate}.{variant}")
    for crate, variants in VARIANTS.items()
    for variant, case in variants.items()
]


@pytest.mark.parametrize(("cause", "kind", "base", "facts", "message"), CASES)
def test_a_variant_has_its_class_its_facts_and_its_message(cause, kind, base, facts, message):
    with pytest.raises(kind) as caught:
        cause()
    assert isinstance(caught.value, base)
    assert isinstance(caught.value, errors.MidstreamError)
    assert {name: getattr(caught.value, name) for name in facts} == facts
    if isinstance(message, re.Pattern):
        assert message.fullmatch(str(caught.value))
    else:
        assert str(caught.value) == message


@pytest.mark.parametrize("crate", VARIANTS)
def test_no_variant_is_left_out(project, crate):
    source = (project / f"rust/pure/{crate}/src/error.rs").read_text()
    body = re.search(r"pub enum Error \{\n(.*?)\n\}", source, re.DOTALL)[1]
    assert re.findall(r"^    ([A-Z]\w+)", body, re.MULTILINE) == list(VARIANTS[crate])


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_survives_pickle_and_copy(name):
    error = getattr(errors, name)("what was wrong", fact=1)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(twin), str(twin), twin.fact) == (type(error), "what was wrong", 1)


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__)
    assert sorted([*drawn, "MidstreamError"]) == sorted(errors.__all__)
