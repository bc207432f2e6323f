//! What is told beside an answer, and answers that cannot be read.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, ModeratorConfig};
use midstream_stream::Settings;
use serde_json::Value;
use support::answers::{all, id_of, json_of, text_of};
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway_with};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
const ASKED: &str = r#"{"model":"m","stream":true}"#;

/// A stream that counts, which is warned of.
fn counting() -> Script {
    let items = (1..12).map(|number| chat(&format!("{number}. The same words again and again. ")));
    Script::of(items.chain([chat_end()]))
}

#[tokio::test]
async fn warnings_are_told_inside_an_answer_where_that_is_asked_for() {
    for tells in [true, false] {
        let script = counting();
        let expected: Vec<u8> = script.chunks.iter().flat_map(|(_, chunk)| chunk.to_vec()).collect();
        let mock = Mock::start(script).await;
        let server = gateway_with(&mock, Api::Openai, |config| {
            config.guard = Settings::from_json(r#"{"repeat": {"counter_stop_copies": "off"}}"#).unwrap();
            config.tell_warnings = tells;
        })
        .await;
        let body = text_of(Asker::new(&server).post(CHAT).await).await;
        let (told, rest): (Vec<&str>, Vec<&str>) =
            body.split_inclusive("\n\n").partition(|event| event.contains("\"warning\""));
        assert_eq!(rest.concat().as_bytes(), expected);
        assert_eq!(!told.is_empty(), tells, "{body}");
        for event in told {
            let chunk: Value = serde_json::from_str(event.trim().strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(chunk["choices"], serde_json::json!([]));
            assert_eq!(chunk["midstream"]["warning"]["check"], "repeat");
        }
    }
}

#[tokio::test]
async fn an_encoded_answer_passes_as_it_is_and_is_told_of() {
    let body = &b"\x1f\x8b\x08not read"[..];
    let mock = Mock::start(Script { encoding: "gzip", ..Script::of([body]) }).await;
    let server = gateway_with(&mock, Api::Openai, |_| ()).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let id = id_of(&response);
    assert_eq!(all(response).await, body);
    let events = all(asker.send("GET", &format!("/midstream/v1/streams/{id}/events"), "").await).await;
    assert!(String::from_utf8_lossy(&events).contains(r#""encoding":"gzip""#));
}

#[tokio::test]
async fn geminis_clients_get_blank_lines_while_an_answer_is_silent() {
    // Google's SDKs take any other line for JSON.
    let event =
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}],\"role\":\"model\"},\"index\":0}]}\r\n\r\n";
    let mut script = Script::of([event]);
    script.chunks.push((Duration::from_millis(300), event.into()));
    let mock = Mock::start(script).await;
    let server = gateway_with(&mock, Api::Gemini, |config| config.keepalive_s = 0.05).await;
    let response = Asker::new(&server).post("/v1beta/models/m:streamGenerateContent?alt=sse").await;
    let text = text_of(response).await;
    let behind = text.strip_prefix(event).unwrap();
    let blank = behind.strip_suffix(event).unwrap();
    assert!(!blank.is_empty() && blank.bytes().all(|byte| byte == b'\n'), "{text:?}");
}

/// What a server sends that encodes although it is not to, one chunk an event.
fn encoded(events: &[Bytes]) -> Vec<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut chunks = Vec::new();
    for event in events {
        encoder.write_all(event).unwrap();
        encoder.flush().unwrap();
        chunks.push(std::mem::take(encoder.get_mut()).into());
    }
    chunks.push(encoder.finish().unwrap().into());
    chunks
}

#[tokio::test]
async fn what_an_encoded_answer_holds_is_checked_and_shown_while_its_bytes_pass_as_they_are() {
    let chunks = encoded(&[chat("Hello "), chat("world"), chat_end()]);
    let mut script = Script { encoding: "gzip", ..Script::of(chunks.clone()) };
    script.chunks[1].0 = Duration::from_millis(200);
    let mock = Mock::start(script).await;
    // Comments and numbers have no place in it.
    let server = gateway_with(&mock, Api::Openai, |config| config.keepalive_s = 0.05).await;
    let asker = Asker::new(&server);
    let response = asker.send_with("POST", CHAT, ASKED, &[("x-midstream-ids", "1")]).await;
    let id = id_of(&response);
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(all(response).await, chunks.concat());
    let events = all(asker.send("GET", &format!("/midstream/v1/streams/{id}/events"), "").await).await;
    let events = String::from_utf8_lossy(&events).into_owned();
    assert!(events.contains(r#""text":"world""#) && !events.contains("opaque"), "{events}");
    let shown = asker.get_json(&format!("/midstream/v1/streams/{id}")).await;
    assert_eq!(shown["summary"]["ending"], "complete");
}

#[tokio::test]
async fn a_stop_breaks_an_encoded_answer_off() {
    let looping: Vec<Bytes> = (0..60).map(|_| chat("I am done. ")).collect();
    let mock = Mock::start(Script { encoding: "gzip", hangs: true, ..Script::of(encoded(&looping)) }).await;
    let server = gateway_with(&mock, Api::Openai, |_| ()).await;
    let asker = Asker::new(&server);
    let response = asker.post(CHAT).await;
    assert!(timeout(LONGEST, response.into_body().collect()).await.unwrap().is_err());
    assert!(!mock.closed().await.0);
    let shown = asker.get_json("/midstream/v1/streams").await;
    assert_eq!(shown["streams"][0]["summary"]["ending"], "halted");
    assert_eq!(shown["streams"][0]["findings"][0]["check"], "repeat");
}

#[tokio::test]
async fn an_encoded_answer_in_one_piece_is_checked_too() {
    for (text, status) in
        [("Hello".to_owned(), StatusCode::OK), ("I am done. ".repeat(60), StatusCode::UNPROCESSABLE_ENTITY)]
    {
        let message = serde_json::json!({"id": "c1", "object": "chat.completion", "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"},
        ]});
        let body = encoded(&[message.to_string().into()]).concat();
        let script = Script { content_type: "application/json", encoding: "gzip", ..Script::of([body.clone()]) };
        let mock = Mock::start(Script { length: Some(body.len()), ..script }).await;
        let server = gateway_with(&mock, Api::Openai, |_| ()).await;
        let response = Asker::new(&server).send("POST", CHAT, r#"{"model":"m"}"#).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().contains_key("content-encoding"), status == StatusCode::OK);
        assert_eq!(all(response).await == body, status == StatusCode::OK);
    }
}

#[tokio::test]
async fn an_encoded_answer_whose_text_is_to_be_changed_is_refused() {
    for guard in [r#"{"redact": {"rules": ["email"]}}"#, r#"{"hold": {}}"#] {
        let mock = Mock::start(Script { encoding: "gzip", ..Script::of([&b"\x1f\x8b\x08"[..]]) }).await;
        let server = gateway_with(&mock, Api::Openai, |config| {
            config.guard = Settings::from_json(guard).unwrap();
            config.moderator = config.guard.hold.as_ref().map(|_| ModeratorConfig::new("http://127.0.0.1:1"));
        })
        .await;
        let response = Asker::new(&server).post(CHAT).await;
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        let body = json_of(response).await;
        assert_eq!(body["error"]["type"], "midstream_encoded");
    }
}
