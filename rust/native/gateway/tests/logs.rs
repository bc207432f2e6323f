//! One line for each thing that happens: names and numbers that are true, and nothing that anybody wrote.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use midstream_gateway::{
    Api, Config, KeyConfig, LimitsConfig, Log, LogFormat, ModeratorConfig, OnModeratorFailure, RouteConfig, Server,
    TlsConfig, UpstreamConfig,
};
use midstream_stream::Settings;
use serde_json::{Value, json};
use support::answers::{all, id_of};
use support::keys::key;
use support::lines::listen;
use support::{Asker, Mock, Script, chat, chat_end, gateway_with};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";

fn lines(log: &Log) -> Vec<Value> {
    log.lines().close();
    log.lines().take().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn named<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["message"] == name).collect()
}

fn names(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["message"].as_str().unwrap()).collect()
}

/// Reads an answer as far as it comes.
async fn read(response: Response<Incoming>) -> StatusCode {
    let (status, mut body) = (response.status(), response.into_body());
    timeout(support::LONGEST, async { while let Some(Ok(_)) = body.frame().await {} }).await.unwrap();
    status
}

#[tokio::test]
async fn the_status_of_a_head_that_was_sent_early_is_the_one_that_the_client_saw() {
    for (answer, end) in [(StatusCode::OK, "complete"), (StatusCode::BAD_REQUEST, "failed")] {
        let (log, _guard) = listen(LogFormat::Json);
        let before = Duration::from_millis(500);
        let script = Script { before, status: Some(answer), ..Script::of([chat("Hello"), chat_end()]) };
        let mock = Mock::start(script).await;
        let server = gateway_with(&mock, Api::Openai, |config| {
            (config.early_head, config.keepalive_s) = (true, 0.05);
        })
        .await;
        assert_eq!(read(Asker::new(&server).post(CHAT).await).await, StatusCode::OK);
        server.stop().await;
        let lines = lines(&log);
        let [line] = &named(&lines, "stream_ended")[..] else { panic!("{lines:?}") };
        assert_eq!((&line["status"], &line["end"]), (&json!(200), &json!(end)), "{answer}");
    }
}

#[tokio::test]
async fn a_stream_has_one_line_at_its_end_between_those_of_the_gateway() {
    let (log, _guard) = listen(LogFormat::Json);
    let usage = r#"data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"#;
    let chunks = [chat("Hello"), chat(" world"), format!("{usage}\n\n").into(), chat_end()];
    let bytes: usize = chunks.iter().map(Bytes::len).sum();
    let mock = Mock::start(Script::of(chunks)).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let route = RouteConfig { upstream: "mock".to_owned(), model: None };
        config.models.insert("m".to_owned(), vec![route]);
    })
    .await;
    let address = server.address().to_string();
    let response = Asker::new(&server).post(CHAT).await;
    let id = id_of(&response);
    all(response).await;
    server.stop().await;
    let lines = lines(&log);
    assert_eq!(names(&lines), ["started", "stream_ended", "draining", "stopped"]);
    assert_eq!(
        (&lines[0]["address"], &lines[0]["upstreams"], &lines[0]["tls"]),
        (&json!(address), &json!("mock"), &json!(false))
    );
    let ended = &lines[1];
    assert_eq!(ended["level"], "INFO");
    for (field, value) in [
        ("stream", json!(id)),
        ("api", json!("openai")),
        ("model", json!("m")),
        ("upstream", json!("mock")),
        ("status", json!(200)),
        ("end", json!("complete")),
        ("findings", json!(0)),
        ("bytes", json!(bytes)),
        ("input_tokens", json!(7)),
        ("output_tokens", json!(2)),
        ("input_source", json!("reported")),
        ("output_source", json!("reported")),
    ] {
        assert_eq!(ended[field], value, "{field} of {ended}");
    }
    assert!(ended["duration_ms"].as_f64() >= ended["ttft_ms"].as_f64() && ended["ttft_ms"].is_f64(), "{ended}");
    for absent in ["cause", "check", "tenant", "key"] {
        assert!(ended.get(absent).is_none(), "{ended}");
    }
}

#[tokio::test]
async fn a_stop_is_told_with_its_finding_and_a_model_that_only_the_client_names_is_not() {
    let (log, _guard) = listen(LogFormat::Json);
    let looping: Vec<Bytes> = (0..400).map(|_| chat("I am done. ")).collect();
    let mock = Mock::start(Script { hangs: true, ..Script::of(looping) }).await;
    let server = gateway_with(&mock, Api::Openai, |_| ()).await;
    read(Asker::new(&server).post(CHAT).await).await;
    server.stop().await;
    let lines = lines(&log);
    let [ended] = named(&lines, "stream_ended")[..] else { panic!("{lines:?}") };
    assert_eq!(
        (&ended["end"], &ended["check"], &ended["action"]),
        (&json!("halted"), &json!("repeat"), &json!("stop"))
    );
    assert!(ended.get("model").is_none() && !ended.to_string().contains("done"), "{ended}");
}

/// An answer in one piece.
fn whole(body: &str, status: u16) -> Script {
    Script {
        content_type: "application/json",
        length: Some(body.len()),
        status: Some(StatusCode::from_u16(status).unwrap()),
        ..Script::of([body.to_owned()])
    }
}

#[tokio::test]
async fn the_line_has_the_status_that_the_client_got() {
    let (log, _guard) = listen(LogFormat::Json);
    let text = "I am done. ".repeat(100);
    let body = json!({"id": "c1", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]});
    let mock = Mock::start(whole(&body.to_string(), 200)).await;
    let server = gateway_with(&mock, Api::Openai, |_| ()).await;
    let stopped = read(Asker::new(&server).post(CHAT).await).await;
    let refusing = Mock::start(whole("{}", 400)).await;
    let other = gateway_with(&refusing, Api::Openai, |_| ()).await;
    let refused = read(Asker::new(&other).post(CHAT).await).await;
    let gone = UpstreamConfig { retries: 0, ..UpstreamConfig::new("http://127.0.0.1:1", &[Api::Openai]) };
    let third = gateway_with(&mock, Api::Openai, |config| {
        config.upstreams.insert("mock".to_owned(), gone);
    })
    .await;
    let unreachable = read(Asker::new(&third).post(CHAT).await).await;
    let lines = lines(&log);
    let ended = named(&lines, "stream_ended");
    let statuses: Vec<_> = ended.iter().map(|line| line["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [stopped, refused, unreachable].map(|status| u64::from(status.as_u16())));
    assert_eq!(statuses, [422, 400, 502]);
    let [failed] = named(&lines, "upstream_failed")[..] else { panic!("{lines:?}") };
    assert_eq!((&failed["stream"], &failed["upstream"]), (&ended[2]["stream"], &json!("mock")));
    assert_eq!(failed["kind"], "midstream_upstream_unreachable");
    // Who refuses a request has not broken.
    assert_eq!([1, 2].map(|at| &ended[at]["level"]), ["INFO", "WARN"]);
}

#[tokio::test]
async fn retries_failover_and_circuits_are_told_with_the_stream_they_are_for() {
    let (log, _guard) = listen(LogFormat::Json);
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let gone = UpstreamConfig {
            retries: 1,
            breaker_failures: 2,
            ..UpstreamConfig::new("http://127.0.0.1:1", &[Api::Openai])
        };
        config.upstreams.insert("gone".to_owned(), gone);
        let route = |upstream: &str| RouteConfig { upstream: upstream.to_owned(), model: None };
        config.models.insert("m".to_owned(), vec![route("gone"), route("mock")]);
    })
    .await;
    read(Asker::new(&server).post(CHAT).await).await;
    let lines = lines(&log);
    assert_eq!(
        names(&lines)[1..],
        ["upstream_failed", "upstream_retried", "upstream_failed", "circuit_opened", "failed_over", "stream_ended"]
    );
    assert_eq!(lines[2]["upstream"], "gone");
    assert_eq!((&lines[5]["upstream"], &lines[6]["upstream"]), (&json!("mock"), &json!("mock")));
    assert!([1, 2, 3, 5].iter().all(|at| lines[*at]["stream"] == lines[6]["stream"]), "{lines:?}");
}

#[tokio::test]
async fn refusals_are_told_and_a_flood_of_them_is_counted() {
    let (log, _guard) = listen(LogFormat::Json);
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let limits = LimitsConfig { requests_per_min: Some(1), ..LimitsConfig::default() };
        let (models, tenant) = (Some(vec!["m".to_owned()]), Some("blue".to_owned()));
        config.keys.insert("alice".to_owned(), KeyConfig { models, tenant, limits, ..key("secret") });
        config.max_body = 1000;
    })
    .await;
    let mut asker = Asker::new(&server);
    for _ in 0..25 {
        assert_eq!(read(asker.post(CHAT).await).await, StatusCode::UNAUTHORIZED);
    }
    asker.key = Some("secret");
    let too_large = asker.send("POST", CHAT, "x".repeat(1001)).await;
    assert_eq!(read(too_large).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(read(asker.post(CHAT).await).await, StatusCode::OK);
    assert_eq!(read(asker.post(CHAT).await).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(read(asker.send("GET", "/metrics", "").await).await, StatusCode::FORBIDDEN);
    server.stop().await;
    let lines = lines(&log);
    let refused = named(&lines, "request_refused");
    let of = |status: u16| refused.iter().filter(|line| line["status"] == status).count();
    assert_eq!([401, 413, 429, 403].map(of), [10, 1, 1, 1]);
    let [left_out] = named(&lines, "refusals_left_out")[..] else { panic!("{lines:?}") };
    assert_eq!((&left_out["status"], &left_out["left_out"]), (&json!(401), &json!(15)));
    let [ended] = named(&lines, "stream_ended")[..] else { panic!("{lines:?}") };
    assert_eq!((&ended["key"], &ended["tenant"], &ended["model"]), (&json!("alice"), &json!("blue"), &json!("m")));
}

#[tokio::test]
async fn a_client_that_leaves_is_the_cause_of_the_end() {
    let (log, _guard) = listen(LogFormat::Json);
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |_| ()).await;
    let asker = Asker::new(&server);
    let mut response = asker.post(CHAT).await;
    response.frame().await.unwrap().unwrap();
    drop((response, asker));
    mock.closed().await;
    server.stop().await;
    let lines = lines(&log);
    let [ended] = named(&lines, "stream_ended")[..] else { panic!("{lines:?}") };
    assert_eq!((&ended["end"], &ended["cause"]), (&json!("cancelled"), &json!("client_left")));
}

#[tokio::test]
async fn another_configuration_is_told_and_so_is_why_one_was_not_taken() {
    let (log, _guard) = listen(LogFormat::Json);
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |_| ()).await;
    server.reload(Config { listen: server.address(), ..Config::default() }).unwrap();
    let elsewhere = Config { listen: "127.0.0.1:1".parse().unwrap(), ..Config::default() };
    server.reload(elsewhere).unwrap_err();
    let lines = lines(&log);
    assert_eq!(names(&lines), ["started", "configuration_reloaded", "configuration_refused"]);
    assert!(lines[2]["reason"].as_str().unwrap().starts_with("listen is 127.0.0.1:1"), "{lines:?}");
}

#[tokio::test]
async fn what_fails_beside_streams_is_told_once() {
    let (log, _guard) = listen(LogFormat::Json);
    let chunks = || [chat("The canary sings. "), chat("And so on. "), chat_end()];
    let mock = Mock::start(Script::of(chunks())).await;
    let gone = "http://127.0.0.1:1";
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.guard = Settings::from_json(r#"{"hold": {}}"#).unwrap();
        let on_failure = OnModeratorFailure::Release;
        config.moderator = Some(ModeratorConfig { on_failure, ..ModeratorConfig::new(gone) });
        config.telemetry.otlp = Some(gone.to_owned());
        if cfg!(target_os = "linux") {
            config.usage.file = Some("/dev/full".into());
        }
    })
    .await;
    let asker = Asker::new(&server);
    for _ in 0..2 {
        assert_eq!(all(asker.post(CHAT).await).await, chunks().concat());
    }
    server.stop().await;
    let lines = lines(&log);
    let count = |name| named(&lines, name).len();
    assert_eq!([count("moderator_failed"), count("telemetry_failed"), count("stream_ended")], [1, 2, 2], "{lines:?}");
    assert_eq!(count("usage_file_failed"), usize::from(cfg!(target_os = "linux")));
    assert!(!format!("{lines:?}").contains("canary"));
}

#[tokio::test]
async fn another_certificate_is_told() {
    let (log, _guard) = listen(LogFormat::Json);
    let config = |name: &str| Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: Some(TlsConfig { generated: true, names: vec![name.to_owned()], ..TlsConfig::default() }),
        ..Config::default()
    };
    let server = Server::start(config("one.example")).await.unwrap();
    server.reload(config("one.example")).unwrap();
    server.reload(config("other.example")).unwrap();
    let lines = lines(&log);
    assert_eq!(names(&lines), ["started", "configuration_reloaded", "configuration_reloaded", "certificate_reloaded"]);
    assert_eq!(lines[3]["sha256"], server.certificate().unwrap().sha256);
}
