"""``midstream config`` with configurations of the gateway."""

import json
import tomllib

import pytest

from midstream.gateway import GatewayConfig

HASH = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
CONFIG = f"""
listen = "127.0.0.1:0"
[upstreams."my.own"]
url = "http://127.0.0.1:8080"
apis = ["openai"]
key_env = "KEY_OF_MINE"
[models]
fast = [{{ upstream = "my.own", model = "tiny" }}]
[keys.alice]
sha256 = "{HASH}"
[guard.repeat]
near = "observe"
"""
UPSTREAM = '[upstreams.a]\nurl = "http://x"\napis = ["openai"]\n'
RULE = '[[guard.redact.rules]]\nname = "x"\n'
KEY = f'[keys.a]\nsha256 = "{HASH}"\n'


@pytest.fixture
def config(tmp_path):
    """Write a file and give its path."""

    def config(text=CONFIG, name="midstream.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return config


def test_a_good_file_is_told_as_such_with_the_variables_that_are_not_set(midstream, config):
    path = config(name="proxy.toml")
    done = midstream("config", "check", path)
    assert (done.returncode, done.stderr) == (0, "")
    unset = f"{path}: upstreams.my.own.key_env names KEY_OF_MINE, which is not set here\n"
    assert done.stdout == f"{path}: good\n{unset}"
    assert midstream("config", "check", path, env={"KEY_OF_MINE": "k"}).stdout == f"{path}: good\n"


def test_a_file_of_a_key_is_shown_by_its_path_and_is_a_fault_where_it_cannot_be_read(midstream, config, tmp_path):
    path = config(CONFIG.replace('key_env = "KEY_OF_MINE"', 'key_file = "mine.key"'))
    done = midstream("config", "check", path)
    assert (done.returncode, done.stdout) == (2, "")
    said = 'key_file is "mine.key", allowed is a file that can be read: no such file'
    assert done.stderr == f"midstream: upstreams.my.own.{said} ({path}, line 6, column 12)\n"
    (tmp_path / "mine.key").write_text("sk-canary\n")
    assert midstream("config", "check", path).stdout == f"{path}: good\n"
    shown = midstream("config", "show", path).stdout
    assert 'key_file = "mine.key"' in shown.splitlines()
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ('[tls]\ncertificate = "gone.pem"\nkey = "gone.key"', "tls.certificate", 2),
        ('[tls]\ngenerated = true\nclient_ca = "gone.pem"', "tls.client_ca", 3),
        (f'{UPSTREAM}ca = "gone.pem"', "upstreams.a.ca", 4),
        ('[viewers]\nsecret_file = "gone"', "viewers.secret_file", 2),
    ],
)
def test_a_file_that_is_named_and_not_there_is_a_fault(midstream, config, text, key, line):
    done = midstream("config", "check", config(text))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f'midstream: {key} is "gone')
    assert ": no such file (" in done.stderr
    assert f"midstream.toml, line {line}, column " in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CONFIG.replace("listen", "lisen"), 'no setting is named "lisen"; did you mean "listen"?'),
        (CONFIG.replace("key_env", "key_ev"), 'did you mean "key_env"?'),
        (CONFIG.replace('"observe"', '"observ"'), 'did you mean "observe"?'),
        (CONFIG.replace("http://", "ftp://"), "allowed is an http:// or https:// URL"),
        ('[upstream.a]\nurl = "http://x"\n', 'no setting is named "upstream"; did you mean "upstreams"?'),
        ("listen = 4000", "listen is 4000, allowed is an IP address or localhost, and a port"),
        ("listen = [", "not TOML"),
        ('[guard.redact]\nrules = ["nope"]', 'guard.redact.rules[0] is "nope"; known: '),
        ('[guard.redact]\naction = "nope"', 'guard.redact.action is "nope"; known: '),
        (f'{RULE}pattern = "a(?=b)"', 'redaction rule "x" has look-around at character 1'),
        (f'{RULE}pattern = "a*"', 'redaction rule "x" matches the empty string'),
        (RULE, 'guard.redact.rules[0].pattern is left out for "x"'),
        ("[upstreams.a]", "upstreams.a.url is left out, allowed is a value: it has no default"),
        ('[cors]\norigins = ["https://a", "b"]', 'cors.origins[1] is "b", allowed is an origin as browsers send it'),
        ('[continuation]\nreroute = ["repeat", "b"]', 'continuation.reroute[1] is "b", allowed is actions, budget'),
        ("[guard.hold]", "guard.hold is a table, allowed is none without a table moderator"),
        (f"{KEY}roles = []", "keys.a.roles is an empty list, allowed is at least one of admin, call, view"),
        (f"{KEY}models = []", "keys.a.models is an empty list, allowed is at least one model"),
        (KEY + KEY.replace("keys.a", "keys.b"), "keys.a has this one"),
    ],
    ids=str,
)
def test_a_fault_is_one_line_with_its_place_and_exit_code_2(midstream, config, text, said):
    config(text)
    done = midstream("config", "check", "midstream.toml")
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert said in line
    assert "(midstream.toml, line " in line
    assert ", column " in line


def test_steps_of_actions_have_their_defaults_marked(midstream, config):
    shown = midstream("config", "show", config("[guard.actions.repeat]\nwarn = 6\n")).stdout
    assert "[guard.actions.ping_pong]\nhint = 3  # default\nwarn = 5  # default\n" in shown
    lines = shown.partition("[guard.actions.repeat]\n")[2].splitlines()
    assert lines[:3] == ["# hint: not set, its default is 3", "warn = 6", "# stop: not set, its default is 8"]


def test_without_a_file_those_of_the_folder_are_checked(midstream, config):
    assert midstream("config", "check").stderr.endswith("neither midstream.toml nor guard.toml is here; name a file\n")
    config("listen = '127.0.0.1:0'")
    config("shadow = true", "guard.toml")
    assert midstream("config", "check").stdout == "midstream.toml: good\nguard.toml: good\n"


def test_a_flag_says_what_a_file_is_and_its_name_what_an_empty_one_is(midstream, config):
    guard = config("shadow = true", "a.toml")
    assert midstream("config", "check", guard).returncode == 0
    assert 'no setting is named "shadow"; known: listen' in midstream("config", "check", "--gateway", guard).stderr
    config("")
    assert (
        midstream("config", "check", "midstream.toml").stdout == "midstream.toml: good, and the same as the defaults\n"
    )


def test_every_value_is_shown_with_its_default_marked_and_secrets_left_out(midstream, config):
    done = midstream("config", "show", config())
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert 'listen = "127.0.0.1:0"' in lines
    assert "keepalive_s = 15.0  # default" in lines
    assert '[upstreams."my.own"]' in lines
    assert 'key_env = "KEY_OF_MINE"' in lines
    assert "idle_s = 30.0  # default" in lines
    assert 'fast = [{ upstream = "my.own", model = "tiny" }]' in lines
    assert 'sha256 = "***"' in lines
    assert HASH not in done.stdout
    assert "# models: not set" in lines
    assert 'near = "observe"' in lines


def test_what_is_shown_is_the_configuration(midstream, config):
    path = config(CONFIG.split("[keys.alice]", maxsplit=1)[0])
    shown = midstream("config", "show", path).stdout
    assert GatewayConfig.loads(shown) == GatewayConfig.load(path)
    assert tomllib.loads(midstream("config", "show", "--gateway").stdout)["listen"] == "127.0.0.1:4000"


def test_its_schema_is_printed(midstream):
    assert json.loads(midstream("config", "schema", "--gateway").stdout) == GatewayConfig.json_schema()
