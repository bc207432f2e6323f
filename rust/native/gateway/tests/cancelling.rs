//! Whoever leaves, wherever and whenever, closes the provider: every endpoint, in every phase, over either HTTP.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::BodyExt;
use midstream_gateway::{Api, Config, Server, TlsConfig, UpstreamConfig};
use serde_json::Value;
use support::certificates::Authority;
use support::connections::{Connection, Http, Raw};
use support::endpoints::{ENDPOINTS, Endpoint, Phase};
use support::ends::{all_ended, ended, in_time};
use support::{LONGEST, Mock, Script, chat, gateway_with, mock_of};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

async fn gateway(upstreams: BTreeMap<String, UpstreamConfig>, http: Http) -> Server {
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        upstreams,
        tls: (http == Http::Two).then(|| TlsConfig { generated: true, ..TlsConfig::default() }),
        ..Config::default()
    };
    Server::start(config).await.unwrap()
}

/// So many streams were cancelled by their clients, and each is booked once.
async fn all_cancelled(server: &Server, count: usize, what: &str) {
    for stream in all_ended(server, count).await {
        let path = &stream["path"];
        let told = (&stream["end"]["state"], &stream["end"]["cause"], &stream["cause"]);
        assert_eq!(told, (&"cancelled".into(), &"client_left".into(), &"client_left".into()), "{what} {path}");
        let records = stream["usage"].as_array().unwrap();
        let ends: Vec<&Value> = records.iter().map(|record| &record["end"]).collect();
        assert_eq!(ends, ["cancelled"], "{what} {path}");
        assert_ne!(records[0]["source"], "reported", "{what} {path}");
    }
    let usage: Value = serde_json::from_str(&server.usage_json()).unwrap();
    let requests = usage["usage"].as_array().unwrap().iter().map(|row| row["requests"].as_u64().unwrap());
    assert_eq!(requests.sum::<u64>(), count as u64, "{what}");
}

/// Asks, and leaves as soon as the provider has come that far; gives how long it takes until the provider is closed.
async fn ask_and_leave(server: &Server, endpoint: &Endpoint, mock: &Mock, phase: Phase, http: Http) -> Duration {
    let mut connection = Connection::open(server, http).await;
    let left = if phase == Phase::InTheBody {
        let mut response = connection.send(endpoint.request()).await.unwrap();
        let frame = timeout(LONGEST, response.body_mut().frame()).await.expect("nothing came");
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), endpoint.begin, "{}", endpoint.name);
        let left = Instant::now();
        drop((response, connection));
        left
    } else {
        let request = endpoint.request();
        let asking = tokio::spawn(async move { connection.send(request).await.map(|_| ()) });
        mock.asked().await;
        let left = Instant::now();
        asking.abort();
        left
    };
    let (is_whole, closed) = mock.closed().await;
    assert!(!is_whole, "{} {phase:?} {http:?}", endpoint.name);
    closed.saturating_duration_since(left)
}

#[tokio::test]
async fn a_client_that_leaves_any_endpoint_in_any_phase_closes_the_provider() {
    for (phase, http) in Phase::ALL.into_iter().flat_map(|phase| Http::BOTH.map(|http| (phase, http))) {
        let mut mocks = Vec::new();
        for endpoint in &ENDPOINTS {
            mocks.push(Mock::start(phase.script(endpoint)).await);
        }
        let upstreams = ENDPOINTS.iter().zip(&mocks);
        let upstreams = upstreams.map(|(endpoint, mock)| endpoint.upstream(format!("http://{}", mock.address)));
        let server = gateway(upstreams.collect(), http).await;
        let mut count = 0;
        for (endpoint, mock) in ENDPOINTS.iter().zip(&mocks) {
            let what = format!("{} {phase:?} {http:?}", endpoint.name);
            count += in_time(&what, async || ask_and_leave(&server, endpoint, mock, phase, http).await).await;
        }
        all_cancelled(&server, count, &format!("{phase:?} {http:?}")).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_any_endpoint_resets_its_stream_where_the_provider_speaks_http_2() {
    let authority = Authority::new();
    let identity = authority.issue("localhost");
    for phase in Phase::ALL {
        let mut mocks = Vec::new();
        for endpoint in &ENDPOINTS {
            mocks.push(Mock::start_tls(phase.script(endpoint), identity.acceptor(&["h2"])).await);
        }
        let upstreams = ENDPOINTS.iter().zip(&mocks).map(|(endpoint, mock)| {
            let (name, upstream) = endpoint.upstream(format!("https://localhost:{}", mock.address.port()));
            (name, UpstreamConfig { ca: Some(authority.file()), ..upstream })
        });
        let server = gateway(upstreams.collect(), Http::One).await;
        let mut count = 0;
        for (endpoint, mock) in ENDPOINTS.iter().zip(&mocks) {
            let what = format!("{} {phase:?}", endpoint.name);
            count += in_time(&what, async || ask_and_leave(&server, endpoint, mock, phase, Http::One).await).await;
            assert_eq!(mock.connections(), 1);
        }
        all_cancelled(&server, count, &format!("{phase:?}")).await;
    }
}

/// Answers up to the reason of their end, where the provider may still send its count, and with the count.
fn finished() -> Vec<(&'static str, &'static str, String, bool)> {
    let chat =
        |more: &str| format!("data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",{more}}}\n\n");
    let stop = chat(r#""choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]"#);
    let count = chat(r#""choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}"#);
    let message = r#"event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":7,"output_tokens":2}}

"#;
    let ollama = r#"{"model":"m","message":{"role":"assistant","content":"Hi"},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":2}
"#;
    let gemini = r#"data: {"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2}}

"#;
    vec![
        ("chat", "chat without its count", stop.clone(), false),
        ("chat", "chat", format!("{stop}{count}"), true),
        ("messages", "messages", message.to_owned(), true),
        ("ollama-chat", "ollama", ollama.to_owned(), true),
        ("gemini-stream", "gemini", gemini.to_owned(), true),
    ]
}

#[tokio::test]
async fn a_client_that_leaves_behind_the_reason_of_the_end_closes_the_provider() {
    for http in Http::BOTH {
        for (name, what, text, is_counted) in finished() {
            let endpoint = ENDPOINTS.iter().find(|endpoint| endpoint.name == name).unwrap();
            let text: &'static str = text.leak();
            let endpoint = Endpoint { begin: text, ..*endpoint };
            let mock = Mock::start(Phase::InTheBody.script(&endpoint)).await;
            let upstream = endpoint.upstream(format!("http://{}", mock.address));
            let server = gateway([upstream].into(), http).await;
            let what = format!("{what} {http:?}");
            let count = in_time(&what, async || ask_and_leave(&server, &endpoint, &mock, Phase::InTheBody, http).await);
            for stream in all_ended(&server, count.await).await {
                assert_eq!(stream["end"]["state"], "complete", "{what}");
                let source = if is_counted { "reported" } else { "estimated" };
                assert_eq!(stream["usage"][0]["source"], source, "{what}");
            }
        }
    }
}

/// Asks, and leaves inside the handshake of its upstream; gives how long it takes until the attempt is given up.
async fn connect_and_leave(server: &Server, endpoint: &Endpoint, silent: &TcpListener, http: Http) -> Duration {
    let mut connection = Connection::open(server, http).await;
    let request = endpoint.request();
    let asking = tokio::spawn(async move { connection.send(request).await.map(|_| ()) });
    let mut attempt = Raw(timeout(LONGEST, silent.accept()).await.expect("no attempt").unwrap().0);
    let left = Instant::now();
    asking.abort();
    attempt.rest().await;
    left.elapsed()
}

#[tokio::test]
async fn a_client_that_leaves_any_endpoint_while_its_upstream_is_connected_ends_the_attempt() {
    for http in Http::BOTH {
        let mut silent = Vec::new();
        for _ in &ENDPOINTS {
            silent.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let upstreams = ENDPOINTS.iter().zip(&silent).map(|(endpoint, silent)| {
            // A handshake that never ends.
            endpoint.upstream(format!("https://{}", silent.local_addr().unwrap()))
        });
        let server = gateway(upstreams.collect(), http).await;
        let mut count = 0;
        for (endpoint, silent) in ENDPOINTS.iter().zip(&silent) {
            let what = format!("{} connecting {http:?}", endpoint.name);
            count += in_time(&what, async || connect_and_leave(&server, endpoint, silent, http).await).await;
        }
        all_cancelled(&server, count, &format!("connecting {http:?}")).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_behind_its_next_request_closes_the_provider() {
    let mock = Mock::start(Script { before: LONGEST * 4, ..Script::of([chat("late")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |_| ()).await;
    let mut raw = Raw::open(&server).await;
    raw.write(support::connections::chat_request().repeat(2)).await;
    mock.asked().await;
    drop(raw);
    assert!(!mock.closed().await.0);
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_turn_where_the_client_writes_no_more() {
    let mut script = Script { before: Duration::from_millis(100), ..Script::of([chat("Hello")]) };
    script.chunks.push((Duration::from_millis(100), support::chat_end()));
    let mock = Mock::start(script).await;
    let server = gateway_with(&mock, Api::Openai, |_| ()).await;
    let mut raw = Raw::open(&server).await;
    raw.write(support::connections::chat_request().repeat(2)).await;
    raw.0.shutdown().await.unwrap();
    let answers = raw.rest().await;
    assert_eq!(answers.matches("[DONE]").count(), 2, "{answers}");
}

#[tokio::test]
async fn an_operator_ends_a_stream_that_nobody_has_answered() {
    for phase in [Phase::BeforeTheHead, Phase::InOnePiece] {
        let mock = Mock::start(phase.script(&ENDPOINTS[0])).await;
        let server = gateway_with(&mock, Api::Openai, |_| ()).await;
        let mut connection = Connection::open(&server, Http::One).await;
        let asking = tokio::spawn(async move {
            let answer = connection.post(ENDPOINTS[0].path).await.unwrap();
            (answer.status(), answer.into_body().collect().await.unwrap().to_bytes())
        });
        mock.asked().await;
        let streams: Vec<Value> = serde_json::from_str(&server.streams_json()).unwrap();
        assert!(server.cancel(streams[0]["id"].as_str().unwrap()));
        assert!(!mock.closed().await.0);
        let (status, body) = timeout(LONGEST, asking).await.expect("no answer").unwrap();
        assert_eq!(status, 409);
        assert!(String::from_utf8_lossy(&body).contains("midstream_cancelled"), "{body:?}");
        let stream = ended(&server).await;
        assert_eq!(stream["end"], serde_json::json!({"state": "cancelled", "cause": "operator"}), "{phase:?}");
        assert_eq!(stream["usage"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn who_waits_is_told_that_the_gateway_stops() {
    for phase in [Phase::BeforeTheHead, Phase::InOnePiece] {
        let mock = Mock::start(phase.script(&ENDPOINTS[0])).await;
        let server = gateway_with(&mock, Api::Openai, |config| config.drain_s = 0.2).await;
        let mut raw = Raw::open(&server).await;
        raw.write(support::connections::chat_request()).await;
        mock.asked().await;
        server.stop().await;
        assert!(!mock.closed().await.0);
        let answer = raw.rest().await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("midstream_draining"), "{phase:?} {answer}");
    }
}

#[tokio::test]
async fn a_stream_that_nobody_could_answer_has_failed_and_nobody_left() {
    let mock = Mock::start(Script::default()).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let upstream = mock_of(config);
        (upstream.url, upstream.retries) = ("http://127.0.0.1:1".to_owned(), 0);
    })
    .await;
    let answer = Connection::open(&server, Http::One).await.post(ENDPOINTS[0].path).await.unwrap();
    assert_eq!(answer.status(), 502);
    let stream = ended(&server).await;
    assert_eq!(stream["end"], serde_json::json!({"state": "failed", "cause": "no_answer"}));
    assert_eq!(stream["cause"], Value::Null);
}
