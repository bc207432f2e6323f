//! Cohere chat: open content and calls end, then the message. Version 1 ends with a copy of the answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::wire::Message;
use super::{Ends, Told};
use crate::ChannelKind;
use crate::decode::Frame;

#[derive(Default)]
pub(super) struct Cohere {
    is_first: bool,
    content: BTreeSet<u64>,
    calls: BTreeSet<u64>,
}

crate::keep::keep!(struct Cohere { is_first, content, calls });

impl Ends for Cohere {
    fn frame(&mut self, frame: &Frame<'_>) {
        if frame.data.contains("-delta\"") {
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(frame.data) else { return };
        self.is_first |= event.get("event_type").is_some();
        let index = event.get("index").and_then(Value::as_u64).unwrap_or_default();
        match event.get("type").and_then(Value::as_str).unwrap_or(frame.name) {
            "content-start" => _ = self.content.insert(index),
            "content-end" => _ = self.content.remove(&index),
            "tool-call-start" => _ = self.calls.insert(index),
            "tool-call-end" => _ = self.calls.remove(&index),
            _ => {}
        }
    }

    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        if self.is_first {
            return vec![end_of_first(told, "ERROR")];
        }
        let delta = json!({"finish_reason": "ERROR", "error": told.message});
        vec![Message::json("message-end", json!({"type": "message-end", "delta": delta, "midstream": told.midstream}))]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        if self.is_first {
            return Some(vec![end_of_first(told, "MAX_TOKENS")]);
        }
        let end = |name: &'static str| move |index| Message::json(name, json!({"type": name, "index": index}));
        let content = self.content.iter().map(end("content-end"));
        let calls = self.calls.iter().map(end("tool-call-end"));
        let delta = json!({"finish_reason": "MAX_TOKENS"});
        let end = json!({"type": "message-end", "delta": delta, "midstream": told.midstream});
        Some(content.chain(calls).chain([Message::json("message-end", end)]).collect())
    }
}

fn end_of_first(told: &Told<'_>, reason: &str) -> Message {
    let id = told.known.id.clone().unwrap_or_default();
    let answer = json!({"text": told.text(ChannelKind::Text), "generation_id": id, "finish_reason": reason});
    let end = json!({
        "event_type": "stream-end",
        "is_finished": true,
        "finish_reason": reason,
        "response": answer,
        "midstream": told.midstream,
    });
    Message::json("stream-end", end)
}
