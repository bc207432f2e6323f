//! Keys and tenants use what they may.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, Config, KeyConfig, LimitsConfig, Role, Server, TenantConfig, UpstreamConfig};
use serde_json::{Value, json};
use support::answers::{all, id_of, json_of, retry_after, text_of};
use support::ends::until;
use support::folder::Folder;
use support::keys::key;
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway_with};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";

/// A key that may do everything, as often and as much as its limits say.
fn limited_key(secret: &str, tenant: Option<&str>, limits: LimitsConfig) -> KeyConfig {
    let roles = vec![Role::Admin, Role::Call, Role::View];
    KeyConfig { roles, tenant: tenant.map(str::to_owned), limits, ..key(secret) }
}

/// A gateway whose one key may use so much.
async fn limited(mock: &Mock, api: Api, limits: LimitsConfig) -> (Server, Asker) {
    let server = gateway_with(mock, api, |config| {
        config.keys.insert("alice".to_owned(), limited_key("secret", None, limits));
    })
    .await;
    let asker = Asker::with_key(&server, "secret");
    (server, asker)
}

#[tokio::test]
async fn a_key_runs_no_more_requests_at_a_time_than_it_may() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let limits = LimitsConfig { concurrent: Some(1), ..LimitsConfig::default() };
    let (server, asker) = limited(&mock, Api::Openai, limits).await;
    let first = asker.post(CHAT).await;
    let refused = asker.post(CHAT).await;
    assert_eq!((refused.status(), retry_after(&refused)), (StatusCode::TOO_MANY_REQUESTS, Some(1)));
    assert_eq!(json_of(refused).await["error"]["type"], "midstream_too_many_streams");
    drop(first);
    until("there is room again", async || {
        Asker::with_key(&server, "secret").post(CHAT).await.status() == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn a_refusal_has_the_shape_of_the_api() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let limits = LimitsConfig { requests_per_min: Some(1), ..LimitsConfig::default() };
    let (_server, asker) = limited(&mock, Api::Anthropic, limits).await;
    all(asker.post("/v1/messages").await).await;
    let refused = asker.post("/v1/messages").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=60).contains(&retry_after(&refused).unwrap()));
    let told = json_of(refused).await;
    assert_eq!((&told["type"], &told["error"]["type"]), (&json!("error"), &json!("midstream_rate_limited")));
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("the key \"alice\" may make 1 requests a minute; ask again in "), "{message}");
}

#[tokio::test]
async fn tokens_of_a_request_that_runs_are_reserved_and_settled_at_its_end() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let limits = LimitsConfig { tokens_per_min: Some(1000), ..LimitsConfig::default() };
    let (server, asker) = limited(&mock, Api::Openai, limits).await;
    let asks = r#"{"model":"m","stream":true,"max_tokens":900}"#;
    let first = asker.send("POST", CHAT, asks).await;
    let refused = asker.send("POST", CHAT, asks).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(first);
    until("tokens are given back", async || {
        Asker::with_key(&server, "secret").send("POST", CHAT, asks).await.status() == StatusCode::OK
    })
    .await;
    let never = asker.send("POST", CHAT, r#"{"model":"m","max_tokens":1001}"#).await;
    assert_eq!((never.status(), retry_after(&never)), (StatusCode::TOO_MANY_REQUESTS, None));
}

/// The whole answer to a request for embeddings.
fn embedded(usage: &str) -> Script {
    let answer = format!(r#"{{"object":"list","data":[{{"index":0,"embedding":[0.5,1.5]}}],"model":"m"{usage}}}"#);
    Script { content_type: "application/json", ..Script::of([answer]) }
}

#[tokio::test]
async fn embeddings_use_up_a_budget_as_their_provider_counts_them() {
    let mock = Mock::start(embedded(r#","usage":{"prompt_tokens":5000,"total_tokens":5000}"#)).await;
    let limits = LimitsConfig { tokens_per_day: Some(100), ..LimitsConfig::default() };
    let (_server, asker) = limited(&mock, Api::Openai, limits).await;
    let asks = r#"{"model":"m","input":"Hello"}"#;
    let answer = asker.send("POST", "/v1/embeddings", asks).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(json_of(answer).await["usage"]["prompt_tokens"], 5000);
    let refused = asker.send("POST", "/v1/embeddings", asks).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(json_of(refused).await["error"]["type"], "midstream_budget_used");
    let row = &asker.get_json("/midstream/v1/usage").await["usage"][0];
    assert_eq!((&row["input"], &row["input_estimated"]), (&json!(5000), &json!(0)));
    let metrics = asker.get_text("/metrics").await;
    let line = "midstream_tokens_total{api=\"openai\",kind=\"input\",source=\"reported\"} 5000";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn embeddings_that_nobody_counted_are_estimated() {
    let mock = Mock::start(embedded("")).await;
    let limits = LimitsConfig { tokens_per_day: Some(100), ..LimitsConfig::default() };
    let (_server, asker) = limited(&mock, Api::Openai, limits).await;
    let asks = json!({"model": "m", "input": ["x".repeat(200), "y".repeat(200)]}).to_string();
    all(asker.send("POST", "/v1/embeddings", asks.clone()).await).await;
    let refused = asker.send("POST", "/v1/embeddings", asks).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let record = &asker.get_json("/midstream/v1/streams").await["streams"][0]["usage"][0];
    assert_eq!((&record["input"], &record["input_source"]), (&json!(100), &json!("estimated")));
    assert_eq!((&record["output"], &record["source"]), (&json!(null), &json!("unknown")));
}

#[tokio::test]
async fn forms_with_files_use_up_a_budget_as_their_provider_counts_them() {
    let form = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--x--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    for (path, usage, told) in [
        (
            "/v1/audio/transcriptions",
            r#"{"type":"tokens","input_tokens":4000,"input_token_details":{"audio_tokens":4000},"output_tokens":1000}"#,
            (json!(4000), json!(1000)),
        ),
        (
            "/v1/images/edits",
            r#"{"input_tokens":4000,"output_tokens":1000,"total_tokens":5000}"#,
            (json!(4000), json!(1000)),
        ),
        ("/v1/audio/translations", r#"{"type":"duration","seconds":3}"#, (Value::Null, Value::Null)),
    ] {
        let mock = Mock::start(embedded(&format!(",\"usage\":{usage}"))).await;
        let limits = LimitsConfig { tokens_per_day: Some(100), ..LimitsConfig::default() };
        let (_server, asker) = limited(&mock, Api::Openai, limits).await;
        assert_eq!(asker.send_with("POST", path, form, &headers).await.status(), StatusCode::OK);
        let is_used_up = told.0 != Value::Null;
        let row = &asker.get_json("/midstream/v1/usage").await["usage"][0];
        assert_eq!(
            (row["requests"].clone(), (row["input"].clone(), row["output"].clone())),
            (json!(1), told),
            "{path}"
        );
        let next = asker.send_with("POST", path, form, &headers).await.status();
        assert_eq!(next, if is_used_up { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK }, "{path}");
    }
}

#[tokio::test]
async fn requests_that_name_no_most_do_not_all_pass_at_once() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    for limits in [
        LimitsConfig { tokens_per_day: Some(100), ..LimitsConfig::default() },
        LimitsConfig { tokens_per_min: Some(100), ..LimitsConfig::default() },
        LimitsConfig { cost_per_day: Some(0.001), ..LimitsConfig::default() },
    ] {
        let server = gateway_with(&mock, Api::Openai, |config| {
            let budget = &mut config.guard.budget;
            (budget.cost, budget.price_input, budget.price_output) = (Some(1e9), Some(1.0), Some(10.0));
            config.keys.insert("alice".to_owned(), limited_key("secret", None, limits.clone()));
        })
        .await;
        let asker = Asker::with_key(&server, "secret");
        let first = asker.post(CHAT).await;
        assert_eq!(first.status(), StatusCode::OK);
        for _ in 0..10 {
            assert_eq!(asker.post(CHAT).await.status(), StatusCode::TOO_MANY_REQUESTS, "{limits:?}");
        }
        drop(first);
        until("what it held is given back", async || {
            Asker::with_key(&server, "secret").post(CHAT).await.status() == StatusCode::OK
        })
        .await;
    }
}

#[tokio::test]
async fn every_answer_that_a_request_asks_for_is_reserved() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let limits = LimitsConfig { tokens_per_day: Some(1000), ..LimitsConfig::default() };
    let (_server, asker) = limited(&mock, Api::Openai, limits).await;
    let asks = |n: u64| json!({"model": "m", "max_tokens": 300, "n": n}).to_string();
    assert_eq!(asker.send("POST", CHAT, asks(3)).await.status(), StatusCode::OK);
    assert_eq!(asker.send("POST", CHAT, asks(4)).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn what_a_key_is_refused_takes_nothing_of_its_tenant() {
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let limits = |most| LimitsConfig { requests_per_min: Some(most), ..LimitsConfig::default() };
        config.tenants.insert("blue".to_owned(), TenantConfig { limits: limits(10) });
        config.keys.insert("alice".to_owned(), limited_key("secret", Some("blue"), limits(1)));
        config.keys.insert("bob".to_owned(), limited_key("other", Some("blue"), LimitsConfig::default()));
    })
    .await;
    let (alice, bob) = (Asker::with_key(&server, "secret"), Asker::with_key(&server, "other"));
    all(alice.post(CHAT).await).await;
    for _ in 0..30 {
        assert_eq!(alice.post(CHAT).await.status(), StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(bob.post(CHAT).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_tenants_day_is_used_up_by_all_its_keys() {
    let mock = Mock::start(Script::of([chat("Hello world"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let limits = LimitsConfig { tokens_per_day: Some(3), ..LimitsConfig::default() };
        config.tenants.insert("blue".to_owned(), TenantConfig { limits });
        config.keys.insert("alice".to_owned(), limited_key("secret", Some("blue"), LimitsConfig::default()));
        config.keys.insert("bob".to_owned(), limited_key("other", Some("blue"), LimitsConfig::default()));
    })
    .await;
    all(Asker::with_key(&server, "secret").post(CHAT).await).await;
    let refused = Asker::with_key(&server, "other").post(CHAT).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(retry_after(&refused).unwrap() <= 86_400);
    assert_eq!(json_of(refused).await["error"]["type"], "midstream_budget_used");
}

#[tokio::test]
async fn a_days_budget_outlives_the_process_where_usage_is_written_down() {
    let mock = Mock::start(Script::of([chat(&"x".repeat(40)), chat_end()])).await;
    let folder = Folder::new();
    let file = folder.0.join("usage.jsonl");
    // Of yesterday, and one whose process died inside it.
    let old = json!({"key": "alice", "tenant": null, "input": 50, "output": 50, "cost": null, "at": 86399.0});
    std::fs::write(&file, format!("{old}\n{{\"key\":\"al")).unwrap();
    let begin = || {
        gateway_with(&mock, Api::Openai, |config| {
            let limits = LimitsConfig { tokens_per_day: Some(15), ..LimitsConfig::default() };
            config.keys.insert("alice".to_owned(), limited_key("secret", None, limits));
            config.usage.file = Some(file.clone());
        })
    };
    let statuses: Vec<StatusCode> = {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            let server = begin().await;
            let response = Asker::with_key(&server, "secret").post(CHAT).await;
            statuses.push(response.status());
            all(response).await;
            server.stop().await;
        }
        statuses
    };
    assert_eq!(statuses, [StatusCode::OK, StatusCode::OK, StatusCode::TOO_MANY_REQUESTS]);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 4);
}

#[tokio::test]
async fn a_budget_that_a_reload_adds_counts_what_was_used_today() {
    let mock = Mock::start(Script::of([chat(&"x".repeat(40)), chat_end()])).await;
    let folder = Folder::new();
    let config = |tokens_per_day, listen| {
        let upstream = UpstreamConfig::new(format!("http://{}", mock.address), &[Api::Openai]);
        let mut config = Config { listen, upstreams: [("mock".to_owned(), upstream)].into(), ..Config::default() };
        let limits = LimitsConfig { tokens_per_day, ..LimitsConfig::default() };
        config.keys.insert("alice".to_owned(), limited_key("secret", None, limits));
        config.usage.file = Some(folder.0.join("usage.jsonl"));
        config
    };
    let server = Server::start(config(None, "127.0.0.1:0".parse().unwrap())).await.unwrap();
    let asker = Asker::with_key(&server, "secret");
    all(asker.post(CHAT).await).await;
    server.reload(config(Some(10), server.address())).unwrap();
    let refused = asker.post(CHAT).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(json_of(refused).await["error"]["type"], "midstream_budget_used");
    server.reload(config(Some(1000), server.address())).unwrap();
    all(asker.post(CHAT).await).await;
    server.reload(config(Some(20), server.address())).unwrap();
    assert_eq!(asker.post(CHAT).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn prices_of_a_reload_are_those_of_new_streams() {
    let mut script = Script::of([chat(&"x".repeat(4000))]);
    script.chunks.push((Duration::from_millis(200), chat_end()));
    let mock = Mock::start(script).await;
    let config = |price: f64, listen| {
        let upstream = UpstreamConfig::new(format!("http://{}", mock.address), &[Api::Openai]);
        let mut config = Config { listen, upstreams: [("mock".to_owned(), upstream)].into(), ..Config::default() };
        let budget = &mut config.guard.budget;
        (budget.cost, budget.price_input, budget.price_output) = (Some(1e9), Some(0.0), Some(price));
        config
    };
    let server = Server::start(config(1.0, "127.0.0.1:0".parse().unwrap())).await.unwrap();
    let asker = Asker::new(&server);
    let before = asker.post(CHAT).await;
    server.reload(config(1000.0, server.address())).unwrap();
    let behind = asker.post(CHAT).await;
    all(before).await;
    all(behind).await;
    let shown = asker.get_json("/midstream/v1/streams").await;
    let costs: Vec<f64> = (0..2).map(|at| shown["streams"][at]["usage"][0]["cost"].as_f64().unwrap()).collect();
    assert!((costs[0] - 0.001).abs() < 1e-9 && (costs[1] - 1.0).abs() < 1e-6, "{costs:?}");
}

#[tokio::test]
async fn a_key_sees_and_ends_streams_of_its_tenant_alone() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.keys.insert("alice".to_owned(), limited_key("secret", Some("blue"), LimitsConfig::default()));
        config.keys.insert("bob".to_owned(), limited_key("other", Some("red"), LimitsConfig::default()));
    })
    .await;
    let (alice, bob) = (Asker::with_key(&server, "secret"), Asker::with_key(&server, "other"));
    let mut response = alice.post(CHAT).await;
    timeout(LONGEST, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
    let id = id_of(&response);
    let path = format!("/midstream/v1/streams/{id}");
    assert_eq!(bob.get_json("/midstream/v1/streams").await["streams"], json!([]));
    let asked = [
        ("GET", "", ""),
        ("GET", "/events", ""),
        ("GET", "/findings", ""),
        ("POST", "/annotate", r#"{"note":1}"#),
        ("POST", "/cancel", ""),
        ("POST", "/token", ""),
        ("DELETE", "", ""),
    ];
    for (method, end, body) in asked {
        let refused = bob.send(method, &format!("{path}{end}"), body).await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{method} {end}");
    }
    let token = alice.send("POST", &format!("{path}/token"), "").await;
    assert_eq!(token.status(), StatusCode::OK);
    for (method, end, body, status) in [
        ("GET", "/findings", "", StatusCode::OK),
        ("POST", "/annotate", r#"{"note":1}"#, StatusCode::CREATED),
        ("DELETE", "", "", StatusCode::CONFLICT),
    ] {
        let answer = alice.send(method, &format!("{path}{end}"), body).await;
        assert_eq!(answer.status(), status, "{method} {end}");
    }
    let shown = alice.get_json(&path).await;
    assert_eq!(
        (&shown["tenant"], &shown["key"], &shown["state"]),
        (&json!("blue"), &json!("alice"), &json!("running"))
    );
    assert_eq!(alice.send("POST", &format!("{path}/cancel"), "").await.status(), StatusCode::ACCEPTED);
    assert!(!mock.closed().await.0);
    // What counts all tenants is told to none of them, and an id of another is as one that nobody has.
    assert_eq!(bob.send("GET", "/metrics", "").await.status(), StatusCode::FORBIDDEN);
    let after = async |id: &str| {
        let refused = bob.send("GET", &format!("/midstream/v1/streams?after={id}"), "").await;
        (refused.status(), text_of(refused).await.replace(id, "ID"))
    };
    assert_eq!(after(&id).await, after("unknown").await);
    until("it is booked", async || alice.get_json("/midstream/v1/usage").await["usage"][0]["requests"] == 1).await;
    assert_eq!(bob.get_json("/midstream/v1/usage").await["usage"], json!([]));
}
