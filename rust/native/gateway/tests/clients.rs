//! Clients that leave, stop writing, do not read, or are slow, over either HTTP: what the provider sees of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use midstream_gateway::Api;
use serde_json::Value;
use support::answers::all;
use support::connections::{Connection, Http, Raw, chat_request};
use support::ends::ended;
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway, gateway_with, mock_of};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
/// What is not read as a stream of a model, so that much of it passes fast.
const FILES: &str = "/v1/files";

async fn first_chunk(response: &mut http::Response<hyper::body::Incoming>) -> Bytes {
    let frame = timeout(LONGEST, response.body_mut().frame()).await.expect("nothing came");
    frame.unwrap().unwrap().into_data().unwrap()
}

/// A client that has asked leaves before anything has come.
async fn leave_unanswered(mock: &Mock, http: Http) {
    let server = gateway(mock, Api::Openai).await;
    let mut connection = Connection::open(&server, http).await;
    let request = tokio::spawn(async move { connection.post(CHAT).await.map(|_| ()) });
    mock.asked().await;
    request.abort();
    assert!(!mock.closed().await.0, "{http:?}");
    assert_eq!(ended(&server).await["cause"], "client_left", "{http:?}");
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_byte_closes_the_provider() {
    for http in Http::BOTH {
        let mock = Mock::start(Script { before: LONGEST * 2, ..Script::of([chat("late")]) }).await;
        leave_unanswered(&mock, http).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_stream_closes_the_provider() {
    for http in Http::BOTH {
        let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
        let server = gateway(&mock, Api::Openai).await;
        let mut connection = Connection::open(&server, http).await;
        let mut response = connection.post(CHAT).await.unwrap();
        first_chunk(&mut response).await;
        drop((response, connection));
        assert!(!mock.closed().await.0, "{http:?}");
        let stream = ended(&server).await;
        assert_eq!((&stream["cause"], &stream["summary"]["ending"]), (&"client_left".into(), &"cancelled".into()));
    }
}

#[tokio::test]
async fn a_client_that_leaves_an_answer_in_one_piece_closes_the_provider() {
    for http in Http::BOTH {
        let mut script = Script { content_type: "application/json", length: Some(100), ..Script::of(["{"]) };
        script.hangs = true;
        let mock = Mock::start(script).await;
        leave_unanswered(&mock, http).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_after_the_end_has_a_complete_answer() {
    for http in Http::BOTH {
        let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello"), chat_end()]) }).await;
        let server = gateway(&mock, Api::Openai).await;
        let mut connection = Connection::open(&server, http).await;
        let mut response = connection.post(CHAT).await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"[DONE]\n\n") {
            read.extend_from_slice(&first_chunk(&mut response).await);
        }
        drop((response, connection));
        mock.closed().await;
        let stream = ended(&server).await;
        assert_eq!((&stream["cause"], &stream["summary"]["ending"]), (&Value::Null, &"complete".into()), "{http:?}");
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_leaves_the_others_of_its_connection() {
    let mut script = Script::of([chat("Hello")]);
    script.chunks.push((Duration::from_millis(300), chat_end()));
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut connection = Connection::open(&server, Http::Two).await;
    let mut left = connection.post(CHAT).await.unwrap();
    first_chunk(&mut left).await;
    let stays = connection.post(CHAT).await.unwrap();
    drop(left);
    assert!(!mock.closed().await.0);
    assert_eq!(all(stays).await, [chat("Hello"), chat_end()].concat());
}

#[tokio::test]
async fn bytes_pass_one_by_one_over_either_http() {
    let whole = [chat("Hello"), chat_end()].concat();
    for http in Http::BOTH {
        let mock = Mock::start(Script::of(whole.iter().map(|byte| vec![*byte]))).await;
        let server = gateway(&mock, Api::Openai).await;
        let mut connection = Connection::open(&server, http).await;
        let response = connection.post(CHAT).await.unwrap();
        assert_eq!(all(response).await, whole, "{http:?}");
    }
}

#[tokio::test]
async fn a_client_that_stops_writing_and_still_reads_gets_its_answer() {
    let mut script = Script { before: Duration::from_millis(200), ..Script::of([chat("Hello")]) };
    script.chunks.push((Duration::from_millis(200), chat_end()));
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai).await;
    let mut raw = Raw::open(&server).await;
    raw.write(chat_request()).await;
    raw.0.shutdown().await.unwrap();
    let answer = raw.rest().await;
    assert!(answer.contains("Hello") && answer.contains("[DONE]"), "{answer}");
    assert_eq!(ended(&server).await["summary"]["ending"], "complete");
}

#[tokio::test]
async fn a_client_that_stops_writing_in_mid_stream_may_still_leave() {
    let mock = Mock::start(Script { hangs: true, ..Script::of([chat("Hello")]) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.keepalive_s = 0.2).await;
    let mut raw = Raw::open(&server).await;
    raw.write(chat_request()).await;
    raw.until("Hello").await;
    raw.0.shutdown().await.unwrap();
    raw.until(": keepalive").await;
    // It has read all that came, so that the next bytes tell.
    drop(raw);
    assert!(!mock.closed().await.0);
    assert_eq!(ended(&server).await["cause"], "client_left");
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_stream() {
    let mock = Mock::start(flood()).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.clients.slow_s = 0.3).await;
    let mut raw = Raw::open(&server).await;
    raw.write(chat_request().replace(CHAT, FILES)).await;
    assert!(!mock.closed().await.0);
    let stream = ended(&server).await;
    assert_eq!((&stream["cause"], &stream["summary"]["ending"]), (&"slow_client".into(), &"cancelled".into()));
}

/// Far more than sockets and windows hold.
fn flood() -> Script {
    let much = chat(&"x".repeat(64 << 10));
    Script { hangs: true, ..Script::of((0..300).map(|_| much.clone())) }
}

#[tokio::test]
async fn a_client_that_does_not_read_one_of_its_streams_loses_that_one() {
    let mock = Mock::start(flood()).await;
    let server = gateway_with(&mock, Api::Openai, |config| config.clients.slow_s = 0.3).await;
    let mut connection = Connection::open(&server, Http::Two).await;
    let stuck = connection.post(FILES).await.unwrap();
    assert!(!mock.closed().await.0);
    assert_eq!(ended(&server).await["cause"], "slow_client");
    assert_eq!(connection.post("/nothing").await.unwrap().status(), 404);
    drop(stuck);
}

#[tokio::test]
async fn an_operator_ends_a_stream_that_its_client_does_not_read() {
    for http in Http::BOTH {
        let mock = Mock::start(flood()).await;
        let server = gateway(&mock, Api::Openai).await;
        let mut connection = Connection::open(&server, http).await;
        let stuck = connection.post(FILES).await.unwrap();
        server.cancel(stuck.headers()["x-midstream-stream-id"].to_str().unwrap());
        assert!(!mock.closed().await.0);
        assert_eq!(ended(&server).await["cause"], "operator", "{http:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_its_upstream_is_connected_ends_the_attempt() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mock = Mock::start(Script::of([chat_end()])).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        let url = format!("https://{}", silent.local_addr().unwrap());
        mock_of(config).url = url;
    })
    .await;
    let mut connection = Connection::open(&server, Http::One).await;
    let request = tokio::spawn(async move { connection.post(CHAT).await.map(|_| ()) });
    let mut attempt = Raw(timeout(LONGEST, silent.accept()).await.expect("no attempt").unwrap().0);
    request.abort();
    // What came of it is the begin of a handshake, and then its end.
    attempt.rest().await;
    assert_eq!(ended(&server).await["cause"], "client_left");
}

#[tokio::test]
async fn a_provider_that_only_sends_signs_of_life_is_given_up() {
    let mut script = Script::of([chat("Hello")]);
    script.chunks.extend((0..200).map(|_| (Duration::from_millis(20), Bytes::from(": ping\n\n"))));
    script.hangs = true;
    let mock = Mock::start(script).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).no_progress_s = 0.3;
    })
    .await;
    let response = Asker::new(&server).post(CHAT).await;
    assert!(timeout(LONGEST, response.into_body().collect()).await.unwrap().is_err());
    let stream = ended(&server).await;
    assert_eq!((&stream["cause"], &stream["summary"]["ending"]), (&"no_progress".into(), &"stalled".into()));
}

#[tokio::test]
async fn an_answer_takes_no_longer_than_it_may() {
    let mut script = Script::of([chat("Hello")]);
    script.chunks.extend((0..2000).map(|number| (Duration::from_millis(10), chat(&format!("{number} ")))));
    let mock = Mock::start(script).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        mock_of(config).total_s = 0.3;
        config.guard.shadow = true;
    })
    .await;
    let response = Asker::new(&server).post(CHAT).await;
    assert!(timeout(LONGEST, response.into_body().collect()).await.unwrap().is_err());
    assert_eq!(ended(&server).await["cause"], "total");
}
