//! Anthropic messages: open blocks stop, then `max_tokens` and the message's stop.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::wire::Message;
use super::{Ends, Told};
use crate::decode::Frame;

#[derive(Default)]
pub(super) struct Anthropic {
    open: BTreeSet<u64>,
}

crate::keep::keep!(struct Anthropic { open });

impl Ends for Anthropic {
    fn frame(&mut self, frame: &Frame<'_>) {
        // Deltas, which are most of the frames, open and close nothing.
        if frame.name == "content_block_delta" || !frame.data.contains("\"content_block_st") {
            if frame.data.contains("\"message_start\"") {
                self.open.clear();
            }
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(frame.data) else { return };
        let index = event.get("index").and_then(Value::as_u64).unwrap_or_default();
        match event.get("type").and_then(Value::as_str) {
            Some("content_block_start") => _ = self.open.insert(index),
            Some("content_block_stop") => _ = self.open.remove(&index),
            _ => {}
        }
    }

    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        let error = json!({"type": "api_error", "message": told.message});
        vec![Message::json("error", json!({"type": "error", "error": error, "midstream": told.midstream}))]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let stop = |index| Message::json("content_block_stop", json!({"type": "content_block_stop", "index": index}));
        let delta = json!({
            "type": "message_delta",
            "delta": {"stop_reason": "max_tokens", "stop_sequence": null},
            "usage": {"output_tokens": told.output_tokens()},
            "midstream": told.midstream,
        });
        let mut messages: Vec<Message> = self.open.iter().map(stop).collect();
        messages.push(Message::json("message_delta", delta));
        messages.push(Message::json("message_stop", json!({"type": "message_stop"})));
        Some(messages)
    }
}
