//! What is asked again, of whom, and by whose key.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, StatusCode};
use midstream_gateway::{Api, Config, RouteConfig, Server, UpstreamConfig};
use support::answers::all;
use support::routes::two_routes;
use support::{Asker, Mock, Script, Seen, chat, chat_end, gateway};
use tokio::net::TcpListener;

const CHAT: &str = "/v1/chat/completions";
const KEYS: [(&str, &str); 3] = [("x-api-key", "canary"), ("api-key", "canary"), ("x-goog-api-key", "canary")];

/// One that answers behind so many refusals.
fn refusing(times: usize) -> Script {
    Script { refused: Arc::new(AtomicUsize::new(times)), ..Script::of([chat("Hello"), chat_end()]) }
}

/// The path and the headers of the next request that a provider sees.
async fn asked(mock: &Mock) -> (String, HeaderMap) {
    loop {
        if let Seen::Asked { path, headers, .. } = mock.next().await {
            return (path, headers);
        }
    }
}

/// A gateway whose model `m` these serve, one after the other.
async fn routed(upstreams: Vec<(&str, UpstreamConfig)>) -> Server {
    let routes = upstreams.iter().map(|(name, _)| RouteConfig { upstream: (*name).to_owned(), model: None }).collect();
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        upstreams: upstreams.into_iter().map(|(name, config)| (name.to_owned(), config)).collect(),
        models: BTreeMap::from([("m".to_owned(), routes)]),
        ..Config::default()
    };
    Server::start(config).await.unwrap()
}

fn at(address: SocketAddr, api: Api) -> UpstreamConfig {
    UpstreamConfig { retries: 0, ..UpstreamConfig::new(format!("http://{address}"), &[api]) }
}

#[tokio::test]
async fn what_changes_something_is_asked_once() {
    for (method, path, times) in [
        ("POST", "/v1/batches", 1),
        ("POST", "/v1/files", 1),
        ("PATCH", "/v1/files/f", 1),
        ("POST", "/mock/any/thing", 1),
        ("DELETE", "/v1/files/f", 2),
        ("GET", "/v1/batches", 2),
        ("POST", CHAT, 2),
        ("POST", "/v1/embeddings", 2),
        ("POST", "/v1/audio/transcriptions", 2),
    ] {
        let script = refusing(1);
        let left = Arc::clone(&script.refused);
        let mock = Mock::start(script).await;
        let server = gateway(&mock, Api::Openai).await;
        let asker = Asker::new(&server);
        let status = asker.send(method, path, r#"{"model":"m"}"#).await.status();
        assert_eq!(
            status,
            if times == 2 { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE },
            "{method} {path}"
        );
        assert_eq!(left.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn what_changes_something_goes_to_another_route_only_where_the_first_was_not_reached() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let second = Mock::start(refusing(0)).await;
    let server = routed(vec![("a", at(free, Api::Openai)), ("b", at(second.address, Api::Openai))]).await;
    let asker = Asker::new(&server);
    assert_eq!(asker.send("POST", "/v1/batches", r#"{"model":"m"}"#).await.status(), StatusCode::OK);
    let first = Mock::start(refusing(1)).await;
    let server = routed(vec![("a", at(first.address, Api::Openai)), ("b", at(second.address, Api::Openai))]).await;
    let refused = Asker::new(&server).send("POST", "/v1/batches", r#"{"model":"m"}"#).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_keys_of_a_client_go_to_no_other_server_than_the_first() {
    let (first, second) = (Mock::start(refusing(1)).await, Mock::start(refusing(0)).await);
    let server = routed(vec![("a", at(first.address, Api::Openai)), ("b", at(second.address, Api::Openai))]).await;
    let mut asker = Asker::new(&server);
    asker.key = Some("canary");
    all(asker.send_with("POST", &format!("{CHAT}?x=1&key=canary"), r#"{"model":"m"}"#, &KEYS).await).await;
    let (path, headers) = asked(&first).await;
    assert_eq!(
        (path, &headers["authorization"]),
        (format!("{CHAT}?x=1&key=canary"), &"Bearer canary".parse().unwrap())
    );
    let (path, headers) = asked(&second).await;
    assert_eq!(path, format!("{CHAT}?x=1"));
    assert!(!format!("{headers:?}").contains("canary"), "{headers:?}");
}

#[tokio::test]
async fn the_keys_of_a_client_go_to_all_routes_at_one_server() {
    let mock = Mock::start(refusing(1)).await;
    let server = routed(vec![("a", at(mock.address, Api::Openai)), ("b", at(mock.address, Api::Openai))]).await;
    let mut asker = Asker::new(&server);
    asker.key = Some("canary");
    all(asker.send("POST", CHAT, r#"{"model":"m"}"#).await).await;
    for _ in 0..2 {
        assert_eq!(asked(&mock).await.1["authorization"], "Bearer canary");
    }
}

#[tokio::test]
async fn who_goes_on_with_an_answer_elsewhere_is_sent_no_key_of_the_client() {
    let first = Mock::start(Script { breaks: true, ..Script::of([chat("Hello")]) }).await;
    let second = Mock::start(Script::of([chat(" world"), chat_end()])).await;
    let server = two_routes(&first, &second, Api::Openai, "{}", &[]).await;
    let mut asker = Asker::new(&server);
    asker.key = Some("canary");
    all(asker.post(CHAT).await).await;
    assert_eq!(asked(&first).await.1["authorization"], "Bearer canary");
    assert!(!asked(&second).await.1.contains_key("authorization"));
}
