//! A collector of OpenTelemetry is told of every call of an upstream, and of no text.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, Config, RouteConfig, Server, TelemetryConfig, UpstreamConfig};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use support::answers::all;
use support::routes::{cut, two_routes_and};
use support::{Asker, LONGEST, Mock, Script, Seen, chat, chat_end, gateway_with};
use tokio::net::TcpListener;
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
const CANARY: &str = "the canary sings";

/// What a collector was sent, as it came.
#[derive(Clone, Default)]
struct Collector {
    traces: Arc<Mutex<Vec<Bytes>>>,
    metrics: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    /// Starts one; its URL comes with it.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let take =
            |State(kept): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes| async move { kept.lock().unwrap().push(body) };
        let router = Router::new()
            .route("/v1/traces", post(take).with_state(Arc::clone(&collector.traces)))
            .route("/v1/metrics", post(take).with_state(Arc::clone(&collector.metrics)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        (collector, url)
    }

    fn spans(&self) -> Vec<Span> {
        let sent = self.traces.lock().unwrap().clone();
        let requests = sent.into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap());
        let scopes = requests.flat_map(|request| request.resource_spans).flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    fn metrics(&self) -> Vec<String> {
        let sent = self.metrics.lock().unwrap().clone();
        let requests = sent.into_iter().map(|body| ExportMetricsServiceRequest::decode(body).unwrap());
        let scopes = requests.flat_map(|request| request.resource_metrics).flat_map(|resource| resource.scope_metrics);
        let mut names: Vec<String> = scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name).collect();
        names.sort();
        names.dedup();
        names
    }

    /// What a histogram was told last: attributes, how many values, and their sum.
    fn histogram(&self, name: &str) -> Vec<(BTreeMap<String, String>, u64, f64)> {
        let sent = self.metrics.lock().unwrap().clone();
        let requests = sent.into_iter().map(|body| ExportMetricsServiceRequest::decode(body).unwrap());
        let scopes = requests.flat_map(|request| request.resource_metrics).flat_map(|resource| resource.scope_metrics);
        let metric = scopes.flat_map(|scope| scope.metrics).filter(|metric| metric.name == name).last();
        let Some(metric::Data::Histogram(histogram)) = metric.and_then(|metric| metric.data) else { return Vec::new() };
        let owned = |(name, value): (&str, String)| (name.to_owned(), value);
        let points = histogram.data_points.iter();
        points
            .map(|point| {
                let attributes = attributes(&point.attributes).into_iter().map(owned).collect();
                (attributes, point.count, point.sum.unwrap())
            })
            .collect()
    }

    fn holds(&self, text: &str) -> bool {
        let sent = [self.traces.lock().unwrap().clone(), self.metrics.lock().unwrap().clone()].concat();
        sent.iter().any(|body| body.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

async fn told(mock: &Mock, url: &str) -> Server {
    let telemetry = TelemetryConfig { otlp: Some(url.to_owned()), ..TelemetryConfig::default() };
    gateway_with(mock, Api::Openai, |config: &mut Config| config.telemetry = telemetry).await
}

fn attributes(given: &[KeyValue]) -> BTreeMap<&str, String> {
    let value = |pair: &KeyValue| match pair.value.clone().unwrap().value.unwrap() {
        any_value::Value::StringValue(text) => text,
        any_value::Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    given.iter().map(|pair| (pair.key.as_str(), value(pair))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_a_span_of_the_clients_trace_and_holds_no_text() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let (collector, url) = Collector::start().await;
    let mock = Mock::start(Script::of([chat(CANARY), chat("again"), chat_end()])).await;
    let server = told(&mock, &url).await;
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let body = r#"{"model":"m","stream":true,"conversation":{"id":"conv-7"}}"#;
    all(Asker::new(&server).send_with("POST", CHAT, body, &[("traceparent", &parent)]).await).await;
    let Seen::Asked { headers, .. } = mock.next().await else { panic!("the provider saw no request") };
    let sent = headers["traceparent"].to_str().unwrap().to_owned();
    timeout(LONGEST, server.stop()).await.unwrap();
    let spans = collector.spans();
    let [span] = &spans[..] else { panic!("{} spans", spans.len()) };
    assert_eq!((span.name.as_str(), hex(&span.trace_id).as_str()), ("chat m", TRACE));
    assert_eq!(hex(&span.parent_span_id), "b7ad6b7169203331");
    assert_eq!(sent, format!("00-{TRACE}-{}-01", hex(&span.span_id)));
    let held = attributes(&span.attributes);
    assert_eq!(held["gen_ai.operation.name"], "chat");
    assert_eq!(held["gen_ai.provider.name"], "openai");
    assert_eq!(held["gen_ai.request.model"], "m");
    assert_eq!(held["gen_ai.request.stream"], "BoolValue(true)");
    assert_eq!(held["gen_ai.conversation.id"], "conv-7");
    assert_eq!(held["server.port"], mock.address.port().to_string());
    let first = &held["langfuse.observation.completion_start_time"];
    assert!(first.starts_with("20") && first.ends_with('Z') && first.contains('T'), "{first}");
    assert!(held.contains_key("gen_ai.usage.output_tokens") && !held.contains_key("error.type"), "{held:?}");
    let metrics = collector.metrics();
    for name in [
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_per_output_chunk",
        "gen_ai.client.token.usage",
        "gen_ai.server.time_to_first_token",
    ] {
        assert!(metrics.iter().any(|known| known == name), "{metrics:?}");
    }
    assert!(!collector.holds(CANARY));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_say_which_tokens_are_an_estimate_and_name_models_of_the_configuration() {
    let (collector, url) = Collector::start().await;
    let usage = json!({"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}});
    let mock = Mock::start(Script::of([chat("Hello"), Bytes::from(format!("data: {usage}\n\n")), chat_end()])).await;
    let silent = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config: &mut Config| {
        config.telemetry.otlp = Some(url);
        let upstream = UpstreamConfig::new(format!("http://{}", silent.address), &[Api::Openai]);
        config.upstreams.insert("silent".to_owned(), upstream);
        config.models.insert("fast".to_owned(), vec![RouteConfig { upstream: "mock".to_owned(), model: None }]);
    })
    .await;
    let asker = Asker::new(&server);
    all(asker.send("POST", CHAT, r#"{"model":"fast","stream":true}"#).await).await;
    all(asker.send("POST", &format!("/silent{CHAT}"), r#"{"model":"of-a-client","stream":true}"#).await).await;
    timeout(LONGEST, server.stop()).await.unwrap();
    let told = collector.histogram("gen_ai.client.token.usage");
    let of = |attributes: &BTreeMap<String, String>, name: &str| attributes.get(name).cloned().unwrap_or_default();
    let names = ["gen_ai.request.model", "gen_ai.token.type", "midstream.usage.source"];
    let mut told: Vec<([String; 3], f64)> =
        told.iter().map(|(attributes, _, sum)| (names.map(|name| of(attributes, name)), *sum)).collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [
        (["", "output", "estimated"], 2.0),
        (["fast", "input", "reported"], 7.0),
        (["fast", "output", "reported"], 2.0),
    ];
    assert_eq!(told, expected.map(|(names, sum)| (names.map(str::to_owned), sum)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_an_error_with_what_the_check_found() {
    let (collector, url) = Collector::start().await;
    let mock = Mock::start(Script::of(vec![chat("again and again and "); 400])).await;
    let server = told(&mock, &url).await;
    all(Asker::new(&server).post(CHAT).await).await;
    timeout(LONGEST, server.stop()).await.unwrap();
    let spans = collector.spans();
    assert_eq!(attributes(&spans[0].attributes)["error.type"], "halted");
    let found = attributes(&spans[0].events[0].attributes);
    assert_eq!(found["gen_ai.evaluation.name"], "repeat/exact");
    assert!(!collector.holds("again and again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_that_is_asked_is_a_span_and_knows_its_own() {
    let (collector, url) = Collector::start().await;
    let first = Mock::start(cut(&[chat("Hello")])).await;
    let second = Mock::start(Script { status: Some(StatusCode::BAD_REQUEST), ..Script::of([chat_end()]) }).await;
    let server = two_routes_and(&first, &second, Api::Openai, "{}", &[], |config| {
        config.telemetry.otlp = Some(url);
    })
    .await;
    let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    let response = Asker::new(&server).send("POST", CHAT, body).await;
    assert!(timeout(LONGEST, response.into_body().collect()).await.unwrap().is_err());
    let Seen::Asked { headers, .. } = second.next().await else { panic!("the second saw no request") };
    timeout(LONGEST, server.stop()).await.unwrap();
    let mut ends = BTreeMap::new();
    for span in collector.spans() {
        let held = attributes(&span.attributes);
        if held["midstream.upstream"] == "second" {
            assert!(headers["traceparent"].to_str().unwrap().contains(&hex(&span.span_id)));
        }
        ends.insert(held["midstream.upstream"].clone(), held["error.type"].clone());
    }
    assert_eq!(ends, [("mock", "truncated"), ("second", "failed")].map(|(one, end)| (one.into(), end.into())).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_costs_no_stream() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = told(&mock, &format!("http://{gone}")).await;
    let body = all(Asker::new(&server).post(CHAT).await).await;
    assert!(body.ends_with(b"data: [DONE]\n\n"));
    timeout(LONGEST + Duration::from_secs(10), server.stop()).await.unwrap();
}

#[tokio::test]
async fn models_that_are_listed_are_no_operation() {
    let (collector, url) = Collector::start().await;
    let mock = Mock::start(Script { content_type: "application/json", ..Script::of(["{}"]) }).await;
    let server = told(&mock, &url).await;
    all(Asker::new(&server).send("GET", "/v1/models", "").await).await;
    timeout(LONGEST, server.stop()).await.unwrap();
    assert!(collector.spans().is_empty());
}

/// An answer that calls a tool.
fn call(id: &str) -> Bytes {
    let function = json!({"name": "search", "arguments": "{}"});
    let delta = json!({"tool_calls": [{"index": 0, "id": id, "type": "function", "function": function}]});
    let chunk = |delta: Value, reason: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        format!(
            "data: {}\n\n",
            json!({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})
        )
    };
    (chunk(delta, None) + &chunk(json!({}), Some("tool_calls")) + "data: [DONE]\n\n").into()
}

/// A request of an agent whose calls have these ids, each with its result.
fn turns(ids: &[&str]) -> String {
    let turn = |id: &&str| {
        let function = json!({"name": "search", "arguments": "{}"});
        [
            json!({"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": function}]}),
            json!({"role": "tool", "tool_call_id": id, "content": format!("{CANARY} {id}")}),
        ]
    };
    let user = json!({"role": "user", "content": "find it"});
    let messages: Vec<Value> = std::iter::once(user).chain(ids.iter().flat_map(turn)).collect();
    json!({"model": "m", "stream": true, "messages": messages}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_takes_until_its_result_comes_and_an_agent_until_it_calls_none() {
    let (collector, url) = Collector::start().await;
    let first = Mock::start(Script::of([call("c1")])).await;
    let second = Mock::start(Script::of([chat("Nothing."), chat_end()])).await;
    let server = gateway_with(&first, Api::Openai, |config: &mut Config| {
        config.telemetry.otlp = Some(url);
        let url = format!("http://{}", second.address);
        config.upstreams.insert("second".to_owned(), UpstreamConfig::new(url, &[Api::Openai]));
    })
    .await;
    let asker = Asker::new(&server);
    let ask = async |upstream: &str, body: String| {
        all(asker.send("POST", &format!("/{upstream}{CHAT}"), body).await).await;
    };
    ask("mock", turns(&[])).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    ask("second", turns(&["c1"])).await;
    // An answer to a call that nobody saw is no run of an agent that is known.
    ask("second", turns(&["c9"])).await;
    timeout(LONGEST, server.stop()).await.unwrap();
    let tools = collector.histogram("gen_ai.execute_tool.duration");
    let [(attributes, 1, tool)] = &tools[..] else { panic!("{tools:?}") };
    assert_eq!((&*attributes["gen_ai.operation.name"], &*attributes["gen_ai.tool.name"]), ("execute_tool", "search"));
    let agents = collector.histogram("gen_ai.invoke_agent.duration");
    let [(attributes, 1, agent)] = &agents[..] else { panic!("{agents:?}") };
    assert_eq!(attributes["gen_ai.operation.name"], "invoke_agent");
    assert!(0.02 <= *tool && tool <= agent, "{tool} {agent}");
    assert!(!collector.holds(CANARY));
}
