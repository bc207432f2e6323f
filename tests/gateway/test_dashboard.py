"""The dashboard for Grafana asks for metrics that the gateway has."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import grafana_foundation_sdk.models.dashboard as grafana
import httpx2
import promql_parser
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import bodies
import sdks
from gateways import nobody, running
from midstream.gateway import GatewayConfig, Upstream, Viewers
from midstream.stream import Redact, Settings
from provider import Forever, Provider

FILE = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "gateway.json"
TIMES = {"$__rate_interval": "5m", "$__range": "1h"}
"""What Grafana puts in the place of its variables."""


@pytest.fixture(scope="module")
def dashboard():
    return json.loads(FILE.read_text())


def queries(dashboard: dict) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def metrics_of(query: str) -> Iterator[str]:
    """The names of the metrics that a query selects."""
    for variable, value in TIMES.items():
        query = query.replace(variable, value)
    found: list[str] = []

    def visit(node: object) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node.name)
        return True

    promql_parser.walk(promql_parser.parse(query), visit)
    yield from found


def test_every_query_names_a_metric_that_is_there(dashboard):
    begin, loop = sdks.LOOPED["chat"]
    secret = bodies.chat(["a@b.org, "])[1]
    away = Upstream(url=nobody(), apis=("openai",), retries=0, breaker_failures=1)
    with Provider([*begin, secret, Forever((loop,))]) as provider:
        upstreams = {"away": away, "mock": Upstream(url=provider.url.removesuffix("/v1"), apis=("openai",))}
        more = {"guard": Settings(redact=Redact(rules=("email",))), "viewers": Viewers(per_stream=0)}
        with running(GatewayConfig(listen="127.0.0.1:0", drain_s=1, upstreams=upstreams, **more)) as gateway:
            for upstream in upstreams:
                with contextlib.suppress(httpx2.RemoteProtocolError):
                    httpx2.post(f"{gateway.url}/{upstream}/v1/chat/completions", json={"model": "m", "stream": True})
            id = gateway.streams()[-1]["id"]
            assert httpx2.get(f"{gateway.url}/midstream/v1/streams/{id}/events").status_code == 503
            text = httpx2.get(f"{gateway.url}/metrics").text
    there = set()
    for family in text_string_to_metric_families(text):
        # A counter or a histogram that has counted nothing yet has no sample.
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
        there |= {family.name + suffix for suffix in suffixes}
    asked = {name for query in queries(dashboard) for name in metrics_of(query)}
    assert len(asked) > 10
    assert asked <= there


def test_grafanas_own_model_reads_it_whole(dashboard):
    read = grafana.Dashboard.from_json(dashboard)
    assert read.title == "MidStream gateway"
    assert read.panels is not None
    assert len(read.panels) == len(dashboard["panels"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
