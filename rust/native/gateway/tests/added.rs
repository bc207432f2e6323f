//! What is told beside an answer, and answers that cannot be read.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use http::StatusCode;
use midstream_gateway::{Api, ModeratorConfig};
use midstream_stream::Settings;
use serde_json::Value;
use support::{Asker, Mock, Script, all, chat, chat_end, gateway_with};

const CHAT: &str = "/v1/chat/completions";

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
        let body = String::from_utf8(all(Asker::new(&server).post(CHAT).await).await.to_vec()).unwrap();
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
    let id = response.headers()["x-midstream-stream-id"].to_str().unwrap().to_owned();
    assert_eq!(all(response).await, body);
    let events = all(asker.send("GET", &format!("/midstream/v1/streams/{id}/events"), "").await).await;
    assert!(String::from_utf8_lossy(&events).contains(r#""encoding":"gzip""#));
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
        let body: Value = serde_json::from_slice(&all(response).await).unwrap();
        assert_eq!(body["error"]["type"], "midstream_encoded");
    }
}
