//! Paths that a server may read otherwise than the gateway, and those that are guarded wherever they stand.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use bytes::Bytes;
use http::StatusCode;
use midstream_gateway::{Api, Config, Server};
use midstream_stream::Settings;
use support::answers::{all, json_of};
use support::{Asker, Mock, Script, Seen, chat, chat_end, gateway_with, mock_of};

const SECRET: &str = "ann@example.com";

/// A gateway whose one upstream speaks every API, and which redacts secrets.
async fn redacting(mock: &Mock, change: impl FnOnce(&mut Config)) -> Server {
    gateway_with(mock, Api::Openai, |config| {
        mock_of(config).apis = vec![Api::Openai, Api::Anthropic, Api::Gemini, Api::Ollama];
        config.guard = Settings::from_json(r#"{"redact": {"rules": ["email"]}}"#).unwrap();
        change(config);
    })
    .await
}

fn leaks() -> Script {
    Script::of([chat(&format!("write to {SECRET} at once")), chat_end()])
}

async fn path_asked(mock: &Mock) -> String {
    loop {
        if let Seen::Asked { path, .. } = mock.next().await {
            return path;
        }
    }
}

#[tokio::test]
async fn another_spelling_of_a_guarded_path_reaches_no_upstream() {
    let mock = Mock::start(leaks()).await;
    let server = redacting(&mock, |_| ()).await;
    let asker = Asker::new(&server);
    for path in [
        "/v1/%63hat/completions",
        "/v1/%2563hat/completions",
        "/v1/chat/completions/",
        "/v1/chat%2Fcompletions",
        "/v1//chat/completions",
        "/mock//v1/chat/completions",
        "/mock/v1/chat/completions;a=b",
        "/v1/files/../chat/completions",
        "/v1/files/%2e%2e/chat/completions",
        "/mock/x/..%2Fv1/chat/completions",
        "/v1/Chat/Completions",
        "/v1beta/models/m:generateContent/",
    ] {
        let response = asker.post(path).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        let told = json_of(response).await;
        assert!(told["error"]["message"].as_str().unwrap().contains("the path"), "{told}");
    }
    let response = asker.post("/api/chat/").await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let told = json_of(response).await;
    assert!(told["error"].is_string(), "{told}");
    assert_eq!(mock.connections(), 0);
}

#[tokio::test]
async fn names_with_slashes_and_unknown_paths_pass_as_they_are() {
    let mock = Mock::start(leaks()).await;
    let server = redacting(&mock, |_| ()).await;
    let asker = Asker::new(&server);
    for path in [
        "/v1/files/a%2Fb",
        "/v1/files/",
        "/mock/odd//Path;v=1",
        "/v1beta/models/a%2Fb:generateContent",
        "/v1/models/org%2Fmodel",
    ] {
        assert_eq!(asker.post(path).await.status(), StatusCode::OK, "{path}");
        assert_eq!(path_asked(&mock).await, path.trim_start_matches("/mock"));
    }
}

#[tokio::test]
async fn chat_is_guarded_wherever_its_path_stands() {
    let mock = Mock::start(leaks()).await;
    let server = redacting(&mock, |config| {
        let mut versioned = config.upstreams["mock"].clone();
        versioned.url.push_str("/v1");
        config.upstreams.insert("versioned".to_owned(), versioned);
    })
    .await;
    let asker = Asker::new(&server);
    for path in [
        "/v1/chat/completions",
        "/mock/openai/deployments/gpt-5/chat/completions?api-version=2026-01-01",
        "/mock/v1beta/openai/chat/completions",
        "/mock/chat/completions",
        "/versioned/chat/completions",
    ] {
        let response = asker.post(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let body = all(response).await;
        assert!(!String::from_utf8_lossy(&body).contains(SECRET), "{path}");
    }
}

#[tokio::test]
async fn a_response_that_is_streamed_again_is_guarded() {
    let delta = |text: &str| {
        let data = format!(
            r#"{{"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"sequence_number":4,"delta":"{text}"}}"#
        );
        Bytes::from(format!("event: response.output_text.delta\ndata: {data}\n\n"))
    };
    let mock = Mock::start(Script::of([delta(&format!("write to {SECRET} at once")), delta(" it is")])).await;
    let server = redacting(&mock, |_| ()).await;
    let response = Asker::new(&server).send("GET", "/v1/responses/resp_1?stream=true&starting_after=3", "").await;
    assert_eq!(response.status(), StatusCode::OK);
    let body = all(response).await;
    assert!(!String::from_utf8_lossy(&body).contains(SECRET), "{body:?}");
}

#[tokio::test]
async fn a_deployment_in_the_path_is_a_model_that_the_configuration_may_name() {
    let mock = Mock::start(leaks()).await;
    let server = redacting(&mock, |config| {
        let route = serde_json::from_str(r#"{"upstream": "mock", "model": "gpt-5-eu"}"#).unwrap();
        config.models.insert("gpt-5".to_owned(), vec![route]);
    })
    .await;
    Asker::new(&server).post("/mock/openai/deployments/gpt-5/chat/completions?api-version=1").await;
    assert_eq!(path_asked(&mock).await, "/openai/deployments/gpt-5-eu/chat/completions?api-version=1");
}

#[tokio::test]
async fn the_version_of_an_upstream_takes_the_place_of_v1() {
    let mock = Mock::start(leaks()).await;
    let server = redacting(&mock, |config| {
        mock_of(config).v1 = Some("/api/paas/v4".to_owned());
    })
    .await;
    let asker = Asker::new(&server);
    for path in ["/v1/chat/completions", "/mock/v1/chat/completions"] {
        let body = all(asker.post(path).await).await;
        assert!(!String::from_utf8_lossy(&body).contains(SECRET));
        assert_eq!(path_asked(&mock).await, "/api/paas/v4/chat/completions");
    }
    asker.send("GET", "/v1/models?limit=1", "").await;
    assert_eq!(path_asked(&mock).await, "/api/paas/v4/models?limit=1");
    asker.send("GET", "/mock/v10/x", "").await;
    assert_eq!(path_asked(&mock).await, "/v10/x");
}
