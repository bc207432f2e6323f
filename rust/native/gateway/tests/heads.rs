//! What of a head passes from the client to the upstream and back, and answers that are nothing but a head.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use midstream_gateway::{Api, RouteConfig, Server, UpstreamConfig};
use serde_json::Value;
use support::answers::all;
use support::connections::Raw;
use support::ends::{all_ended, ended};
use support::keys::key;
use support::{Asker, LONGEST, Mock, Script, Seen, chat_end, gateway, gateway_with, mock_of};
use tokio::time::{Instant, timeout};

const CHAT: &str = "/v1/chat/completions";

/// The path and the headers of the next request that a provider sees.
async fn asked(mock: &Mock) -> (String, HeaderMap) {
    loop {
        if let Seen::Asked { path, headers, .. } = mock.next().await {
            return (path, headers);
        }
    }
}

#[tokio::test]
async fn what_pages_and_the_gateway_say_does_not_reach_the_upstream() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let origin = format!("http://{}", server.address());
    let sent =
        [("cookie", "a=b"), ("origin", &*origin), ("referer", "http://x/"), ("x-midstream-ids", "1"), ("x-own", "1")];
    all(Asker::new(&server).send_with("POST", CHAT, "{}", &sent).await).await;
    let (_, headers) = asked(&mock).await;
    for name in ["cookie", "origin", "referer", "x-midstream-ids"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers["x-own"], "1");
}

#[tokio::test]
async fn a_key_in_the_query_stays_at_the_gateway_however_it_is_written() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Gemini, |config| {
        config.keys.insert("alice".to_owned(), key("a/b c"));
    })
    .await;
    let path = "/v1beta/models/m:streamGenerateContent";
    for query in ["alt=sse&key=a%2Fb+c", "k%65y=%61%2Fb%20c&alt=sse"] {
        let response = Asker::new(&server).post(&format!("{path}?{query}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        assert_eq!(asked(&mock).await.0, format!("{path}?alt=sse"));
    }
}

#[tokio::test]
async fn beside_an_upstreams_own_key_none_of_the_clients_goes_on() {
    let folder = support::folder::Folder::new();
    let file = folder.0.join("key");
    std::fs::write(&file, "own").unwrap();
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Gemini, |config| {
        mock_of(config).key_file = Some(file);
    })
    .await;
    Asker::new(&server).post("/v1beta/models/m:streamGenerateContent?k%65y=theirs&alt=sse").await;
    let (path, headers) = asked(&mock).await;
    assert_eq!(path, "/v1beta/models/m:streamGenerateContent?alt=sse");
    assert_eq!(headers["x-goog-api-key"], "own");
}

#[tokio::test]
async fn an_upstream_allows_no_page() {
    let mock = Raw::serve(
        "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\nAccess-Control-Allow-Credentials: true\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
    )
    .await;
    let config = midstream_gateway::Config {
        listen: ([127, 0, 0, 1], 0).into(),
        upstreams: [("raw".to_owned(), UpstreamConfig::new(format!("http://{mock}"), &[Api::Openai]))].into(),
        ..midstream_gateway::Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let response = Asker::new(&server).send("GET", "/v1/models", "").await;
    assert_eq!(response.status(), StatusCode::OK);
    let allows = response.headers().keys().find(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(allows, None);
}

#[tokio::test]
async fn an_answer_that_is_a_head_alone_passes_whole_and_is_complete() {
    let json = Script { content_type: "application/json", length: Some(2), ..Script::of(["{}"]) };
    let bare =
        |status, length, content_type| Script { status: Some(status), length, content_type, ..Script::default() };
    for (method, path, script, length) in [
        (Method::HEAD, "/v1/models", json.clone(), Some("2")),
        (Method::HEAD, "/v1/files/f/content", Script { content_type: "text/plain", ..json }, Some("2")),
        (Method::DELETE, "/v1/files/f", bare(StatusCode::NO_CONTENT, None, ""), None),
        (Method::GET, "/v1/models", bare(StatusCode::NOT_MODIFIED, None, ""), None),
        (Method::POST, "/v1/files", bare(StatusCode::OK, Some(0), "application/json"), Some("0")),
        (Method::POST, CHAT, bare(StatusCode::OK, Some(0), "application/json"), Some("0")),
        (Method::POST, CHAT, bare(StatusCode::NO_CONTENT, None, "text/event-stream"), None),
    ] {
        let mock = Mock::start(script.clone()).await;
        let server = gateway(&mock, Api::Openai).await;
        let response = Asker::new(&server).send(method.as_str(), path, "").await;
        assert_eq!(response.status(), script.status.unwrap_or_default());
        let told = response.headers().get("content-length").map(|length| length.to_str().unwrap().to_owned());
        assert_eq!(told.as_deref(), length, "{method} {path}");
        assert_eq!(all(response).await, "");
        let stream = ended(&server).await;
        assert_eq!(
            (&stream["summary"]["ending"], &stream["cause"]),
            (&"complete".into(), &Value::Null),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_passes_piece_by_piece_with_its_length() {
    let mut script = Script { content_type: "application/json", length: Some(8), ..Script::of(["{\"a\""]) };
    script.hangs = true;
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut response = Asker::new(&server).send("GET", "/v1/files/f/content", "").await;
    assert_eq!(response.headers()["content-length"], "8");
    let frame = timeout(LONGEST, response.body_mut().frame()).await.expect("it waits for its end");
    assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "{\"a\"");
}

#[tokio::test]
async fn the_time_for_a_whole_answer_runs_before_its_head_too() {
    let silent = Script { before: LONGEST * 4, ..Script::default() };
    let mock = Mock::start(silent).await;
    let second = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let upstream = mock_of(config);
        (upstream.total_s, upstream.first_byte_s) = (0.3, 60.0);
        let url = format!("http://{}", second.address);
        config.upstreams.insert("second".to_owned(), UpstreamConfig::new(url, &[Api::Openai]));
        let routes = ["mock", "second"].map(|name| RouteConfig { upstream: name.to_owned(), model: None });
        config.models.insert("both".to_owned(), routes.into());
    })
    .await;
    let begun = Instant::now();
    let response = Asker::new(&server).post(CHAT).await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(begun.elapsed() < LONGEST / 2);
    assert!(String::from_utf8_lossy(&all(response).await).contains("within the 0.3 s"));
    let response = Asker::new(&server).send("POST", CHAT, r#"{"model":"both"}"#).await;
    assert_eq!(
        (response.status(), &response.headers()["x-midstream-upstream"]),
        (StatusCode::OK, &"second".parse().unwrap())
    );
    all(response).await;
    all_ended(&server, 2).await;
}

#[tokio::test]
async fn retries_end_with_the_time_for_the_whole_answer() {
    let script = Script { before: Duration::from_millis(50), ..Script::default() };
    script.refused.store(1000, Ordering::SeqCst);
    let mock = Mock::start(script).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let upstream = mock_of(config);
        (upstream.total_s, upstream.retries, upstream.breaker_failures) = (0.5, 10, 0);
    })
    .await;
    let begun = Instant::now();
    let response = Asker::new(&server).post(CHAT).await;
    // What the last one got, or that the time was over inside it.
    assert!([StatusCode::GATEWAY_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE].contains(&response.status()));
    // Ten retries wait for more than 100 s in all.
    assert!(begun.elapsed() < LONGEST / 2);
}

#[tokio::test]
async fn who_expects_to_be_told_to_go_on_is_told_by_the_gateway_alone() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let sent = [("expect", "100-continue")];
    assert_eq!(Asker::new(&server).send_with("POST", CHAT, "{}", &sent).await.status(), StatusCode::OK);
    assert!(!asked(&mock).await.1.contains_key("expect"));
}

#[tokio::test]
async fn a_websocket_to_an_upstream_is_refused_in_the_words_of_its_api() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let sent = [
        ("connection", "Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let asker = Asker::new(&server);
    for path in ["/v1/realtime?model=m", "/mock/any"] {
        let refused = asker.send_with("GET", path, "", &sent).await;
        assert_eq!(refused.status(), StatusCode::NOT_IMPLEMENTED, "{path}");
        assert_eq!(support::answers::json_of(refused).await["error"]["type"], "midstream_no_websocket");
    }
    all(asker.send("GET", "/mock/next", "").await).await;
    assert_eq!(asked(&mock).await.0, "/next");
}
