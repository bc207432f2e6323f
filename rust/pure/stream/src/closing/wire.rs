//! Messages of an end in the framing of their stream.

use serde_json::{Value, json};

use super::Border;
use crate::decode::{Framing, envelope};
use crate::emit::Known;

/// One message of an end.
pub(super) struct Message {
    name: &'static str,
    data: Data,
    is_exception: bool,
}

enum Data {
    Json(Value),
    Word(&'static str),
    Text(String),
}

impl Message {
    pub(super) fn json(name: &'static str, data: Value) -> Self {
        Self { name, data: Data::Json(data), is_exception: false }
    }

    /// What is no JSON: a mark of the transport.
    pub(super) fn word(name: &'static str, word: &'static str) -> Self {
        Self { name, data: Data::Word(word), is_exception: false }
    }

    pub(super) fn text(name: &'static str, text: String) -> Self {
        Self { name, data: Data::Text(text), is_exception: false }
    }

    pub(super) fn exception(name: &'static str, data: Value) -> Self {
        Self { name, data: Data::Json(data), is_exception: true }
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self.data, Data::Json(_))
    }

    /// The same inside another message.
    pub(super) fn inside(self, name: &'static str, wrap: impl FnOnce(&str) -> Value) -> Self {
        Self::json(name, wrap(&self.data.text()))
    }

    /// Replaces secrets: what a format says again at its end holds the model's text.
    pub(super) fn mask(&mut self, known: &mut Known) {
        if let Data::Json(data) = &mut self.data {
            mask(data, known);
        }
    }
}

impl Data {
    fn text(&self) -> String {
        match self {
            Self::Json(data) => data.to_string(),
            Self::Text(text) => text.clone(),
            Self::Word(word) => (*word).to_owned(),
        }
    }
}

fn mask(data: &mut Value, known: &mut Known) {
    match data {
        Value::Array(list) => list.iter_mut().for_each(|item| mask(item, known)),
        Value::Object(map) => map.values_mut().for_each(|item| mask(item, known)),
        Value::String(text) => {
            let replaced = known.mask.as_mut().filter(|mask| !mask.is_dry()).and_then(|mask| mask.replace_in(text));
            if let Some(replaced) = replaced {
                *text = replaced;
            }
        }
        _ => {}
    }
}

/// The bytes of the messages, behind what `border` says has passed.
pub(super) fn encode(framing: Framing, messages: &[Message], named: bool, in_array: bool, border: &Border) -> Vec<u8> {
    let mut out = Vec::new();
    let end = border.line_end();
    for (number, message) in messages.iter().enumerate() {
        let data = message.data.text();
        let is_json = message.is_json();
        match framing {
            Framing::Sse => {
                if named && !message.name.is_empty() {
                    out.extend_from_slice(format!("event: {}{end}", message.name).as_bytes());
                }
                out.extend_from_slice(format!("data: {data}{end}{end}").as_bytes());
            }
            Framing::EventStream => envelope::message(message.name, &data, message.is_exception, &mut out),
            Framing::JsonArray if is_json => {
                let opens = number == 0 && border.is_empty();
                out.extend_from_slice(match in_array {
                    true if opens => b"[",
                    true if number > 0 || !border.has_comma() => b",\n",
                    _ => b"\n",
                });
                out.extend_from_slice(data.as_bytes());
            }
            Framing::Ndjson if is_json => out.extend_from_slice(format!("{data}\n").as_bytes()),
            Framing::WebSocket if is_json => {
                let between = if number > 0 { "\n" } else { "" };
                out.extend_from_slice(format!("{between}{data}").as_bytes());
            }
            Framing::WebSocketLines if is_json => {
                let line = json!({"kind": "message", "direction": "received", "data": data});
                out.extend_from_slice(format!("{line}\n").as_bytes());
            }
            _ => {}
        }
    }
    if framing == Framing::JsonArray && in_array && !out.is_empty() {
        out.extend_from_slice(b"\n]");
    }
    out
}
