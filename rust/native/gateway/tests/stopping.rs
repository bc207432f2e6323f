//! A stop ends an answer in the words of its API: with its error, or as one that has reached its length.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::{Api, OnStop, Server};
use midstream_stream::Settings;
use serde_json::{Value, json};
use support::answers::{all, json_of};
use support::{Asker, Mock, Script, gateway_with};

const LOOP: &str = "I am done. ";
const COPIES: usize = 60;

/// One format: its path, how a stream of it begins, a piece of text in it, and an answer in one piece.
struct Format {
    name: &'static str,
    api: Api,
    path: &'static str,
    content_type: &'static str,
    begin: String,
    piece: fn(&str) -> String,
    /// The path of answers in one piece, and one of them.
    whole: (&'static str, Value),
}

fn sse(name: &str, data: &Value) -> String {
    let name = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
    format!("{name}data: {data}\n\n")
}

fn named(data: &Value) -> String {
    sse(data["type"].as_str().unwrap(), data)
}

fn formats() -> Vec<Format> {
    let looped = LOOP.repeat(COPIES);
    let message = json!({"role": "assistant", "content": looped});
    let part = json!({"type": "output_text", "text": looped, "annotations": []});
    let item = json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]});
    let gemini =
        |text: &str| json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}]});
    vec![
        Format {
            name: "chat",
            api: Api::Openai,
            path: "/v1/chat/completions",
            content_type: "text/event-stream",
            begin: String::new(),
            piece: |text| {
                let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
                sse("", &json!({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}))
            },
            whole: (
                "/v1/chat/completions",
                json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [
                    {"index": 0, "message": message, "finish_reason": "stop"}]}),
            ),
        },
        Format {
            name: "completions",
            api: Api::Openai,
            path: "/v1/completions",
            content_type: "text/event-stream",
            begin: String::new(),
            piece: |text| {
                let choice = json!({"index": 0, "text": text, "finish_reason": null});
                sse("", &json!({"id": "c", "object": "text_completion", "model": "m", "choices": [choice]}))
            },
            whole: (
                "/v1/completions",
                json!({"id": "c", "object": "text_completion", "model": "m", "choices": [
                    {"index": 0, "text": looped, "finish_reason": "stop"}]}),
            ),
        },
        Format {
            name: "responses",
            api: Api::Openai,
            path: "/v1/responses",
            content_type: "text/event-stream",
            begin: {
                let response =
                    json!({"id": "r", "object": "response", "status": "in_progress", "model": "m", "output": []});
                let item = json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
                let part = json!({"type": "output_text", "text": "", "annotations": []});
                [
                    json!({"type": "response.created", "sequence_number": 0, "response": response}),
                    json!({"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item}),
                    json!({"type": "response.content_part.added", "sequence_number": 2, "item_id": "msg_1",
                        "output_index": 0, "content_index": 0, "part": part}),
                ]
                .iter()
                .map(named)
                .collect()
            },
            piece: |text| {
                named(&json!({"type": "response.output_text.delta", "sequence_number": 3, "item_id": "msg_1",
                    "output_index": 0, "content_index": 0, "delta": text}))
            },
            whole: (
                "/v1/responses",
                json!({"id": "r", "object": "response", "status": "completed", "model": "m", "output": [item]}),
            ),
        },
        Format {
            name: "messages",
            api: Api::Anthropic,
            path: "/v1/messages",
            content_type: "text/event-stream",
            begin: {
                let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
                    "stop_reason": null, "usage": {"input_tokens": 1, "output_tokens": 1}});
                let block = json!({"type": "text", "text": ""});
                [
                    json!({"type": "message_start", "message": message}),
                    json!({"type": "content_block_start", "index": 0, "content_block": block}),
                ]
                .iter()
                .map(named)
                .collect()
            },
            piece: |text| {
                let delta = json!({"type": "text_delta", "text": text});
                named(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
            },
            whole: (
                "/v1/messages",
                json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
                    "content": [{"type": "text", "text": looped}], "usage": {"input_tokens": 1, "output_tokens": 9}}),
            ),
        },
        Format {
            name: "gemini",
            api: Api::Gemini,
            path: "/v1beta/models/m:streamGenerateContent?alt=sse",
            content_type: "text/event-stream",
            begin: String::new(),
            piece: |text| {
                let content = json!({"parts": [{"text": text}], "role": "model"});
                format!("data: {}\r\n\r\n", json!({"candidates": [{"content": content, "index": 0}]}))
            },
            whole: ("/v1beta/models/m:generateContent", gemini(&looped)),
        },
        Format {
            name: "gemini array",
            api: Api::Gemini,
            path: "/v1beta/models/m:streamGenerateContent",
            content_type: "application/json",
            begin: format!("[{}", gemini("Well. ")),
            piece: |text| {
                let content = json!({"parts": [{"text": text}], "role": "model"});
                format!(",\r\n{}", json!({"candidates": [{"content": content, "index": 0}]}))
            },
            whole: ("/v1beta/models/m:generateContent", gemini(&looped)),
        },
        Format {
            name: "ollama",
            api: Api::Ollama,
            path: "/api/chat",
            content_type: "application/x-ndjson",
            begin: String::new(),
            piece: |text| {
                let message = json!({"role": "assistant", "content": text});
                format!(
                    "{}\n",
                    json!({"model": "m", "created_at": "2026-11-01T00:00:00Z", "message": message, "done": false})
                )
            },
            whole: (
                "/api/chat",
                json!({"model": "m", "created_at": "2026-11-01T00:00:00Z", "done": true, "done_reason": "stop",
                    "message": {"role": "assistant", "content": looped}}),
            ),
        },
    ]
}

async fn gateway(mock: &Mock, api: Api, on_stop: OnStop) -> Server {
    gateway_with(mock, api, |config| config.on_stop = on_stop).await
}

/// The messages of a body in whatever framing it has.
fn messages(format: &Format, body: &str) -> Vec<Value> {
    match format.content_type {
        "application/json" => serde_json::from_str::<Vec<Value>>(body).unwrap(),
        "application/x-ndjson" => body.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        _ => {
            let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
            data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
        }
    }
}

/// The reason that a message gives for its end.
fn reason(message: &Value) -> Option<&str> {
    let places = [
        "/choices/0/finish_reason",
        "/delta/stop_reason",
        "/stop_reason",
        "/candidates/0/finishReason",
        "/done_reason",
        "/response/incomplete_details/reason",
        "/incomplete_details/reason",
    ];
    places.into_iter().find_map(|place| message.pointer(place)?.as_str())
}

const LENGTHS: [&str; 4] = ["length", "max_tokens", "MAX_TOKENS", "max_output_tokens"];

#[tokio::test]
async fn a_stream_of_any_format_is_stopped_with_its_one_end() {
    for format in formats() {
        for on_stop in [OnStop::Error, OnStop::Finish] {
            for at_once in [true, false] {
                let pieces = (0..COPIES).map(|_| (format.piece)(LOOP));
                let chunks: Vec<Bytes> = match at_once {
                    // The stop is decided before a byte has passed.
                    true => vec![(format.begin.clone() + &pieces.collect::<String>()).into()],
                    false => std::iter::once(format.begin.clone()).chain(pieces).map(Bytes::from).collect(),
                };
                let chunks: Vec<Bytes> = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
                let script = Script { hangs: true, content_type: format.content_type, ..Script::of(chunks) };
                let mock = Mock::start(script).await;
                let server = gateway(&mock, format.api, on_stop).await;
                let body = all(Asker::new(&server).post(format.path).await).await;
                let body = String::from_utf8(body.to_vec()).unwrap();
                let told = format!("{}, {on_stop:?}: {body}", format.name);
                let messages = messages(&format, &body);
                let of_us = messages.iter().filter(|message| message.get("midstream").is_some()).count();
                assert_eq!(of_us, 1, "{told}");
                assert!(body.matches(LOOP).count() < COPIES, "{told}");
                let lengths = messages.iter().filter_map(reason).filter(|reason| LENGTHS.contains(reason)).count();
                let errors = messages
                    .iter()
                    .filter(|message| message.to_string().contains("stopped by midstream: repeat/exact"));
                match on_stop {
                    OnStop::Error => assert_eq!((errors.count(), lengths), (1, 0), "{told}"),
                    OnStop::Finish => assert_eq!(lengths, 1, "{told}"),
                }
                assert!(!mock.closed().await.0);
            }
        }
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_is_refused_by_its_status_or_finished() {
    for format in formats() {
        for (on_stop, has_length) in
            [OnStop::Error, OnStop::Finish].into_iter().flat_map(|stop| [(stop, true), (stop, false)])
        {
            let (path, answer) = &format.whole;
            let body = Bytes::from(answer.to_string());
            let (length, chunks) = (has_length.then_some(body.len()), [body.slice(..99), body.slice(99..)]);
            let script = Script { content_type: "application/json", length, ..Script::of(chunks) };
            let mock = Mock::start(script).await;
            let server = gateway(&mock, format.api, on_stop).await;
            let response = Asker::new(&server).send("POST", path, r#"{"model":"m","stream":false}"#).await;
            let (status, length) = (response.status(), response.headers()["content-length"].clone());
            assert!(server.stream_json(response.headers()["x-midstream-stream-id"].to_str().unwrap()).is_some());
            let body = all(response).await;
            assert_eq!(length, body.len().to_string());
            let told: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(told["midstream"]["ending"], "halted", "{}: {told}", format.name);
            assert_eq!(told["midstream"]["check"], "repeat", "{}: {told}", format.name);
            match on_stop {
                OnStop::Error => {
                    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{}: {told}", format.name);
                    assert!(told["error"].to_string().contains("stopped by midstream: repeat/exact"), "{told}");
                }
                OnStop::Finish => {
                    assert_eq!(status, StatusCode::OK, "{}: {told}", format.name);
                    assert!(reason(&told).is_some_and(|reason| LENGTHS.contains(&reason)), "{}: {told}", format.name);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_finished_answer_in_one_piece_ends_where_it_was_stopped() {
    let chat = formats().remove(0);
    let body = Bytes::from(chat.whole.1.to_string());
    let script = Script { content_type: "application/json", length: Some(body.len()), ..Script::of([body]) };
    let mock = Mock::start(script).await;
    let server = gateway(&mock, Api::Openai, OnStop::Finish).await;
    let told = json_of(Asker::new(&server).post(chat.path).await).await;
    let text = told["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(LOOP.repeat(COPIES).starts_with(text) && text.len() < LOOP.len() * 20, "{text}");
}

#[tokio::test]
async fn an_answer_that_falls_silent_is_stopped_behind_an_event_or_breaks() {
    let chat = formats().remove(0);
    let said = (chat.piece)("Well");
    for (begun, is_whole) in [(said.clone(), true), (format!("{said}data: {{\"half"), false)] {
        let mock = Mock::start(Script { hangs: true, content_type: chat.content_type, ..Script::of([begun]) }).await;
        let server = gateway_with(&mock, Api::Openai, |config| {
            config.guard = Settings::from_json(r#"{"pace": {"stall": "stop", "idle_s": 0.1}}"#).unwrap();
        })
        .await;
        let begun = Instant::now();
        let body = Asker::new(&server).post(chat.path).await.into_body().collect().await.map(|body| body.to_bytes());
        // The upstream's own patience is 30 s.
        assert!(begun.elapsed() < Duration::from_secs(15));
        assert_eq!(body.is_ok(), is_whole);
        assert!(body.is_err() || body.is_ok_and(|body| String::from_utf8_lossy(&body).contains("pace/stall")));
        assert!(!mock.closed().await.0);
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_that_is_too_long_to_keep_passes_piece_by_piece() {
    let body =
        Bytes::from(format!(r#"{{"object":"chat.completion","choices":[],"padding":"{}"}}"#, "a".repeat(17 << 20)));
    let chunks: Vec<Bytes> = body.chunks(1 << 20).map(Bytes::copy_from_slice).collect();
    let mock = Mock::start(Script { content_type: "application/json", ..Script::of(chunks) }).await;
    let server = gateway(&mock, Api::Openai, OnStop::Error).await;
    let response = Asker::new(&server).send("POST", formats()[0].path, r#"{"model":"m"}"#).await;
    assert!(!response.headers().contains_key("content-length"));
    assert!(all(response).await == body);
}
