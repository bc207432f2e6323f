//! Events and findings as JSON, the same for every provider.

use bytes::Bytes;
use midstream_stream::{Decision, Event, EventKind, Events};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::streams::Stream;

/// Appends what a call found to its stream.
pub(crate) fn tell(stream: &Stream, decision: &Decision<'_>) {
    for finding in decision.findings {
        stream.found(text(finding));
    }
    if !decision.events.is_empty() || !decision.findings.is_empty() {
        let events = decision.events.iter().map(|event| event_json(event, decision));
        let findings = decision.findings.iter().map(|finding| Bytes::from(text(&json!({"finding": finding}))));
        stream.append(events.chain(findings));
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// One event: its kind, its channel's id, and what that kind holds.
fn event_json(event: &Event, decision: &Decision<'_>) -> Bytes {
    let mut object = Map::new();
    object.insert("kind".into(), event.kind.name().into());
    if let Some(channel) = event.channel.and_then(|index| decision.channels.get(index)) {
        object.insert("channel".into(), channel.id.clone().into());
    }
    held(&mut object, &event.kind, decision.events);
    Bytes::from(Value::Object(object).to_string())
}

fn held(object: &mut Map<String, Value>, kind: &EventKind, events: &Events) {
    let mut put = |name: &str, value: Value| object.insert(name.into(), value);
    if let Some(text) = kind.checked_text() {
        put("text", events.text(text).into());
    }
    match kind {
        EventKind::Error { code, message, retryable } => {
            put("code", events.text(*code).into());
            put("message", events.text(*message).into());
            put("retryable", (*retryable).into());
        }
        EventKind::Finish { choice, reason, raw } => {
            put("choice", (*choice).into());
            put("reason", reason.name().into());
            put("raw", events.text(*raw).into());
        }
        EventKind::Other { name } | EventKind::ServerTool { name } => {
            put("name", events.text(*name).into());
        }
        EventKind::Start { id, model } => {
            put("id", events.text(*id).into());
            put("model", events.text(*model).into());
        }
        EventKind::ToolEnd { valid_json } => {
            put("valid_json", (*valid_json).into());
        }
        EventKind::ToolStart { call, name } => {
            put("call", events.text(*call).into());
            put("name", events.text(*name).into());
        }
        EventKind::Usage(usage) => {
            put("usage", serde_json::to_value(usage).unwrap_or_default());
        }
        EventKind::Audio { bytes } => {
            put("bytes", (*bytes).into());
        }
        EventKind::End { state } => {
            put("state", state.name().into());
        }
        _ => {}
    }
}
