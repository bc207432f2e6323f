"""What streams use is limited, booked and shown, and the sums are those of the provider."""

import json

import httpx2
import openai
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import bodies
import sdks
from gateways import running
from midstream.errors import InputError
from midstream.gateway import GatewayConfig, Key, Limits, Tenant, Upstream, Usage
from midstream.stream import Budget, Settings
from provider import Cut, Forever, Provider, Reply

SECRET = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
"""The SHA-256 of "secret"."""
WORDS = ["One ", "morning ", "a ", "small ", "boat ", "left ", "for ", "an ", "island ", "nobody ", "knew. "]


def counted(words: int) -> bytes:
    """The event with the provider's count of tokens."""
    usage = {"prompt_tokens": 10 + words, "completion_tokens": words, "total_tokens": 10 + 2 * words}
    return bodies.sse({"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": usage})


class Mixed:
    """Streams that end in turn in each way, and the log of what they were."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.reported = (0, 0)

    def __call__(self, request: str) -> object:
        end = ("complete", "uncounted", "halted", "truncated", "failed")[len(self.ends) % 5]
        self.ends.append(end)
        words = 1 + len(self.ends) % len(WORDS)
        *begin, done = bodies.chat(WORDS[:words])
        match end:
            case "complete":
                self.reported = (self.reported[0] + 10 + words, self.reported[1] + words)
                return [*begin, counted(words), done]
            case "uncounted":
                return [*begin, done]
            case "halted":
                return [*sdks.LOOPED["chat"][0], Forever((sdks.LOOPED["chat"][1],))]
            case "truncated":
                return [*begin[:-1], Cut()]
            case _:
                return Reply([b'{"error": {"message": "no"}}'], "application/json", 400)


def gateway_to(url: str, **more: object) -> object:
    upstream = Upstream(url=url.removesuffix("/v1"), apis=("openai", "anthropic"), retries=0)
    return running(GatewayConfig(listen="127.0.0.1:0", drain_s=1, upstreams={"mock": upstream}, **more))


def ask(client: httpx2.Client, url: str) -> None:
    """Read an answer to its end, whichever that is."""
    try:
        with client.stream("POST", f"{url}/v1/chat/completions", json={"model": "m", "stream": True}) as answer:
            for _ in answer.iter_bytes():
                pass
    except httpx2.HTTPError:
        pass


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Samples by their name and the values of their labels, in order of the labels' names."""
    families = text_string_to_metric_families(text)
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_sums_of_metrics_and_usage_are_those_of_the_providers_log():
    mixed, streams = Mixed(), 60
    with (
        Provider(mixed) as provider,
        gateway_to(provider.url) as gateway,
        httpx2.Client(timeout=30) as client,
    ):
        for _ in range(streams):
            ask(client, gateway.url)
        found = samples(client.get(f"{gateway.url}/metrics").text)
        usage = gateway.usage()
        shown = client.get(f"{gateway.url}/midstream/v1/usage").json()["usage"]
        records = [record for stream in gateway.streams() for record in stream["usage"]]
    assert len(mixed.ends) == len(records) == streams
    ends = [{"uncounted": "complete"}.get(end, end) for end in mixed.ends]
    for end in set(ends):
        assert found["midstream_streams_total", ("openai", end)] == ends.count(end)
        assert found["midstream_usage_records_total", (end, "mock")] == ends.count(end)
    assert found["midstream_streams_active", ("openai",)] == 0
    assert found["midstream_tokens_total", ("openai", "input", "reported")] == mixed.reported[0]
    assert found["midstream_tokens_total", ("openai", "output", "reported")] == mixed.reported[1]
    estimated = sum(record["output"] for record in records if record["source"] == "estimated")
    assert found["midstream_tokens_total", ("openai", "output", "estimated")] == estimated > 0
    assert usage == shown
    (row,) = usage
    assert (row["model"], row["upstream"], row["requests"]) == ("m", "mock", streams)
    assert row["output"] == mixed.reported[1] + estimated
    assert row["input"] == mixed.reported[0] + row["input_estimated"]
    assert row["output_estimated"] == estimated


def test_a_limit_raises_the_sdks_own_error():
    key = Key(sha256=SECRET, limits=Limits(requests_per_min=1))
    with Provider(bodies.chat(["Hi"])) as provider, gateway_to(provider.url, keys={"alice": key}) as gateway:
        client = openai.OpenAI(api_key="secret", base_url=f"{gateway.url}/v1", max_retries=0)
        list(sdks.create("chat", client))
        with pytest.raises(openai.RateLimitError, match="may make 1 requests a minute") as raised:
            sdks.create("chat", client)
    assert 1 <= int(raised.value.response.headers["retry-after"]) <= 60


def test_records_are_written_to_a_file_with_what_they_cost(tmp_path):
    file = tmp_path / "usage.jsonl"
    guard = Settings(budget=Budget(cost=1.0, price_input=1.0, price_output=10.0))
    *begin, done = bodies.chat(["Hi"])
    more = {"usage": Usage(file=str(file)), "guard": guard}
    with Provider([*begin, counted(1), done]) as provider, gateway_to(provider.url, **more) as gateway:
        client = openai.OpenAI(api_key="k", base_url=f"{gateway.url}/v1", max_retries=0)
        list(sdks.create("chat", client))
    (record,) = map(json.loads, file.read_text().splitlines())
    assert (record["end"], record["input"], record["output"], record["source"]) == ("complete", 11, 1, "reported")
    assert record["cost"] == pytest.approx((11 * 1 + 1 * 10) / 1e6)


def test_a_file_that_cannot_be_written_is_told_at_the_start(tmp_path):
    config = GatewayConfig(listen="127.0.0.1:0", usage=Usage(file=str(tmp_path)))
    with pytest.raises(InputError, match="cannot write usage to"), running(config):
        pass


def test_a_file_names_limits_tenants_and_usage(tmp_path):
    path = tmp_path / "midstream.toml"
    path.write_text(f"""
        [keys.alice]
        sha256 = "{SECRET}"
        tenant = "blue"
        limits = {{ concurrent = 2 }}
        [tenants.blue.limits]
        tokens_per_day = 1000
        [usage]
        wait_s = 0.5
    """)
    config = GatewayConfig.load(path)
    assert config.keys["alice"].limits == Limits(concurrent=2)
    assert config.tenants == {"blue": Tenant(limits=Limits(tokens_per_day=1000))}
    assert config.usage == Usage(wait_s=0.5)
