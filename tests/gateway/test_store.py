"""Streams outlive the process that served them, as far as was said, and clients never wait for a log."""

import contextlib
import signal
import subprocess

import httpx2
import pytest

import bodies
from midstream.errors import InputError
from midstream.gateway import GatewayConfig, Store, Upstream
from midstream.stream import Settings
from processes import posix
from provider import Pause, Provider, Stall
from serving import serve, serve_limited, serving, told

pytestmark = posix

ASKED = {"model": "m", "stream": True, "messages": []}


def config_of(tmp_path, provider, fsync):
    upstream = Upstream(url=provider.url.removesuffix("/v1"), apis=("openai",))
    store = Store(folder=str(tmp_path / "log"), fsync=fsync)
    guard = Settings(shadow=True)
    config = GatewayConfig(listen="127.0.0.1:0", upstreams={"mock": upstream}, store=store, drain_s=1, guard=guard)
    path = tmp_path / "midstream.toml"
    path.write_text(config.to_toml())
    return path


@pytest.mark.parametrize("fsync", ["always", "batch", "never"])
def test_acknowledged_events_outlive_a_kill_and_the_end_says_who_was_lost(tmp_path, fsync):
    words = [f"word {number} " for number in range(40)]
    script = [step for chunk in bodies.chat(words)[:-2] for step in (chunk, Pause(0.005))]
    with Provider([*script, Stall()]) as provider:
        config = config_of(tmp_path, provider, fsync)
        with serving(serve(config)) as (process, url):
            answer = httpx2.stream("POST", f"{url}/v1/chat/completions", json=ASKED, trust_env=False, timeout=20)
            with answer as response:
                id = response.headers["x-midstream-stream-id"]
                path = f"/midstream/v1/streams/{id}/events"
                seen, durable = {}, -1
                with httpx2.stream("GET", url + path, trust_env=False, timeout=20) as viewer:
                    for number, name, data in told(viewer.iter_lines()):
                        if number is not None:
                            seen[int(number)] = data
                        elif name == "midstream.durable":
                            durable = data["sequence"]
                        if durable >= 25:
                            process.send_signal(signal.SIGKILL)
                            break
                process.wait(20)
                with contextlib.suppress(httpx2.HTTPError):
                    response.read()
        with serving(serve(config)) as (_, url):
            headers = {"last-event-id": "3"}
            with httpx2.stream("GET", url + path, headers=headers, trust_env=False, timeout=20) as viewer:
                again = list(told(viewer.iter_lines()))
            shown = httpx2.get(f"{url}/midstream/v1/streams/{id}", trust_env=False).json()
    *events, (_, name, end) = again
    numbers = [int(number) for number, _, _ in events]
    assert numbers == list(range(4, 4 + len(numbers)))
    assert numbers[-1] >= durable
    assert all(data == seen[int(number)] for number, _, data in events if int(number) in seen)
    assert name == "midstream.end"
    assert end["end"] == shown["end"] == {"state": "failed", "cause": "owner_lost"}


def test_a_full_disk_stops_no_client_and_viewers_are_told(tmp_path):
    script = [step for chunk in bodies.chat(["x" * 500] * 200) for step in (chunk, Pause(0.001))]
    with Provider(script) as provider:
        config = config_of(tmp_path, provider, "batch")
        with serving(serve_limited(config)) as (_, url):
            body = httpx2.post(f"{url}/v1/chat/completions", json=ASKED, trust_env=False, timeout=20)
            assert body.content == b"".join(step for step in script if isinstance(step, bytes))
            id = body.headers["x-midstream-stream-id"]
            stream = f"{url}/midstream/v1/streams/{id}"
            with httpx2.stream("GET", f"{stream}/events", trust_env=False, timeout=20) as viewer:
                names = [name for _, name, _ in told(viewer.iter_lines()) if name]
            assert "midstream.not_resumable" in names
            assert names[-1] == "midstream.end"
            shown = httpx2.get(stream, trust_env=False).json()
            assert shown["stored"]["not_resumable"]
            assert shown["summary"]["ending"] == "complete"
            metrics = httpx2.get(f"{url}/metrics", trust_env=False).text
            assert "midstream_not_resumable_total 1" in metrics


def test_a_folder_that_another_gateway_uses_is_refused(tmp_path):
    with Provider([]) as provider:
        config = config_of(tmp_path, provider, "never")
        with serving(serve(config)):
            done = subprocess.run(serve(config), check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "another gateway uses it" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[store]\nfsync = "sometimes"', "store.fsync"),
        ("[store]\nmax_bytes = 1", "store.max_bytes is 1, allowed is a number of bytes from 65536 on"),
        ("[viewers]\ntoken_s = 0.5", "viewers.token_s is 0.5"),
        ("[store]\nfolde = 'x'", 'did you mean "folder"?'),
    ],
)
def test_a_fault_of_the_tables_is_told_with_its_line(text, said):
    with pytest.raises(InputError, match="line 2") as raised:
        GatewayConfig.loads(text)
    assert said in str(raised.value)
