//! OpenAI Realtime: responses that are open are done, as failed or as incomplete; an `error` alone ends none of them.

use serde_json::{Value, json};

use super::wire::Message;
use super::{Ends, Told};
use crate::decode::{Frame, FrameKind};

/// Responses that are open at once at most.
const MAX_OPEN: usize = 64;

#[derive(Default)]
pub(super) struct Realtime {
    open: Vec<Value>,
}

crate::keep::keep!(struct Realtime { open });

impl Realtime {
    fn done(&self, status: &str, details: &Value, told: &Told<'_>) -> Vec<Message> {
        let done = self.open.iter().map(|response| {
            let mut response = response.clone();
            if let Some(map) = response.as_object_mut() {
                map.insert("status".into(), status.into());
                map.insert("status_details".into(), details.clone());
            }
            let event = json!({
                "type": "response.done",
                "event_id": "event_midstream",
                "response": response,
                "midstream": told.midstream,
            });
            Message::json("response.done", event)
        });
        done.collect()
    }
}

impl Ends for Realtime {
    fn frame(&mut self, frame: &Frame<'_>) {
        if frame.kind == FrameKind::Sent || !frame.data.contains("\"response.") {
            return;
        }
        let id = |response: &Value| response.get("id").and_then(Value::as_str).map(str::to_owned);
        let Ok(mut event) = serde_json::from_str::<Value>(frame.data) else { return };
        let response = event.get_mut("response").map(Value::take).unwrap_or_default();
        match event.get("type").and_then(Value::as_str) {
            Some("response.created") if self.open.len() < MAX_OPEN => self.open.push(response),
            Some("response.done") => self.open.retain(|open| id(open) != id(&response)),
            _ => {}
        }
    }

    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        let error = json!({"type": told.code, "code": told.code, "message": told.message});
        if self.open.is_empty() {
            let event = json!({
                "type": "error", "event_id": "event_midstream", "error": error, "midstream": told.midstream,
            });
            return vec![Message::json("error", event)];
        }
        self.done("failed", &json!({"type": "failed", "error": error}), told)
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        if self.open.is_empty() {
            return None;
        }
        Some(self.done("incomplete", &json!({"type": "incomplete", "reason": "max_output_tokens"}), told))
    }
}
