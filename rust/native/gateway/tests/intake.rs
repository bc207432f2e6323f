//! Requests that are too slow, too large, too many or no requests at all.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use midstream_gateway::{Api, Config, Server};
use support::answers::all;
use support::connections::{Raw, chat_request};
use support::routes::{asked, two_routes};
use support::{Asker, LONGEST, Mock, Script, chat_end, gateway, gateway_with};
use tokio::time::{Instant, timeout};

async fn quick(change: impl FnOnce(&mut Config)) -> (Mock, Server) {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, change).await;
    (mock, server)
}

/// What the gateway answers to these bytes until it closes.
async fn answer_to(server: &Server, bytes: impl AsRef<[u8]>) -> String {
    let mut raw = Raw::open(server).await;
    raw.write(bytes).await;
    raw.rest().await
}

#[tokio::test]
async fn who_sends_nothing_is_closed() {
    let (_mock, server) = quick(|config| config.clients.header_s = 0.2).await;
    for begun in
        ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"]
    {
        answer_to(&server, begun).await;
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let (_mock, server) = quick(|config| config.clients.header_s = 0.3).await;
    let mut raw = Raw::open(&server).await;
    let begun = Instant::now();
    let dripping = async {
        use tokio::io::AsyncWriteExt;
        raw.0.write_all(b"POST /v1/chat/completions HTTP/1.1\r\n").await?;
        loop {
            raw.0.write_all(b"x: y\r\n").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended: Result<std::io::Result<()>, _> = timeout(LONGEST, dripping).await;
    assert!(ended.unwrap().is_err());
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused_in_the_words_of_the_api() {
    let (_mock, server) = quick(|config| config.clients.body_s = 0.2).await;
    let answer =
        answer_to(&server, "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{").await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains(r#""type":"midstream_body_timeout""#), "{answer}");
}

#[tokio::test]
async fn a_body_whose_client_writes_no_more_is_not_waited_for() {
    let (mock, server) = quick(|config| config.clients.body_s = 100.0).await;
    for framed in ["content-length: 9\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n9\r\n{"] {
        use tokio::io::AsyncWriteExt;
        let mut raw = Raw::open(&server).await;
        raw.write(format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n{framed}")).await;
        raw.0.shutdown().await.unwrap();
        let answer = raw.rest().await;
        assert!(answer.contains("HTTP/1.1 400 ") && answer.contains("broke off"), "{answer}");
    }
    assert_eq!(mock.connections(), 0);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_and_while_it_is_read() {
    let (mock, server) = quick(|config| config.max_body = 1 << 16).await;
    let body = "x".repeat(1 << 20);
    let known = format!("content-length: {}\r\n\r\n{body}", body.len());
    let chunked = format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for framed in [known, chunked] {
        let request = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{framed}");
        let answer = answer_to(&server, request).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("midstream_body_too_large"), "{answer}");
    }
    assert_eq!(mock.connections(), 0);
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_too_much_is_told_so_at_once() {
    let (_mock, server) = quick(|config| config.max_body = 10).await;
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 99\r\n\r\n";
    let mut raw = Raw::open(&server).await;
    raw.write(head).await;
    assert!(raw.until("\r\n").await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let (_mock, server) = quick(|config| {
        config.clients.header_bytes = 8192;
        config.clients.headers = 20;
    })
    .await;
    let long = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(9000));
    let many = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(30));
    for request in [long, many] {
        assert!(answer_to(&server, request).await.starts_with("HTTP/1.1 431 "));
    }
}

#[tokio::test]
async fn garbage_is_refused_and_harms_nobody() {
    let (mock, server) = quick(|_| ()).await;
    let noise: Vec<u8> = (0..4096_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let bodies = [
        &b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"[..],
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: many\r\n\r\n{}",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        &noise,
    ];
    for bytes in bodies {
        let mut raw = Raw::open(&server).await;
        raw.write(bytes).await;
        use tokio::io::AsyncWriteExt;
        let _ = raw.0.shutdown().await;
        let answer = raw.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(mock.connections(), 0);
    assert_eq!(Asker::new(&server).send("GET", "/healthz", "").await.status(), 200);
}

#[tokio::test]
async fn a_request_that_could_be_read_in_two_ways_is_read_in_one() {
    let (mock, server) = quick(|_| ()).await;
    let smuggled = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\
         \r\n0\r\n\r\nGET /secret HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let answer = answer_to(&server, smuggled).await;
    assert!(!answer.contains("/secret") && mock.connections() <= 1, "{answer}");
}

#[tokio::test]
async fn one_connection_too_many_is_told_that_there_is_no_room() {
    let (_mock, server) = quick(|config| config.clients.connections = 1).await;
    let mut first = Raw::open(&server).await;
    first.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    first.until("ok").await;
    let answer = answer_to(&server, chat_request()).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("midstream_full"), "{answer}");
    assert!(answer.contains("connection: close") && answer.contains("retry-after: 1"), "{answer}");
    drop(first);
    let room = async {
        loop {
            let mut raw = Raw::open(&server).await;
            raw.write(chat_request()).await;
            if raw.until("\r\n").await.starts_with("HTTP/1.1 200 ") {
                return;
            }
        }
    };
    timeout(LONGEST, room).await.expect("there is room again");
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut raw = Raw::open(&server).await;
    for _ in 0..3 {
        raw.write(chat_request()).await;
        raw.until("[DONE]\n\n\r\n0\r\n\r\n").await;
    }
}

#[tokio::test]
async fn a_long_body_is_read_as_a_short_one_is() {
    for length in [10, 1 << 20] {
        let [mock, second] = [0, 1].map(|_| Script { status: Some(http::StatusCode::BAD_REQUEST), ..Script::of([""]) });
        let (mock, second) = (Mock::start(mock).await, Mock::start(second).await);
        let server = two_routes(&second, &mock, Api::Openai, "{}", &[]).await;
        let text = "a".repeat(length);
        let asker = Asker::new(&server);
        let body = format!(r#"{{"model":"m","stream":true,"messages":[{{"role":"user","content":"{text}"}}]}}"#);
        all(asker.send("POST", "/v1/chat/completions", body.clone()).await).await;
        let sent = asked(&second).await;
        assert_eq!((&sent["model"], sent["messages"][0]["content"].as_str()), (&"m".into(), Some(&*text)));
        let twice = body.replacen("{", r#"{"model":"other","#, 1);
        let answer = all(asker.send("POST", "/v1/chat/completions", twice).await).await;
        assert!(String::from_utf8_lossy(&answer).contains("midstream_bad_request"));
    }
}
