//! Events and findings as JSON, the same for every provider.

use midstream_stream::{Decision, Event, EventKind, Events, Finding, Summary};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::streams::{Line, Seq, Stream};

/// One event for viewers.
pub(crate) struct Told {
    pub(crate) json: String,
    /// It holds what the model wrote.
    pub(crate) has_text: bool,
}

/// Appends what a call found to its stream; gives the number of the first event.
pub(crate) fn tell(stream: &Stream, decision: &Decision<'_>) -> Seq {
    for finding in decision.findings {
        stream.found(text(finding));
    }
    let events = decision
        .events
        .iter()
        .map(|event| said(event, decision).unwrap_or_else(|| Line::Json(event_json(event, decision))));
    let findings = decision.findings.iter().map(|finding| Line::Json(text(&json!({"finding": finding}))));
    stream.tell(events.chain(findings))
}

/// The same where text is held: the findings are told at once without what was seen, the events are given.
pub(crate) fn tell_later(stream: &Stream, decision: &Decision<'_>) -> Vec<Told> {
    let events = decision.events.iter().map(|event| Told {
        json: event_json(event, decision),
        has_text: !matches!(event.kind, EventKind::End { .. } | EventKind::Finish { .. } | EventKind::Usage(_)),
    });
    let mut told: Vec<Told> = events.collect();
    for finding in decision.findings {
        let finding = without_evidence(finding);
        stream.found(text(&finding));
        told.push(Told { json: text(&json!({ "finding": finding })), has_text: false });
    }
    told
}

/// What a check found, without the text that it saw: that may never pass.
fn without_evidence(finding: &Finding) -> Finding {
    match finding.check {
        // The moderator's own reason.
        "hold" => finding.clone(),
        _ => Finding { evidence: String::new(), ..finding.clone() },
    }
}

/// Leaves out of the summary of a stream whose text was held what never passed.
pub(crate) fn leave_out_held(summary: &mut Summary) {
    for finding in &mut summary.findings {
        *finding = without_evidence(finding);
    }
    for call in &mut summary.tool_calls {
        call.arguments.clear();
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// An event of nothing but text.
fn said<'a>(event: &Event, decision: &'a Decision<'_>) -> Option<Line<'a>> {
    let text = decision.events.text(event.kind.checked_text()?);
    let channel = &decision.channels.get(event.channel?)?.id;
    Some(Line::Said { channel, kind: event.kind.name(), text })
}

/// One event: its kind, its channel's id, and what that kind holds.
fn event_json(event: &Event, decision: &Decision<'_>) -> String {
    let mut object = Map::new();
    object.insert("kind".into(), event.kind.name().into());
    if let Some(channel) = event.channel.and_then(|index| decision.channels.get(index)) {
        object.insert("channel".into(), channel.id.clone().into());
    }
    held(&mut object, &event.kind, decision.events);
    Value::Object(object).to_string()
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
