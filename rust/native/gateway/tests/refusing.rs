//! What the gateway itself tells of a fault, to every API: its stream, no key, no prompt, no address of an upstream.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use midstream_gateway::{Api, Config, Server, UpstreamConfig};
use support::connections::{Connection, Http};
use support::keys::key;
use support::{LONGEST, Mock, Script, chat, mock_of};
use tokio::time::timeout;

const KEY: &str = "sk-canary-7f3a9c";
const PROMPT: &str = "canary-of-the-prompt";
const PATHS: [&str; 4] =
    ["/v1/chat/completions", "/v1/messages", "/api/chat", "/v1beta/models/m:streamGenerateContent?alt=sse"];

fn request(path: &str) -> Request<Full<Bytes>> {
    let body = format!(r#"{{"model":"m","stream":true,"prompt":"{PROMPT}","messages":[{{"content":"{PROMPT}"}}]}}"#);
    Request::builder()
        .method("POST")
        .uri(format!("http://localhost{path}"))
        .header("host", "localhost")
        .header("authorization", format!("Bearer {KEY}"))
        .body(Full::new(body.into()))
        .unwrap()
}

/// The status, and all that came, also of an answer that broke off.
async fn told(server: &Server, path: &str) -> (u16, String) {
    let mut connection = Connection::open(server, Http::One).await;
    let response = connection.send(request(path)).await.unwrap();
    let status = response.status().as_u16();
    let mut told = format!("{:?} ", response.headers());
    let mut body = response.into_body();
    while let Some(Ok(frame)) = timeout(LONGEST, body.frame()).await.expect("no end") {
        told.push_str(&String::from_utf8_lossy(frame.data_ref().map_or(&[], |data| data)));
    }
    (status, told)
}

/// A fault: its status, and what word it is known by.
type Row = (u16, &'static str, fn(&mut Config), Script);

fn rows() -> [Row; 7] {
    let begun = |more: Script| Script { content_type: "text/event-stream", ..more };
    let silent = Script { before: LONGEST * 4, ..Script::default() };
    let hangs = begun(Script { hangs: true, ..Script::of([chat("Hello")]) });
    let mut breaks = begun(Script { breaks: true, ..Script::of([chat("Hello")]) });
    // Its head has left by then.
    breaks.chunks.push((Duration::from_millis(100), chat(" again")));
    let keyed = |config: &mut Config| {
        config.keys.insert("alice".to_owned(), key("nobody's"));
    };
    let gone = |config: &mut Config| {
        (mock_of(config).url, mock_of(config).retries) = ("http://127.0.0.1:1".to_owned(), 0);
    };
    [
        (401, "key", keyed, Script::default()),
        (413, "bytes", |config| config.max_body = 10, Script::default()),
        (502, "no answer", gone, Script::default()),
        (
            503,
            "left alone",
            |config| {
                (mock_of(config).url, mock_of(config).retries) = ("http://127.0.0.1:1".to_owned(), 0);
                mock_of(config).breaker_failures = 1;
            },
            Script::default(),
        ),
        (504, "within", |config| mock_of(config).first_byte_s = 0.1, silent),
        (200, "sent nothing", |config| mock_of(config).idle_s = 0.1, hangs),
        (200, "broke", |_| (), breaks),
    ]
}

#[tokio::test]
async fn a_fault_tells_its_stream_and_no_key_no_prompt_and_no_address() {
    for (status, word, change, script) in rows() {
        let mock = Mock::start(script).await;
        let all = [Api::Anthropic, Api::Gemini, Api::Ollama, Api::Openai];
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            upstreams: [("mock".to_owned(), UpstreamConfig::new(format!("http://{}", mock.address), &all))].into(),
            ..Config::default()
        };
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        // The script holds events of one API alone.
        let paths = if status == 200 { &PATHS[..1] } else { &PATHS };
        for path in paths {
            let mut last = told(&server, path).await;
            if status == 503 {
                last = told(&server, path).await;
            }
            assert_eq!(last.0, status, "{path} {}", last.1);
            assert!(last.1.contains(word), "{path} {word}: {}", last.1);
            let has_begun = ![401, 413].contains(&status);
            assert_eq!(last.1.contains("x-midstream-stream-id"), has_begun, "{path} {}", last.1);
            for secret in [KEY, PROMPT, "127.0.0.1", "canary"] {
                assert!(!last.1.contains(secret), "{path} tells {secret}: {}", last.1);
            }
        }
    }
}
