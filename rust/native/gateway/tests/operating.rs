//! A gateway while it runs: another configuration, pages of browsers, and its end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it cannot go on")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use midstream_gateway::{Api, Config, CorsConfig, LogFormat, Server, UpstreamConfig};
use support::answers::all;
use support::connections::{Connection, Http, Raw, chat_request};
use support::{Asker, Mock, Script, Seen, chat, chat_end, gateway, gateway_with};

const CHAT: &str = "/v1/chat/completions";

fn config(server: &Server, mock: &Mock) -> Config {
    let upstream = UpstreamConfig::new(format!("http://{}", mock.address), &[Api::Openai]);
    Config { listen: server.address(), upstreams: [("mock".to_owned(), upstream)].into(), ..Config::default() }
}

#[tokio::test]
async fn a_reload_leaves_running_streams_and_metrics_as_they_are() {
    let mut script = Script::of([chat("Hello")]);
    script.chunks.push((Duration::from_millis(300), chat_end()));
    let (old, new) = (Mock::start(script.clone()).await, Mock::start(script).await);
    let server = gateway(&old, Api::Openai).await;
    let mut connection = Connection::open(&server, Http::Two).await;
    let running = connection.post(CHAT).await.unwrap();
    server.reload(config(&server, &new)).unwrap();
    // The connection that stands is served by the new one too.
    let next = connection.post(CHAT).await.unwrap();
    let Seen::Asked { .. } = new.next().await else { panic!("the new upstream is asked") };
    let expected = [chat("Hello"), chat_end()].concat();
    assert_eq!((all(running).await, all(next).await), (expected.clone().into(), expected.into()));
    let metrics = all(Asker::new(&server).send("GET", "/metrics", "").await).await;
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    assert!(metrics.contains("end=\"complete\"} 2"), "{metrics}");
    let streams: Vec<serde_json::Value> = serde_json::from_str(&server.streams_json()).unwrap();
    assert_eq!(streams.len(), 2);
}

#[tokio::test]
async fn a_reload_is_whole_or_not_at_all() {
    let (old, new) = (Mock::start(Script::of([chat_end()])).await, Mock::start(Script::of([chat_end()])).await);
    let server = gateway(&old, Api::Openai).await;
    let mut lacking = config(&server, &new);
    lacking.max_body = 1;
    lacking.upstreams.get_mut("mock").unwrap().key_env = Some("MIDSTREAM_TEST_NOT_SET".to_owned());
    assert!(server.reload(lacking).unwrap_err().to_string().contains("MIDSTREAM_TEST_NOT_SET"));
    all(Asker::new(&server).post(CHAT).await).await;
    assert_eq!((old.connections(), new.connections()), (1, 0));
}

#[tokio::test]
async fn a_reload_keeps_the_connections_of_an_upstream_that_stays_the_same() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let asker = Asker::new(&server);
    all(asker.post(CHAT).await).await;
    server.reload(config(&server, &mock)).unwrap();
    all(asker.post(CHAT).await).await;
    assert_eq!(mock.connections(), 1);
}

#[tokio::test]
async fn a_gateway_stays_where_it_listens() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let elsewhere = Config { listen: SocketAddr::from(([127, 0, 0, 1], 1)), ..config(&server, &mock) };
    let refused = server.reload(elsewhere).unwrap_err().to_string();
    assert!(refused.starts_with("listen is 127.0.0.1:1, but"), "{refused}");
}

#[tokio::test]
async fn what_is_read_once_is_named_where_a_reload_has_another() {
    let (old, new) = (Mock::start(Script::of([chat_end()])).await, Mock::start(Script::of([chat_end()])).await);
    let server = gateway(&old, Api::Openai).await;
    let mut other = config(&server, &new);
    other.usage.wait_s = 1.0;
    other.telemetry.service_name = "other".to_owned();
    other.log.format = Some(LogFormat::Text);
    other.viewers.per_stream = 1;
    other.store.keep_s = 1.0;
    let refused = server.reload(other).unwrap_err().to_string();
    let keys = "log.format, store.keep_s, telemetry.service_name, usage.wait_s, viewers.per_stream";
    assert_eq!(refused, format!("a gateway that runs keeps what it began with of {keys}; start it again"));
    all(Asker::new(&server).post(CHAT).await).await;
    assert_eq!((old.connections(), new.connections()), (1, 0));
}

/// The status and the headers of an answer to a page of this origin.
async fn asked_by(server: &Server, origin: &str, method: &str, path: &str) -> (StatusCode, HeaderMap) {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://localhost{path}"))
        .header("host", "localhost")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,x-stainless-os")
        .body(http_body_util::Full::new(r#"{"model":"m"}"#.into()))
        .unwrap();
    let response = Connection::open(server, Http::One).await.send(request).await.unwrap();
    (response.status(), response.headers().clone())
}

#[tokio::test]
async fn no_page_may_call_unless_its_origin_is_named() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let (status, headers) = asked_by(&server, "https://app.example", "POST", CHAT).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(!headers.contains_key("access-control-allow-origin"));
    for (method, path) in [
        ("OPTIONS", CHAT),
        ("GET", "/v1/models"),
        ("HEAD", "/mock/v1/models"),
        ("GET", "/midstream/v1/streams"),
        ("GET", "/midstream/v1/streams/x/events"),
        ("GET", "/metrics"),
    ] {
        for origin in ["https://app.example", "null", "http://localhost.evil.example"] {
            let (status, headers) = asked_by(&server, origin, method, path).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{origin} {method} {path}");
            assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{headers:?}");
        }
        let (status, _) = asked_by(&server, "http://localhost", method, path).await;
        assert_ne!(status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    assert_eq!(asked_by(&server, "https://app.example", "GET", "/healthz").await.0, StatusCode::OK);
    let named = CorsConfig { origins: vec!["https://app.example".to_owned()], credentials: true };
    server.reload(Config { cors: Some(named), ..config(&server, &mock) }).unwrap();
    let (status, headers) = asked_by(&server, "https://app.example", "OPTIONS", CHAT).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "https://app.example");
    assert_eq!(headers["access-control-allow-headers"], "authorization,x-stainless-os");
    assert_eq!(headers["access-control-allow-methods"], "DELETE,GET,PATCH,POST,PUT");
    let (status, headers) = asked_by(&server, "https://app.example", "POST", CHAT).await;
    assert_eq!((status, &headers["access-control-allow-credentials"]), (StatusCode::OK, &"true".parse().unwrap()));
    let exposed = headers["access-control-expose-headers"].to_str().unwrap();
    for name in ["retry-after", "x-midstream-spliced", "x-midstream-stream-id", "x-midstream-upstream"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    let (status, headers) = asked_by(&server, "https://app.example.evil", "POST", CHAT).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(!headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_gateway_that_stops_lets_answers_end_and_refuses_what_is_new() {
    let mut script = Script { before: Duration::from_millis(500), ..Script::of([chat("Hello")]) };
    script.chunks.push((Duration::from_millis(500), chat_end()));
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    let address = server.address();
    let mut waiting = Raw::open(&server).await;
    waiting.write(chat_request()).await;
    let Seen::Asked { .. } = mock.next().await else { panic!("asked first") };
    let stopping = tokio::spawn(server.stop());
    let mut refused = String::new();
    while !refused.starts_with("HTTP/1.1 503 ") {
        let mut late = Raw(tokio::net::TcpStream::connect(address).await.unwrap());
        late.write("GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        refused = late.rest().await;
    }
    assert!(refused.contains("draining"), "{refused}");
    let mut late = Raw(tokio::net::TcpStream::connect(address).await.unwrap());
    late.write(chat_request()).await;
    let refused = late.rest().await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("midstream_draining"), "{refused}");
    assert!(refused.contains("connection: close"), "{refused}");
    let answer = waiting.rest().await;
    assert!(answer.contains("connection: close") && answer.contains("[DONE]"), "{answer}");
    stopping.await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_gateway_that_stops_does_not_wait_for_ever() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.drain_s = 0.2).await;
    let mut raw = Raw::open(&server).await;
    raw.write(chat_request()).await;
    raw.until("Hello").await;
    server.stop().await;
    let rest = raw.rest().await;
    assert!(rest.contains("\"type\":\"midstream_draining\"") && !rest.contains("[DONE]"), "{rest}");
    assert!(rest.contains("\"ending\":\"cancelled\""), "{rest}");
    assert!(!mock.closed().await.0);
}
