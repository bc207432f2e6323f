//! Every dialect beside frames that no provider sends.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::Dialect;
use super::sample::Sample;
use crate::decode::FrameKind;

/// The keys that some dialect reads.
const KEYS: [&str; 60] = [
    "type",
    "event_type",
    "index",
    "delta",
    "content_block",
    "message",
    "usage",
    "error",
    "id",
    "model",
    "content",
    "stop_reason",
    "text",
    "thinking",
    "partial_json",
    "input",
    "name",
    "citations",
    "candidates",
    "parts",
    "functionCall",
    "args",
    "partialArgs",
    "jsonPath",
    "stringValue",
    "willContinue",
    "finishReason",
    "inlineData",
    "data",
    "mimeType",
    "thought",
    "executableCode",
    "code",
    "usageMetadata",
    "promptTokenCount",
    "serverContent",
    "modelTurn",
    "turnComplete",
    "interrupted",
    "toolCall",
    "functionCalls",
    "step",
    "interaction",
    "status",
    "arguments",
    "done",
    "response",
    "tool_calls",
    "function",
    "contentBlockIndex",
    "contentBlockDelta",
    "toolUse",
    "start",
    "messageStop",
    "stopReason",
    "bytes",
    "choices",
    "finish_reason",
    "item",
    "output",
];

/// Words that decide what a dialect does.
const WORDS: [&str; 30] = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "text_delta",
    "input_json_delta",
    "tool_use",
    "text",
    "error",
    "STOP",
    "end_turn",
    "step.start",
    "step.delta",
    "step.stop",
    "interaction.completed",
    "function_call",
    "arguments_delta",
    "message-start",
    "content-delta",
    "tool-call-start",
    "tool-call-delta",
    "message-end",
    "$.a[0]",
    "$['b",
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "eyJhIjoxfQ==",
    "{\"a\":",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..5u8).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(WORDS.as_slice()).prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 40, 5, |inner| {
        let member = (prop::sample::select(KEYS.as_slice()).prop_map(str::to_owned), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            prop::collection::vec(member, 0..6).prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

/// A payload: JSON, JSON cut short, or any text.
fn payload() -> impl Strategy<Value = String> {
    let whole = value().prop_map(|value| value.to_string());
    let cut = (value(), any::<prop::sample::Index>()).prop_map(|(value, at)| {
        let text = value.to_string();
        let end = at.index(text.len() + 1);
        text.get(..end).unwrap_or(&text).to_owned()
    });
    prop_oneof![6 => whole, 1 => cut, 1 => ".{0,12}"]
}

fn frame() -> impl Strategy<Value = (FrameKind, String, String)> {
    let kinds = [FrameKind::Message, FrameKind::Message, FrameKind::Message, FrameKind::Exception, FrameKind::Sent];
    let names = ["", "", "", "chunk", "contentBlockDelta", "messageStop", "error", "done", "thread.message.delta"];
    let names = prop::sample::select(names.to_vec()).prop_map(str::to_owned);
    (prop::sample::select(kinds.to_vec()), names, payload())
}

proptest! {
    #[test]
    fn no_frame_is_lost_and_none_panics(frames in prop::collection::vec(frame(), 1..12)) {
        let frames: Vec<_> = frames.iter().map(|(kind, name, data)| (*kind, name.as_str(), data.as_str())).collect();
        for dialect in Dialect::ALL {
            let sample = Sample::of_frames(dialect, &frames);
            prop_assert!(sample.lines().len() >= frames.len(), "{}: {:?}", dialect.name(), sample.lines());
            prop_assert_eq!(sample.ending(), Sample::of_frames(dialect, &frames).ending());
        }
    }
}

#[test]
fn json_nested_a_hundred_thousand_deep_is_survived() {
    let arrays = "[".repeat(100_000);
    let objects = r#"{"delta":"#.repeat(100_000);
    let inside = format!(r#"{{"type":"content_block_delta","delta":{{"text":{arrays}{}}}}}"#, "]".repeat(100_000));
    for dialect in Dialect::ALL {
        let sample = Sample::of(dialect, &[&arrays, &objects, &inside]);
        assert!(sample.lines().len() >= 3, "{}", dialect.name());
    }
}
