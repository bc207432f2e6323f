//! OpenAI assistants: an open message and the run are incomplete, then `done`.

use serde_json::{Value, json};

use super::wire::Message;
use super::{Ends, Told, openai};
use crate::ChannelKind;
use crate::decode::Frame;

#[derive(Default)]
pub(super) struct Assistants {
    message: Option<Value>,
    run: Value,
}

crate::keep::keep!(struct Assistants { message, run });

impl Ends for Assistants {
    fn frame(&mut self, frame: &Frame<'_>) {
        if frame.data.contains(".delta\"") {
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(frame.data) else { return };
        let object = event.get("data").filter(|data| data.is_object()).unwrap_or(&event);
        let word = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        match word("object") {
            "thread.message" => {
                self.message = Some(object.clone()).filter(|_| word("status") == "in_progress");
            }
            "thread.run" => self.run = object.clone(),
            _ => {}
        }
    }

    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        vec![Message::json("error", json!({"error": openai::error_object(told), "midstream": told.midstream}))]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let mut messages = Vec::new();
        if let Some(mut message) = self.message.clone() {
            let map = message.as_object_mut()?;
            let text = json!({"value": told.text(ChannelKind::Text), "annotations": []});
            map.insert("status".into(), "incomplete".into());
            map.insert("incomplete_details".into(), json!({"reason": "max_tokens"}));
            map.insert("content".into(), json!([{"type": "text", "text": text}]));
            messages.push(Message::json("thread.message.incomplete", message));
        }
        let mut run = self.run.clone();
        let map = run.as_object_mut()?;
        map.insert("status".into(), "incomplete".into());
        map.insert("incomplete_details".into(), json!({"reason": "max_completion_tokens"}));
        map.insert("midstream".into(), told.midstream.clone());
        messages.push(Message::json("thread.run.incomplete", run));
        messages.push(Message::word("done", "[DONE]"));
        Some(messages)
    }
}
