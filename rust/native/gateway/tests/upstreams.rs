//! Upstreams that break, each in its own way: one end, one record, one count, and the error of the API for the client.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use midstream_gateway::{Api, Config, Server, UpstreamConfig};
use serde_json::{Value, json};
use socket2::SockRef;
use support::{Asker, LONGEST, chat, chat_end};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n";

/// What an upstream does once it was asked.
enum Does {
    Write(Bytes),
    Wait(Duration),
    /// Writes each byte of it apart.
    Drip(Bytes),
    /// Says nothing more and stays.
    Hang,
    /// Closes with a reset.
    Reset,
}

use Does::{Drip, Hang, Reset, Wait, Write};

fn write(bytes: impl Into<Bytes>) -> Does {
    Write(bytes.into())
}

/// The head of a body that ends with its connection.
fn head() -> Does {
    write(format!("{HEAD}\r\n"))
}

/// The head of a body in chunks.
fn chunked() -> Does {
    write(format!("{HEAD}transfer-encoding: chunked\r\n\r\n"))
}

fn chunk(bytes: &[u8]) -> Does {
    write([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
}

async fn play(mut socket: TcpStream, script: &[Does]) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut asked = BytesMut::new();
    while !asked.ends_with(br#""stream":true}"#) {
        if socket.read_buf(&mut asked).await? == 0 {
            return Ok(());
        }
    }
    for does in script {
        match does {
            Write(bytes) => socket.write_all(bytes).await?,
            Wait(time) => tokio::time::sleep(*time).await,
            Drip(bytes) => {
                for byte in bytes.chunks(1) {
                    socket.write_all(byte).await?;
                    socket.flush().await?;
                }
            }
            Hang => std::future::pending().await,
            Reset => {
                // What was written has to arrive before the reset takes it away.
                tokio::time::sleep(Duration::from_millis(50)).await;
                SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
            }
        }
    }
    Ok(())
}

async fn upstream(script: Vec<Does>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let script = std::sync::Arc::new(script);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let script = std::sync::Arc::clone(&script);
            tokio::spawn(async move { play(socket, &script).await });
        }
    });
    address
}

async fn gateway_to(address: SocketAddr, idle_s: f64) -> Server {
    let mut upstream = UpstreamConfig::new(format!("http://{address}"), &[Api::Openai]);
    (upstream.retries, upstream.idle_s, upstream.first_byte_s) = (0, idle_s, 1.0);
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        upstreams: [("raw".to_owned(), upstream)].into(),
        ..Config::default()
    };
    Server::start(config).await.unwrap()
}

/// What a client and an operator see of one answer.
#[derive(Debug)]
struct Seen {
    status: StatusCode,
    body: Bytes,
    /// The body broke off.
    is_broken: bool,
    end: Value,
    output: Value,
    cause: Value,
}

impl Seen {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The error of OpenAI's API that ends the body.
    fn error(&self) -> Value {
        let text = self.text();
        let last = text.trim_end().rsplit("data: ").next().unwrap();
        serde_json::from_str::<Value>(last).unwrap_or_else(|_| panic!("no error ends {text}"))["error"].clone()
    }
}

async fn read(response: Response<Incoming>) -> (Bytes, bool) {
    let (mut body, mut bytes) = (response.into_body(), BytesMut::new());
    loop {
        match timeout(LONGEST, body.frame()).await.expect("no end") {
            None => return (bytes.freeze(), false),
            Some(Err(_)) => return (bytes.freeze(), true),
            Some(Ok(frame)) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
        }
    }
}

async fn see(server: Server) -> Seen {
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    let status = response.status();
    let (body, is_broken) = read(response).await;
    let streams = asker.get_json("/midstream/v1/streams").await;
    let stream = &streams["streams"][0];
    assert_eq!(stream["state"], "ended", "{stream}");
    let records = stream["usage"].as_array().unwrap();
    assert_eq!(records.len(), 1, "{stream}");
    let (end, output) = (records[0]["end"].clone(), records[0]["output"].clone());
    let metrics = asker.get_text("/metrics").await;
    let counted = format!("midstream_usage_records_total{{upstream=\"raw\",end={end}}} 1");
    assert!(metrics.contains(&counted), "{counted} is not in {metrics}");
    assert_eq!(metrics.matches("midstream_usage_records_total{").count(), 1);
    Seen { status, body, is_broken, end, output, cause: stream["cause"].clone() }
}

async fn seen(script: Vec<Does>) -> Seen {
    see(gateway_to(upstream(script).await, 5.0).await).await
}

/// There was no answer.
fn assert_unreachable(seen: &Seen) {
    assert_eq!(seen.status, StatusCode::BAD_GATEWAY, "{seen:?}");
    assert_eq!((&seen.end, &seen.output), (&json!("failed"), &json!(0)));
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["error"]["type"], "midstream_upstream_unreachable");
    assert!(!seen.text().contains("127.0.0.1"));
}

#[tokio::test]
async fn nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_unreachable(&see(gateway_to(free, 5.0).await).await);
}

#[tokio::test]
async fn a_reset_before_the_head() {
    assert_unreachable(&seen(vec![Reset]).await);
}

#[tokio::test]
async fn a_reset_inside_the_head() {
    assert_unreachable(&seen(vec![write("HTTP/1.1 200 OK\r\ncontent-ty"), Reset]).await);
}

#[tokio::test]
async fn a_head_that_is_none() {
    let seen = seen(vec![write("SSH-2.0-OpenSSH_9.6\r\n\r\n")]).await;
    assert_unreachable(&seen);
    assert!(seen.text().contains("gave no answer: its answer is no HTTP"), "{}", seen.text());
}

#[tokio::test]
async fn a_head_of_too_many_headers() {
    let headers: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let seen = seen(vec![write(format!("{HEAD}{headers}\r\n"))]).await;
    assert_unreachable(&seen);
    assert!(seen.text().contains("has too many headers"), "{}", seen.text());
}

#[tokio::test]
async fn silence_before_the_head() {
    let seen = seen(vec![Hang]).await;
    assert_eq!((seen.status, &seen.end), (StatusCode::GATEWAY_TIMEOUT, &json!("failed")));
}

#[tokio::test]
async fn a_head_and_then_silence() {
    let seen = see(gateway_to(upstream(vec![chunked(), Hang]).await, 0.2).await).await;
    assert_eq!((seen.status, seen.is_broken), (StatusCode::OK, true));
    assert_eq!((&seen.end, &seen.output, &seen.cause), (&json!("stalled"), &json!(0), &json!("idle")));
}

#[tokio::test]
async fn silence_between_two_events() {
    let script = vec![chunked(), chunk(&chat("Hello")), Hang];
    let seen = see(gateway_to(upstream(script).await, 0.2).await).await;
    assert_eq!((&seen.end, seen.is_broken), (&json!("stalled"), true));
    assert_eq!(seen.error()["message"], "the upstream sent nothing for 0.2 s");
    assert_eq!(seen.error()["type"], "midstream_upstream_timeout");
    assert!(seen.text().starts_with(&String::from_utf8(chat("Hello").to_vec()).unwrap()));
}

#[tokio::test]
async fn a_body_that_ends_inside_a_chunk() {
    let whole = [chat("Hello"), chat("half")].concat();
    let script = vec![chunked(), write([format!("{:x}\r\n", whole.len() + 9).as_bytes(), &whole].concat())];
    let seen = seen(script).await;
    assert_eq!((&seen.end, seen.is_broken), (&json!("truncated"), true));
    assert_eq!(seen.error()["message"], "the connection to the upstream broke inside its answer");
    assert_eq!(seen.error()["type"], "midstream_upstream_broke");
}

#[tokio::test]
async fn a_body_without_an_end_mark() {
    let seen = seen(vec![chunked(), chunk(&chat("Hello")), write("0\r\n\r\n")]).await;
    assert_eq!((&seen.end, seen.is_broken, seen.body), (&json!("truncated"), false, chat("Hello")));
}

#[tokio::test]
async fn a_reset_between_two_events() {
    let seen = seen(vec![chunked(), chunk(&chat("Hello")), Reset]).await;
    assert_eq!((&seen.end, seen.is_broken), (&json!("truncated"), true));
    assert_eq!(seen.error()["message"], "the connection to the upstream broke inside its answer");
    assert_eq!(seen.error()["type"], "midstream_upstream_broke");
}

#[tokio::test]
async fn a_reset_inside_an_event() {
    let seen = seen(vec![chunked(), chunk(&chat("Hello")), chunk(b"data: {\"id\":"), Reset]).await;
    assert_eq!((&seen.end, seen.is_broken), (&json!("truncated"), true));
    assert_eq!(seen.body, [&chat("Hello")[..], b"data: {\"id\":"].concat());
}

#[tokio::test]
async fn a_reset_behind_the_end() {
    let seen = seen(vec![chunked(), chunk(&chat("Hello")), chunk(&chat_end()), Reset]).await;
    assert_eq!(seen.end, "complete");
    assert_eq!(seen.body, [chat("Hello"), chat_end()].concat());
}

#[tokio::test]
async fn an_error_with_a_time_to_ask_again() {
    let body = r#"{"error":{"message":"slow down","type":"rate_limit"}}"#;
    let head = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 7\r\n";
    let script = vec![write(format!("{head}content-length: {}\r\n\r\n{body}", body.len()))];
    let server = gateway_to(upstream(script).await, 5.0).await;
    let response = Asker::new(&server).post(CHAT).await;
    assert_eq!(response.headers()["retry-after"], "7");
    let seen = see(gateway_to(
        upstream(vec![write(format!("{head}content-length: {}\r\n\r\n{body}", body.len()))]).await,
        5.0,
    )
    .await)
    .await;
    assert_eq!((seen.status, &seen.end, &seen.output), (StatusCode::TOO_MANY_REQUESTS, &json!("failed"), &json!(0)));
    assert_eq!(seen.body, body);
}

#[tokio::test]
async fn an_error_inside_the_stream() {
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":null}}\n\n";
    let seen = seen(vec![chunked(), chunk(&chat("Hello")), chunk(error.as_bytes()), write("0\r\n\r\n")]).await;
    assert_eq!(seen.end, "failed");
    assert_eq!(seen.body, [&chat("Hello"), error.as_bytes()].concat());
}

#[tokio::test]
async fn an_event_of_16_mib() {
    let long = chat(&"All work and no play makes Jack a dull boy, he said. ".repeat((16 << 20) / 53));
    let whole = [long, chat_end()].concat();
    let seen = seen(vec![head(), write(whole.clone())]).await;
    assert!(seen.body == whole, "{} bytes of {} passed", seen.body.len(), whole.len());
    assert_eq!(seen.end, "complete");
}

#[tokio::test]
async fn every_byte_in_a_write_of_its_own() {
    let whole = Bytes::from([chat("Hello"), chat(" world"), chat_end()].concat());
    let seen = seen(vec![head(), Drip(whole.clone())]).await;
    assert_eq!((&seen.end, seen.body, &seen.output), (&json!("complete"), whole, &json!(3)));
}

#[tokio::test]
async fn text_that_is_no_utf_8() {
    let mut broken = chat("Hell?").to_vec();
    let at = broken.iter().position(|byte| *byte == b'?').unwrap();
    broken[at] = 0xff;
    let whole = [&broken[..], &chat_end()].concat();
    let seen = seen(vec![head(), write(whole.clone())]).await;
    assert_eq!((&seen.end, seen.body), (&json!("complete"), Bytes::from(whole)));
}

#[tokio::test]
async fn a_start_that_comes_twice() {
    let start = r#"data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
    let start = format!("{start}\n\n");
    let whole = [start.as_bytes(), start.as_bytes(), &chat("Hello"), &chat_end()].concat();
    let seen = seen(vec![head(), write(whole.clone())]).await;
    assert_eq!((&seen.end, seen.body, &seen.output), (&json!("complete"), Bytes::from(whole), &json!(2)));
}

#[tokio::test]
async fn one_that_is_silent_and_then_late() {
    let late = Duration::from_millis(300);
    let whole = [chat("Hello"), chat(" world"), chat_end()].concat();
    let (first, rest) = whole.split_at(chat("Hello").len());
    let script = vec![Wait(late), head(), Wait(late), write(first.to_vec()), Wait(late), write(rest.to_vec())];
    let seen = seen(script).await;
    assert_eq!((&seen.end, seen.body), (&json!("complete"), Bytes::from(whole)));
}
