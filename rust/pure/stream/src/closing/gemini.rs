//! Gemini: candidates reach `MAX_TOKENS`, steps of an interaction stop and leave it incomplete.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::wire::Message;
use super::{Ends, Told, openai};
use crate::decode::Frame;

pub(super) struct Gemini;
pub(super) struct Live;

#[derive(Default)]
pub(super) struct Interactions {
    open: BTreeSet<u64>,
    /// Version 1 of the API says `content` where version 2 says `step`.
    is_first: bool,
}

crate::keep::keep!(
    struct Gemini {}
);
crate::keep::keep!(
    struct Live {}
);
crate::keep::keep!(struct Interactions { open, is_first });

/// Readers tell an error by the first bytes, so `error` is the first key.
fn error(told: &Told<'_>) -> Vec<Message> {
    let error = json!({"code": 409, "message": told.message, "status": "ABORTED"});
    vec![Message::json("error", json!({"error": error, "midstream": told.midstream}))]
}

impl Ends for Gemini {
    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        error(told)
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let candidate = |index: &u32| {
            json!({
                "content": {"parts": [{"text": ""}], "role": "model"},
                "finishReason": "MAX_TOKENS",
                "finishMessage": told.message,
                "index": index,
            })
        };
        let mut response = openai::scalars(&told.first);
        response.insert("candidates".into(), told.lanes.iter().map(candidate).collect());
        response.insert("midstream".into(), told.midstream.clone());
        Some(vec![Message::json("", Value::Object(response))])
    }
}

impl Ends for Live {
    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        error(told)
    }

    /// No reason of a turn says that it reached its length.
    fn finish(&self, _: &Told<'_>) -> Option<Vec<Message>> {
        None
    }
}

impl Ends for Interactions {
    fn frame(&mut self, frame: &Frame<'_>) {
        if frame.data.contains(".delta\"") {
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(frame.data) else { return };
        let index = event.get("index").and_then(Value::as_u64).unwrap_or_default();
        match event.get("event_type").and_then(Value::as_str).unwrap_or(frame.name) {
            "content.start" | "step.start" => _ = self.open.insert(index),
            "content.stop" | "step.stop" => _ = self.open.remove(&index),
            "interaction.start" => self.is_first = true,
            _ => {}
        }
    }

    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        let error = json!({"code": told.code, "message": told.message});
        vec![Message::json("error", json!({"error": error, "event_type": "error", "midstream": told.midstream}))]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let (stop, completed) = match self.is_first {
            true => ("content.stop", "interaction.complete"),
            false => ("step.stop", "interaction.completed"),
        };
        let stops = self.open.iter().map(|index| Message::json(stop, json!({"index": index, "event_type": stop})));
        let mut interaction = told.of_first("interaction");
        if !interaction.is_object() {
            interaction = json!({});
        }
        if let Some(map) = interaction.as_object_mut() {
            map.insert("status".into(), "incomplete".into());
        }
        let end = json!({"interaction": interaction, "event_type": completed, "midstream": told.midstream});
        Some(stops.chain([Message::json(completed, end)]).collect())
    }
}
