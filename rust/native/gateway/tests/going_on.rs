//! Answers that go on with a second request: one start, one text, one end, one sum of usage.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use midstream_gateway::Api;
use midstream_stream::Settings;
use serde_json::{Value, json};
use support::answers::{all, json_of};
use support::ends::{counted, ended};
use support::routes::{asked, cut, two_routes as gateway, two_routes_and as gateway_and};
use support::{Asker, LONGEST, Mock, Script, chat, chat_end, gateway_with};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const ASKED: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;

fn event(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

fn chunk(delta: &Value, finish: &Value, usage: Option<Value>) -> Bytes {
    let mut chunk = json!({"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [
        {"index": 0, "delta": delta, "finish_reason": finish}]});
    if let Some(usage) = usage {
        chunk["usage"] = usage;
        chunk["choices"] = json!([]);
    }
    format!("data: {chunk}\n\n").into()
}

/// A whole stream of chat with this text, cut into these pieces.
fn chat_of(pieces: &[&str], usage: u64) -> Vec<Bytes> {
    let mut events = vec![chunk(&json!({"role": "assistant", "content": ""}), &Value::Null, None)];
    events.extend(pieces.iter().map(|piece| chunk(&json!({ "content": piece }), &Value::Null, None)));
    events.push(chunk(&json!({}), &json!("stop"), None));
    events.push(chunk(&json!({}), &Value::Null, Some(json!({"prompt_tokens": 10, "completion_tokens": usage}))));
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

fn messages_of(pieces: &[&str], usage: u64) -> Vec<Bytes> {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 10, "output_tokens": 1}});
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let mut events = vec![
        event("message_start", &json!({"type": "message_start", "message": message})),
        event("content_block_start", &block),
    ];
    events.extend(pieces.iter().map(|piece| {
        let delta = json!({"type": "text_delta", "text": piece});
        event("content_block_delta", &json!({"type": "content_block_delta", "index": 0, "delta": delta}))
    }));
    let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
    events.extend([
        event("content_block_stop", &json!({"type": "content_block_stop", "index": 0})),
        event("message_delta", &json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": usage}})),
        event("message_stop", &json!({"type": "message_stop"})),
    ]);
    events
}

/// The events of a body.
fn events(body: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(body);
    let data = text.split("\n\n").filter_map(|event| event.split_once("data: ").map(|(_, data)| data.to_owned()));
    data.map(|data| serde_json::from_str(&data).unwrap_or(Value::String(data))).collect()
}

fn text_of(events: &[Value]) -> String {
    let piece = |event: &Value| {
        let chat = event.pointer("/choices/0/delta/content").and_then(Value::as_str);
        chat.or_else(|| event.pointer("/delta/text").and_then(Value::as_str)).unwrap_or_default().to_owned()
    };
    events.iter().map(piece).collect()
}

fn count(events: &[Value], is: impl Fn(&Value) -> bool) -> usize {
    events.iter().filter(|event| is(event)).count()
}

const PIECES: [&str; 4] = ["The quick ", "brown fox", " jumps over", " the dog."];

#[tokio::test]
async fn a_chat_that_is_cut_at_any_event_goes_on_without_a_lost_or_doubled_character() {
    let whole = chat_of(&PIECES, 4);
    for behind in 0..whole.len() {
        let said = PIECES.len().min(behind.saturating_sub(1));
        let first = Mock::start(cut(&whole[..behind])).await;
        let second = Mock::start(Script::of(chat_of(&PIECES[said..], 3))).await;
        let server = gateway(&first, &second, Api::Openai, "{}", &[]).await;
        let body = all(Asker::new(&server).send("POST", CHAT, ASKED).await).await;
        let events = events(&body);
        assert_eq!(text_of(&events), PIECES.concat(), "cut behind event {behind}");
        assert_eq!(count(&events, |event| event.pointer("/choices/0/delta/role").is_some()), 1, "{behind}: {events:?}");
        assert_eq!(count(&events, |event| event.pointer("/choices/0/finish_reason").is_some_and(Value::is_string)), 1);
        assert_eq!(count(&events, |event| event == "[DONE]"), 1);
        assert!(body.ends_with(b"data: [DONE]\n\n"));
        assert!(events.iter().all(|event| event == "[DONE]" || event["id"] == "c1"));
        if behind > 1 && said < PIECES.len() {
            let request = asked(&second).await;
            assert_eq!(request["model"], "other");
            let turn = request["messages"][1].clone();
            let expected = json!({"role": "assistant", "content": PIECES[..said].concat()});
            assert!(said == 0 || turn == expected, "{turn}");
        }
    }
}

#[tokio::test]
async fn messages_that_are_cut_at_any_event_go_on_as_one() {
    let whole = messages_of(&PIECES, 4);
    for behind in 0..whole.len() {
        let said = PIECES.len().min(behind.saturating_sub(2));
        let first = Mock::start(cut(&whole[..behind])).await;
        let second = Mock::start(Script::of(messages_of(&PIECES[said..], 3))).await;
        let server = gateway(&first, &second, Api::Anthropic, "{}", &[]).await;
        let body = all(Asker::new(&server).send("POST", MESSAGES, ASKED).await).await;
        let events = events(&body);
        let kinds = |kind: &str| count(&events, |event| event["type"] == kind);
        assert_eq!(text_of(&events), PIECES.concat(), "cut behind event {behind}: {events:?}");
        for kind in ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"] {
            assert_eq!(kinds(kind), 1, "{kind}, cut behind event {behind}: {events:?}");
        }
        let usage = events.iter().find_map(|event| event.get("usage").filter(|_| event["type"] == "message_delta"));
        assert_eq!(usage.unwrap()["output_tokens"], if behind == 0 { 3 } else { 4 });
        if (1..whole.len() - 1).contains(&behind) {
            assert_eq!(usage.unwrap()["input_tokens"], 20, "cut behind event {behind}");
        }
    }
}

#[tokio::test]
async fn a_cut_inside_an_event_loses_that_event_alone() {
    let whole = chat_of(&PIECES, 4);
    let half = [whole[..3].concat(), whole[3][..20].to_vec()].concat();
    let mut script = Script { breaks: true, ..Script::of([Bytes::from(half)]) };
    script.chunks.push((Duration::from_millis(100), Bytes::from_static(b"o")));
    let first = Mock::start(script).await;
    let second = Mock::start(Script::of(chat_of(&PIECES[2..], 3))).await;
    let server = gateway(&first, &second, Api::Openai, "{}", &[]).await;
    let asker = Asker::new(&server);
    let body = all(asker.send("POST", CHAT, ASKED).await).await;
    assert_eq!(text_of(&events(&body)), PIECES.concat());
    let shown = asker.get_json("/midstream/v1/streams").await;
    assert_eq!(shown["streams"][0]["upstream"], "second");
    assert_eq!(shown["streams"][0]["summary"]["ending"], "complete");
}

#[tokio::test]
async fn usage_of_both_answers_is_one_sum() {
    let usage = |tokens| json!({"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens});
    let mut reported = chunk(&json!({"content": "The quick "}), &Value::Null, None);
    let mut value: Value = serde_json::from_slice(&reported[6..]).unwrap();
    value["usage"] = usage(2);
    reported = format!("data: {value}\n\n").into();
    let first = Mock::start(cut(&[chunk(&json!({"role": "assistant"}), &Value::Null, None), reported])).await;
    let second = Mock::start(Script::of(chat_of(&PIECES[1..], 3))).await;
    let server = gateway(&first, &second, Api::Openai, "{}", &[]).await;
    let asker = Asker::new(&server);
    let events = events(&all(asker.send("POST", CHAT, ASKED).await).await);
    let last = events.iter().rev().find_map(|event| event.get("usage").filter(|usage| usage.is_object())).unwrap();
    assert_eq!((&last["prompt_tokens"], &last["completion_tokens"]), (&json!(20), &json!(5)));
    let shown = asker.get_json("/midstream/v1/streams").await;
    assert_eq!(shown["streams"][0]["summary"]["usage"]["output"], 5);
    let records = shown["streams"][0]["usage"].as_array().unwrap().iter();
    let booked: Vec<Value> =
        records.map(|one| json!([one["upstream"], one["end"], one["input"], one["output"]])).collect();
    assert_eq!(booked, [json!(["mock", "truncated", 10, 2]), json!(["second", "complete", 10, 3])]);
}

#[tokio::test]
async fn a_loop_may_be_another_models_turn() {
    let mut looping = vec![chunk(&json!({"role": "assistant", "content": ""}), &Value::Null, None)];
    looping.extend((0..40).map(|_| chat("I am done. ")));
    let first = Mock::start(Script { hangs: true, ..Script::of(looping) }).await;
    let second = Mock::start(Script::of(chat_of(&["That is all."], 3))).await;
    let server = gateway(&first, &second, Api::Openai, "{}", &["repeat/exact"]).await;
    let asker = Asker::new(&server);
    let events = events(&all(asker.send("POST", CHAT, ASKED).await).await);
    assert!(text_of(&events).ends_with("I am done. That is all."), "{}", text_of(&events));
    assert_eq!(count(&events, |event| event == "[DONE]"), 1);
    assert!(!first.closed().await.0);
    let shown = asker.get_json("/midstream/v1/streams").await;
    assert_eq!(shown["streams"][0]["findings"][0]["action"], "reroute");
}

/// Upstream, end and output of each record.
fn booked(stream: &Value) -> Vec<Value> {
    let records = stream["usage"].as_array().unwrap().iter();
    records.map(|one| json!([one["upstream"], one["end"], one["output"]])).collect()
}

#[tokio::test]
async fn where_nobody_goes_on_the_loop_is_stopped() {
    let mut looping = vec![chunk(&json!({"role": "assistant", "content": ""}), &Value::Null, None)];
    looping.extend((0..40).map(|_| chat("I am done. ")));
    let first = Mock::start(Script { hangs: true, ..Script::of(looping) }).await;
    let second = Mock::start(Script { status: Some(StatusCode::BAD_REQUEST), ..Script::of([chat_end()]) }).await;
    let server = gateway(&first, &second, Api::Openai, "{}", &["repeat/exact"]).await;
    let text = all(Asker::new(&server).send("POST", CHAT, ASKED).await).await;
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("stopped by midstream: repeat/exact") && !text.contains("[DONE]"), "{text}");
    let stream = ended(&server).await;
    let records = booked(&stream);
    assert_eq!(records[0], json!(["second", "failed", 0]));
    assert_eq!((records.len(), &records[1][0], &records[1][1]), (2, &json!("mock"), &json!("halted")));
    assert_eq!(stream["usage"][0]["bytes"], 0);
}

#[tokio::test]
async fn a_client_that_leaves_while_the_next_route_is_asked_closes_that_one_and_both_are_booked() {
    let first = Mock::start(cut(&chat_of(&PIECES, 4)[..3])).await;
    let second = Mock::start(Script { before: LONGEST * 2, ..Script::of([chat("late")]) }).await;
    let server = gateway(&first, &second, Api::Openai, "{}", &[]).await;
    let asker = Asker::new(&server);
    let mut response = asker.send("POST", CHAT, ASKED).await;
    timeout(LONGEST, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
    let _ = asked(&second).await;
    drop((response, asker));
    assert!(!second.closed().await.0);
    let stream = ended(&server).await;
    assert_eq!(stream["end"], json!({"state": "cancelled", "cause": "client_left"}));
    let records = booked(&stream);
    assert_eq!(records[0], json!(["second", "cancelled", 0]));
    assert_eq!((records.len(), &records[1][0], &records[1][1]), (2, &json!("mock"), &json!("cancelled")));
    let usage: Value = serde_json::from_str(&server.usage_json()).unwrap();
    let requests = usage["usage"].as_array().unwrap().iter().map(|row| row["requests"].as_u64().unwrap());
    assert_eq!(requests.sum::<u64>(), 2);
}

#[tokio::test]
async fn a_route_that_gives_no_head_in_time_is_booked_as_failed() {
    let first = Mock::start(cut(&chat_of(&PIECES, 4)[..3])).await;
    let second = Mock::start(Script { before: LONGEST * 2, ..Script::of([chat("late")]) }).await;
    let server = gateway_and(&first, &second, Api::Openai, "{}", &[], |config| {
        config.upstreams.get_mut("second").unwrap().first_byte_s = 0.2;
    })
    .await;
    let response = Asker::new(&server).send("POST", CHAT, ASKED).await;
    assert!(timeout(LONGEST, response.into_body().collect()).await.unwrap().is_err());
    let records = booked(&ended(&server).await);
    assert_eq!(records[0], json!(["second", "failed", 0]));
    assert_eq!((records.len(), &records[1][1]), (2, &json!("truncated")));
}

#[tokio::test]
async fn a_tool_call_that_breaks_off_is_not_joined() {
    let call = json!({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}]});
    let begun = [json!({"role": "assistant"}), call].map(|delta| chunk(&delta, &Value::Null, None));
    let first = Mock::start(cut(&begun)).await;
    let second = Mock::start(Script::of(chat_of(&PIECES, 3))).await;
    let server = gateway(&first, &second, Api::Openai, "{}", &[]).await;
    let asker = Asker::new(&server);
    assert_eq!(all(asker.send("POST", CHAT, ASKED).await).await, begun.concat());
    let shown = asker.get_json("/midstream/v1/streams").await;
    assert_eq!(shown["streams"][0]["summary"]["ending"], "truncated");
}

#[tokio::test]
async fn reasoning_that_loops_is_ended_and_the_answer_comes() {
    let thought = |text: &str| chunk(&json!({ "reasoning_content": text }), &Value::Null, None);
    let mut thinking = vec![chunk(&json!({"role": "assistant"}), &Value::Null, None), thought("Is 17 prime? ")];
    thinking.extend((0..40).map(|_| thought("Wait, let me check. ")));
    let first = Mock::start(Script { hangs: true, ..Script::of(thinking) }).await;
    let second = Mock::start(Script::of([chat_end()])).await;
    let guard = r#"{"repeat": {"reasoning": {"exact": "end_reasoning"}}}"#;
    let server = gateway(&first, &second, Api::Openai, guard, &[]).await;
    let asker = Asker::new(&server);
    let answering = tokio::spawn(async move { all(asker.send("POST", CHAT, ASKED).await).await });
    let _ = asked(&first).await;
    assert!(!first.closed().await.0);
    let again = asked(&first).await;
    let turn = again["messages"][1]["content"].as_str().unwrap();
    assert!(turn.starts_with("<think>\nIs 17 prime?") && turn.ends_with("\n</think>\n\n"), "{turn}");
    assert!(turn.matches("Wait").count() <= 1, "{turn}");
    answering.abort();
}

#[tokio::test]
async fn an_answer_in_one_piece_is_asked_for_at_the_next_route() {
    let whole = |text: &str| {
        let message = json!({"id": "c1", "object": "chat.completion", "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]});
        let body = Bytes::from(message.to_string());
        Script { content_type: "application/json", length: Some(body.len()), ..Script::of([body]) }
    };
    let first = Mock::start(whole(&"I am done. ".repeat(60))).await;
    let second = Mock::start(whole("That is all.")).await;
    let server = gateway(&first, &second, Api::Openai, "{}", &["repeat"]).await;
    let asker = Asker::new(&server);
    let response = asker.send("POST", CHAT, r#"{"model":"m","messages":[]}"#).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-midstream-upstream"], "second");
    let body = json_of(response).await;
    assert_eq!(body["choices"][0]["message"]["content"], "That is all.");
    assert_eq!(counted(&asker, "midstream_streams_total").await, 1);
    assert_eq!(counted(&asker, "midstream_usage_records_total").await, 2);
}

#[tokio::test]
async fn a_hint_is_told_to_the_model_at_once() {
    let mut looping = vec![chunk(&json!({"role": "assistant", "content": ""}), &Value::Null, None)];
    looping.extend((0..40).map(|_| chat("I am done. ")));
    let mock = Mock::start(Script { hangs: true, ..Script::of(looping) }).await;
    let server = gateway_with(&mock, Api::Openai, |config| {
        config.guard = Settings::from_json(r#"{"repeat": {"exact": "hint"}}"#).unwrap();
        config.continuation.hint = true;
        config.continuation.most = 1;
    })
    .await;
    let asker = Asker::new(&server);
    let answering = tokio::spawn(async move { all(asker.send("POST", CHAT, ASKED).await).await });
    let _ = asked(&mock).await;
    let again = asked(&mock).await;
    let messages = again["messages"].as_array().unwrap();
    assert!(messages[1]["content"].as_str().unwrap().starts_with("I am done. I am done."), "{messages:?}");
    assert_eq!(messages[2]["role"], "user");
    assert!(messages[2]["content"].as_str().unwrap().starts_with("You repeat yourself: "), "{messages:?}");
    answering.abort();
}
