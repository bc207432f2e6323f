//! Who has a budget asks nothing of which nobody can count the tokens.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use http::StatusCode;
use midstream_gateway::{Api, KeyConfig, LimitsConfig, TenantConfig};
use support::answers::json_of;
use support::keys::key;
use support::{Asker, Mock, Script, chat_end, gateway_with};

const ASKS: &str = r#"{"model":"m","prompt":"Hello","max_tokens":1}"#;
const UNCOUNTED: [(&str, &str); 7] = [
    ("POST", "/v1/threads/t/runs?x=canary"),
    ("POST", "/v1/conversations"),
    ("POST", "/v1/batches"),
    ("POST", "/v1beta/interactions"),
    ("POST", "/v1beta/models/m:batchGenerateContent"),
    ("POST", "/mock/model/m/converse"),
    ("PUT", "/mock/any"),
];
const COUNTED_OR_IDLE: [(&str, &str); 9] = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/audio/transcriptions"),
    ("POST", "/v1beta/models/m:embedContent"),
    ("POST", "/v1/moderations"),
    ("POST", "/v1/files"),
    ("POST", "/v1/batches/b/cancel"),
    ("GET", "/v1/threads/t/runs"),
    ("DELETE", "/v1/conversations/c"),
];

fn budgets() -> [LimitsConfig; 2] {
    let none = LimitsConfig::default();
    [
        LimitsConfig { tokens_per_day: Some(1_000_000), ..none.clone() },
        LimitsConfig { tokens_per_min: Some(1_000_000), ..none },
    ]
}

#[tokio::test]
async fn a_budget_of_a_key_or_its_tenant_refuses_what_nobody_can_count() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    for limits in budgets() {
        for of_tenant in [false, true] {
            let server = gateway_with(&mock, Api::Openai, |config| {
                let own = if of_tenant { LimitsConfig::default() } else { limits.clone() };
                let blue = if of_tenant { limits.clone() } else { LimitsConfig::default() };
                config.tenants.insert("blue".to_owned(), TenantConfig { limits: blue });
                let tenant = Some("blue".to_owned());
                config.keys.insert("alice".to_owned(), KeyConfig { tenant, limits: own, ..key("secret") });
                config.upstreams.get_mut("mock").unwrap().apis = vec![Api::Gemini, Api::Openai];
            })
            .await;
            let asker = Asker::with_key(&server, "secret");
            for (method, path) in UNCOUNTED {
                let refused = asker.send(method, path, ASKS).await;
                assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{method} {path}");
                let error = json_of(refused).await["error"].clone();
                let message = error["message"].as_str().unwrap();
                assert!(message.contains("has a budget, and what") && !message.contains("canary"), "{message}");
            }
            for (method, path) in COUNTED_OR_IDLE {
                assert_eq!(asker.send(method, path, ASKS).await.status(), StatusCode::OK, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn limits_of_requests_alone_refuse_no_path() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let limits = LimitsConfig { requests_per_min: Some(100), concurrent: Some(9), ..LimitsConfig::default() };
        config.keys.insert("alice".to_owned(), KeyConfig { limits, ..key("secret") });
    })
    .await;
    let asker = Asker::with_key(&server, "secret");
    assert_eq!(asker.send("POST", "/v1/conversations", ASKS).await.status(), StatusCode::OK);
}
