"""A disk that is full costs what cannot be written and nothing else, and is used again when it has room."""

import json
import resource

import httpx2
import pytest

import bodies
from midstream.gateway import GatewayConfig, Store, Upstream, Usage
from midstream.stream import Settings
from processes import posix
from provider import Pause, Provider, Reply
from serving import FULL, serve, serve_limited, serving, told, until

pytestmark = [posix, pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux changes another's limits")]


def config_of(tmp_path, provider):
    config = GatewayConfig(
        listen="127.0.0.1:0",
        upstreams={"mock": Upstream(url=provider.url.removesuffix("/v1"), apis=("openai",))},
        store=Store(folder=str(tmp_path / "log"), fsync="batch"),
        usage=Usage(file=str(tmp_path / "usage.jsonl")),
        guard=Settings(shadow=True),
        drain_s=1,
    )
    path = tmp_path / "midstream.toml"
    path.write_text(config.to_toml())
    return path


def counted(url, name):
    """A sample of the metrics."""
    lines = httpx2.get(f"{url}/metrics", trust_env=False).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


def test_streams_go_on_while_the_disk_is_full_and_it_is_used_again_when_it_has_room(tmp_path):
    long = [step for chunk in bodies.chat(["x" * 500] * 150) for step in (chunk, Pause(0.001))]
    expected = b"".join(step for step in long if isinstance(step, bytes))
    usage = tmp_path / "usage.jsonl"
    usage.write_text("#" * (FULL - 100) + "\n")
    with Provider(lambda request: Reply(long if '"long"' in request else bodies.chat(["Hi"]))) as provider:
        words = serve_limited(config_of(tmp_path, provider))

        def ask(url, model):
            asked = {"model": model, "stream": True, "messages": []}
            answer = httpx2.post(f"{url}/v1/chat/completions", json=asked, trust_env=False, timeout=20)
            assert answer.status_code == 200
            return answer

        with serving(words) as (process, url):

            def shown(id):
                return httpx2.get(f"{url}/midstream/v1/streams/{id}", trust_env=False).json()

            def kept_from(answer):
                assert answer.content == expected
                id = answer.headers["x-midstream-stream-id"]
                until(lambda: shown(id)["stored"]["not_resumable"])
                return id

            # The log is filled in the midst of the first; nothing of the second is taken.
            ids = [kept_from(ask(url, "long"))]
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
            ids.append(kept_from(ask(url, "long")))
            assert counted(url, "midstream_not_resumable_total") == 2
            assert counted(url, "midstream_log_lost_events_total") > 0
            assert len(usage.read_bytes()) <= FULL
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            last = ask(url, "short").headers["x-midstream-stream-id"]
            until(lambda: shown(last)["stored"]["durable"] == shown(last)["events"])
            assert not shown(last)["stored"]["not_resumable"]
            until(lambda: usage.read_text().count("\n") == 4)
            assert counted(url, "midstream_usage_lost_records_total") == 0
            logged: list[str] = []
            while not {"store_recovered", "usage_file_recovered"} <= set(logged):
                logged.append(json.loads(process.stderr.readline())["message"])
            # A small record may find room between larger ones that do not.
            assert logged.count("store_failed") >= 1
            assert logged.count("usage_file_failed") == 1
            # The end of the first was tried for until it was taken.
            until(
                lambda: (tmp_path / "log" / "000000000000.log").read_bytes().count(b'{"end":{"state":"complete"}') == 2
            )
        records = [json.loads(line) for line in usage.read_text().splitlines()[1:]]
        assert [(record["stream"], record["end"]) for record in records] == [(id, "complete") for id in [*ids, last]]
        with serving(serve(config_of(tmp_path, provider))) as (_, url):
            path = f"{url}/midstream/v1/streams"
            for id, names in ((ids[0], ["midstream.lagged", "midstream.end"]), (last, ["midstream.end"])):
                with httpx2.stream("GET", f"{path}/{id}/events", trust_env=False, timeout=20) as viewer:
                    events = list(told(viewer.iter_lines()))
                marks = [name for number, name, _ in events if number is None]
                assert marks == names, events
                assert events[-1][2]["end"]["state"] == "complete"
            assert httpx2.get(f"{path}/{ids[1]}", trust_env=False).status_code == 404
