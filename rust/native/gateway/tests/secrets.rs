//! Keys of clients and upstreams, wherever an SDK may put them, are told to nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it cannot go on")]

mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use midstream_gateway::{Api, KeyConfig, Role, Server};
use sha2::{Digest, Sha256};
use support::connections::{Connection, Http};
use support::{Mock, Script, Seen, all, chat, chat_end, gateway_with};

/// A client's own.
const CANARY: &str = "sk-canary-7f3a9c";
/// Where the key of an upstream stands: every process has it, and it is longer than any word of an answer.
const VARIABLE: &str = "CARGO_MANIFEST_DIR";

const PLACES: [&str; 5] = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "query"];

fn request(path: &str, place: &str, key: &str) -> Request<Full<Bytes>> {
    let path = if place == "query" { format!("{path}?alt=sse&key={key}") } else { path.to_owned() };
    let builder = Request::builder().method("POST").uri(format!("http://localhost{path}")).header("host", "localhost");
    let builder = match place {
        "query" => builder,
        "authorization" => builder.header(place, format!("Bearer {key}")),
        _ => builder.header(place, key),
    };
    builder.body(Full::new(Bytes::from(r#"{"model":"m","stream":true}"#))).unwrap()
}

async fn told(server: &Server, request: Request<Full<Bytes>>) -> String {
    let response = Connection::open(server, Http::Two).await.send(request).await.unwrap();
    let head = format!("{} {:?}", response.status(), response.headers());
    format!("{head} {}", String::from_utf8_lossy(&all(response).await))
}

async fn shown(server: &Server) -> String {
    let admin = Request::builder().uri("http://localhost/metrics").header("authorization", "Bearer admin");
    let metrics = told(server, admin.body(Full::default()).unwrap()).await;
    format!("{metrics} {}", server.streams_json())
}

#[tokio::test]
async fn a_key_of_a_client_is_told_to_nobody() {
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let hash = |key: &str| Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let server = gateway_with(&mock, Api::Openai, |config| {
        for (name, key, roles) in [("alice", CANARY, vec![Role::Call]), ("admin", "admin", vec![Role::View])] {
            let key: KeyConfig = serde_json::from_value(serde_json::json!({"sha256": hash(key)})).unwrap();
            config.keys.insert(name.to_owned(), KeyConfig { roles, ..key });
        }
        assert!(!format!("{config:?}").contains(CANARY));
    })
    .await;
    let mut everything = String::new();
    for place in PLACES {
        for path in ["/v1/chat/completions", "/mock/v1/files", "/v1/messages", "/nothing", "/midstream/v1/streams"] {
            everything += &told(&server, request(path, place, CANARY)).await;
            // One that is not known, and holds a known one.
            everything += &told(&server, request(path, place, &format!("{CANARY}x"))).await;
        }
    }
    everything += &shown(&server).await;
    assert!(everything.contains("Hello") && !everything.contains(CANARY), "{everything}");
    while let Ok(seen) = tokio::time::timeout(std::time::Duration::from_millis(100), mock.next()).await {
        if let Seen::Asked { path, headers, body } = seen {
            assert!(!format!("{path} {headers:?} {body:?}").contains(CANARY), "{path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_key_of_an_upstream_is_told_to_that_one_alone() {
    let secret = std::env::var(VARIABLE).unwrap();
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.upstreams.get_mut("mock").unwrap().key_env = Some(VARIABLE.to_owned());
        let gone = midstream_gateway::UpstreamConfig {
            key_env: Some(VARIABLE.to_owned()),
            retries: 0,
            ..midstream_gateway::UpstreamConfig::new("http://127.0.0.1:1", &[Api::Openai])
        };
        config.upstreams.insert("other".to_owned(), gone);
        assert!(!format!("{config:?}").contains(&secret));
    })
    .await;
    let mut everything = String::new();
    for path in ["/v1/chat/completions", "/other/v1/chat/completions", "/mock/v1/nothing"] {
        everything += &told(&server, request(path, "authorization", "own")).await;
    }
    everything += &shown(&server).await;
    assert!(everything.contains("Hello") && !everything.contains(&secret), "{everything}");
    let Seen::Asked { headers, .. } = mock.next().await else { panic!("asked first") };
    assert_eq!(headers["authorization"], format!("Bearer {secret}"));
}
