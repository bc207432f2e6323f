//! TLS towards clients and upstreams: who is believed, what is spoken, and what a fault says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it cannot go on")]

mod support;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::{StatusCode, Version};
use http_body_util::BodyExt;
use midstream_gateway::{Api, Config, Server, TlsConfig, UpstreamConfig};
use support::answers::{all, text_of};
use support::certificates::{Authority, Identity, client, from_pem};
use support::connections::{Connection, Http, Raw, tls};
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway_with, mock_of};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";

fn generated() -> Option<TlsConfig> {
    Some(TlsConfig { generated: true, ..TlsConfig::default() })
}

fn of_files(identity: &Identity, client_ca: Option<&Authority>) -> Option<TlsConfig> {
    Some(TlsConfig {
        certificate: Some(identity.certificate_file()),
        key: Some(identity.key_file()),
        client_ca: client_ca.map(Authority::file),
        ..TlsConfig::default()
    })
}

#[tokio::test]
async fn a_client_that_pins_the_made_certificate_speaks_either_http() {
    let mock = Mock::start(Script::of([chat("Hello"), chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.tls = generated()).await;
    let certificate = from_pem(&server.certificate().unwrap().pem);
    for (protocol, http, version) in [("h2", Http::Two, Version::HTTP_2), ("http/1.1", Http::One, Version::HTTP_11)] {
        let socket = tls(server.address(), client(certificate.clone(), None, &[protocol])).await.unwrap();
        assert_eq!(socket.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        let mut connection = Connection::over(socket, http).await;
        let response = connection.post(CHAT).await.unwrap();
        assert_eq!(response.version(), version);
        assert_eq!(all(response).await, [chat("Hello"), chat_end()].concat());
    }
}

#[tokio::test]
async fn a_client_that_trusts_others_refuses_the_certificate() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.tls = generated()).await;
    assert!(tls(server.address(), Authority::new().client(None, &["h2"])).await.is_err());
}

#[tokio::test]
async fn plain_text_to_the_tls_port_is_closed_and_others_are_served() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.tls = generated()).await;
    let mut raw = Raw::open(&server).await;
    raw.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(!raw.rest().await.contains("HTTP/1.1 200"));
    let certificate = from_pem(&server.certificate().unwrap().pem);
    let socket = tls(server.address(), client(certificate, None, &["http/1.1"])).await.unwrap();
    assert!(Connection::over(socket, Http::One).await.post(CHAT).await.is_ok());
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_closed() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.tls = generated();
        config.clients.handshake_s = 0.1;
    })
    .await;
    let mut raw = Raw::open(&server).await;
    raw.write([0x16, 0x03, 0x01]).await;
    raw.rest().await;
}

#[tokio::test]
async fn a_client_needs_a_certificate_where_the_gateway_asks_for_one() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let (own, clients, other) = (Authority::new(), Authority::new(), Authority::new());
    let server =
        gateway_with(&mock, Api::Openai, |config| config.tls = of_files(&own.issue("localhost"), Some(&clients))).await;
    let known = clients.issue("alice");
    let socket = tls(server.address(), own.client(Some(&known), &["http/1.1"])).await.unwrap();
    assert_eq!(Connection::over(socket, Http::One).await.post(CHAT).await.unwrap().status(), StatusCode::OK);
    let expired = clients.issue_until("alice", SystemTime::now() - Duration::from_secs(60));
    for identity in [None, Some(&other.issue("alice")), Some(&expired)] {
        // In TLS 1.3 a client learns that it is refused when it reads.
        let read = async {
            let mut socket = tls(server.address(), own.client(identity, &["http/1.1"])).await?;
            socket.read_u8().await
        };
        assert!(timeout(LONGEST, read).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn files_of_certificates_are_read_again() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let authority = Authority::new();
    let (first, second) = (authority.issue("localhost"), authority.issue("localhost"));
    let (certificate, key) = (first.certificate_file(), first.key_file());
    let config = |listen: SocketAddr| Config {
        listen,
        tls: Some(TlsConfig { certificate: Some(certificate.clone()), key: Some(key.clone()), ..TlsConfig::default() }),
        upstreams: [("mock".to_owned(), UpstreamConfig::new(format!("http://{}", mock.address), &[Api::Openai]))]
            .into(),
        ..Config::default()
    };
    let server = Server::start(config(SocketAddr::from(([127, 0, 0, 1], 0)))).await.unwrap();
    std::fs::copy(second.certificate_file(), &certificate).unwrap();
    let refused = server.reload(config(server.address())).unwrap_err().to_string();
    assert!(refused.starts_with("tls.certificate is"), "{refused}");
    std::fs::copy(second.key_file(), &key).unwrap();
    server.reload(config(server.address())).unwrap();
    let socket = tls(server.address(), authority.client(None, &["h2"])).await.unwrap();
    let shown = socket.get_ref().1.peer_certificates().unwrap().first().unwrap().clone();
    assert_eq!(shown, second.certificate);
}

/// What a gateway answers whose upstream shows this certificate.
async fn answer_of(identity: &Identity, trusted: &Authority) -> (StatusCode, String) {
    let mock = Mock::start_tls(Script::of([chat_end()]), identity.acceptor(&["h2"])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let upstream = mock_of(config);
        upstream.url = format!("https://localhost:{}", mock.address.port());
        upstream.ca = Some(trusted.file());
        upstream.retries = 0;
    })
    .await;
    let response = Asker::new(&server).post(CHAT).await;
    (response.status(), text_of(response).await)
}

#[tokio::test]
async fn an_upstream_whose_certificate_is_wrong_is_not_asked_and_the_answer_says_why() {
    let authority = Authority::new();
    let expired = authority.issue_until("localhost", SystemTime::now() - Duration::from_secs(60));
    for (identity, why) in [
        (&expired, "its certificate has expired"),
        (&authority.issue("other.example"), "its certificate is for another name"),
        (&Authority::new().issue("localhost"), "nobody who is trusted signed its certificate"),
    ] {
        let (status, text) = answer_of(identity, &authority).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY);
        assert!(text.contains(why), "{text}");
    }
    assert_eq!(answer_of(&authority.issue("localhost"), &authority).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_upstream_without_tls_is_told_apart_from_one_that_is_not_there() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).url = format!("https://{}", mock.address);
    })
    .await;
    let response = Asker::new(&server).post(CHAT).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    let text = text_of(response).await;
    assert!(text.contains("no TLS connection could be made"), "{text}");
}

#[tokio::test]
async fn a_client_that_leaves_resets_its_stream_at_the_upstream_and_keeps_the_connection() {
    let authority = Authority::new();
    let script = Script { hangs: true, ..Script::of([chat("Hello")]) };
    let mock = Mock::start_tls(script, authority.issue("localhost").acceptor(&["h2"])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let upstream = mock_of(config);
        upstream.url = format!("https://localhost:{}", mock.address.port());
        upstream.ca = Some(authority.file());
    })
    .await;
    let mut leaving = Connection::open(&server, Http::Two).await;
    let mut left = leaving.post(CHAT).await.unwrap();
    timeout(LONGEST, left.body_mut().frame()).await.unwrap().unwrap().unwrap();
    let mut staying = Connection::open(&server, Http::Two).await;
    let mut response = staying.post(CHAT).await.unwrap();
    timeout(LONGEST, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
    drop((left, leaving));
    assert!(!mock.closed().await.0);
    let mut next = staying.post(CHAT).await.unwrap();
    timeout(LONGEST, next.body_mut().frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(mock.connections(), 1);
}
