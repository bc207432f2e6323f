//! Peers that are gone without a word: whom no connection reaches, and who answers no ping of HTTP/2.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, Config, UpstreamConfig};
use serde_json::Value;
use support::answers::all;
use support::certificates::Authority;
use support::connections::{Connection, Http};
use support::ends::{ended, streams, until};
use support::{Asker, LONGEST, Mock, Script, chat, gateway_with, mock_of};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";

/// An address that takes no more connections, with what fills it.
struct Full {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Full {
    async fn new() -> Self {
        /// More than any system keeps for a listener that asks for one.
        const MOST: usize = 64;
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while waiting.len() < MOST {
            match timeout(Duration::from_millis(500), TcpStream::connect(address)).await {
                Ok(connected) => waiting.push(connected.unwrap()),
                Err(_) => return Self { address, _listener: listener, _waiting: waiting },
            }
        }
        panic!("a listener that nobody serves took {MOST} connections: this system has none that is full");
    }
}

/// Passes bytes between a client and a server until it falls silent; both connections stay.
struct Relay {
    address: SocketAddr,
    silent: Arc<Notify>,
}

impl Relay {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, silent) = (listener.local_addr().unwrap(), Arc::new(Notify::new()));
        let falls = Arc::clone(&silent);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let falls = Arc::clone(&falls);
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(server).await.unwrap();
                    let is_over = tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => true,
                        () = falls.notified() => false,
                    };
                    if !is_over {
                        tokio::time::sleep(LONGEST * 4).await;
                    }
                });
            }
        });
        Self { address, silent }
    }

    fn fall_silent(&self) {
        self.silent.notify_waiters();
    }
}

/// One upstream at another address, which is asked once and has little time to connect.
fn asking(config: &mut Config, url: String) {
    let once = UpstreamConfig { retries: 0, connect_s: 0.5, ..UpstreamConfig::new(url, &[Api::Openai]) };
    config.upstreams.insert("mock".to_owned(), once);
}

#[tokio::test]
async fn an_upstream_that_takes_no_connection_is_given_up_in_time() {
    let (full, mock) = (Full::new().await, Mock::start(Script::default()).await);
    let server = gateway_with(&mock, Api::Openai, |config| asking(config, format!("http://{}", full.address))).await;
    let answer = Asker::new(&server).post(CHAT).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let told = String::from_utf8(all(answer).await.to_vec()).unwrap();
    assert!(told.contains("no connection could be made"), "{told}");
    assert_eq!(ended(&server).await["end"], serde_json::json!({"state": "failed", "cause": "no_answer"}));
}

#[tokio::test]
async fn an_upstream_that_ends_no_handshake_is_given_up_in_time() {
    let (silent, mock) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Mock::start(Script::default()).await);
    let address = silent.local_addr().unwrap();
    let server = gateway_with(&mock, Api::Openai, |config| asking(config, format!("https://{address}"))).await;
    let answer = Asker::new(&server).post(CHAT).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let told = String::from_utf8(all(answer).await.to_vec()).unwrap();
    assert!(told.contains("no connection could be made"), "{told}");
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_gone() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.clients.ping_s = 1.0).await;
    let relay = Relay::to(server.address()).await;
    let mut client = Connection::over(TcpStream::connect(relay.address).await.unwrap(), Http::Two).await;
    let mut answer = client.post(CHAT).await.unwrap();
    answer.body_mut().frame().await.unwrap().unwrap();
    relay.fall_silent();
    assert!(!mock.closed().await.0);
    let stream = ended(&server).await;
    assert_eq!((&stream["end"]["state"], &stream["cause"]), (&"cancelled".into(), &"client_left".into()));
}

#[tokio::test]
async fn an_upstream_that_answers_no_ping_is_gone() {
    for has_begun in [false, true] {
        let authority = Authority::new();
        let before = if has_begun { Duration::ZERO } else { LONGEST * 4 };
        let script = Script { before, hangs: true, ..Script::of([chat("Hello")]) };
        let mock = Mock::start_tls(script, authority.issue("localhost").acceptor(&["h2"])).await;
        let relay = Relay::to(mock.address).await;
        let server = gateway_with(&mock, Api::Openai, |config| {
            asking(config, format!("https://localhost:{}", relay.address.port()));
            let upstream = mock_of(config);
            (upstream.ca, upstream.ping_s, upstream.connect_s) = (Some(authority.file()), 1.0, 10.0);
        })
        .await;
        let asker = Asker::new(&server);
        let asked = async {
            let mut answer = asker.post(CHAT).await;
            while let Some(Ok(_)) = timeout(LONGEST, answer.body_mut().frame()).await.expect("no end") {}
            answer.status()
        };
        let falls = async {
            mock.asked().await;
            let is_running = || streams(&server).iter().any(|stream: &Value| stream["state"] == "running");
            if has_begun {
                until("the answer passes", async || is_running()).await;
            }
            relay.fall_silent();
        };
        let (status, ()) = tokio::join!(asked, falls);
        assert_eq!(status, if has_begun { StatusCode::OK } else { StatusCode::BAD_GATEWAY });
        let state = if has_begun { "truncated" } else { "failed" };
        assert_eq!(ended(&server).await["end"]["state"], state);
    }
}
