//! Amazon Bedrock: open blocks stop and then the message; an exception is a frame of its own kind.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::wire::Message;
use super::{Ends, Format, Told};
use crate::decode::{Frame, FrameKind};
use crate::dialect::{Dialect, sniff};
use crate::keep::{Keep, Kept, Source, State};

const EXCEPTION: &str = "modelStreamErrorException";

#[derive(Default)]
pub(super) struct Converse {
    open: BTreeSet<u64>,
    /// Frames have names; else the event's name is the one key of an object around its body.
    named: bool,
}

crate::keep::keep!(struct Converse { open, named });

impl Converse {
    fn message(&self, name: &'static str, body: Value) -> Message {
        if self.named {
            return Message::json(name, body);
        }
        Message::json("", Value::Object(Map::from_iter([(name.to_owned(), body)])))
    }
}

impl Ends for Converse {
    fn frame(&mut self, frame: &Frame<'_>) {
        self.named |= !frame.name.is_empty();
        let Ok(event) = serde_json::from_str::<Value>(frame.data) else { return };
        let (name, body) = match event.as_object().and_then(|map| map.iter().next()) {
            Some((name, body)) if frame.name.is_empty() => (name.as_str(), body),
            _ => (frame.name, &event),
        };
        let index = body.get("contentBlockIndex").and_then(Value::as_u64).unwrap_or_default();
        match name {
            // A block of text has no start.
            "contentBlockDelta" | "contentBlockStart" => _ = self.open.insert(index),
            "contentBlockStop" => _ = self.open.remove(&index),
            "messageStart" => self.open.clear(),
            _ => {}
        }
    }

    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        let body = json!({"message": told.message});
        if self.named {
            return vec![Message::exception(EXCEPTION, body)];
        }
        vec![self.message(EXCEPTION, body)]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let stop = |index| self.message("contentBlockStop", json!({"contentBlockIndex": index}));
        let fields = json!({"midstream": told.midstream});
        let end = json!({"stopReason": "max_tokens", "additionalModelResponseFields": fields});
        Some(self.open.iter().map(stop).chain([self.message("messageStop", end)]).collect())
    }
}

/// The model's own format in base64.
#[derive(Default)]
pub(super) struct Invoke {
    inner: Option<Format>,
    /// The first payload, of a model that has a format nowhere but here.
    own: Option<Value>,
    named: bool,
    /// Payloads lie in a `chunk`.
    in_chunk: bool,
}

impl State for Invoke {
    fn keep_state(&self, out: &mut Kept) {
        let Self { inner, own, named, in_chunk } = self;
        (*named, *in_chunk, inner.is_some()).keep(out);
        own.keep(out);
        if let Some(inner) = inner {
            inner.keep_state(out);
        }
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        let has_inner;
        (self.named, self.in_chunk, has_inner) = Keep::take(from)?;
        self.own = Keep::take(from)?;
        // A format that carries another is inside none.
        self.inner =
            if has_inner { Some(Format::take(from, |dialect| dialect != Dialect::BedrockInvoke)?) } else { None };
        Some(())
    }
}

impl Ends for Invoke {
    fn frame(&mut self, frame: &Frame<'_>) {
        self.named |= !frame.name.is_empty();
        let Ok(outer) = serde_json::from_str::<Value>(frame.data) else { return };
        self.in_chunk |= outer.get("chunk").is_some();
        let encoded = outer.get("bytes").or_else(|| outer.get("chunk")?.get("bytes")).and_then(Value::as_str);
        let Some(payload) = encoded.and_then(|encoded| STANDARD.decode(encoded).ok()) else { return };
        let Ok(payload) = String::from_utf8(payload) else { return };
        let inside =
            Frame { kind: FrameKind::Message, name: "", data: &payload, bytes: frame.bytes.clone(), data_at: None };
        if self.inner.is_none() && self.own.is_none() {
            self.inner = sniff(&inside).filter(|dialect| *dialect != Dialect::BedrockInvoke).and_then(Format::new);
            self.own = serde_json::from_str(&payload).ok();
        }
        if let Some(inner) = &mut self.inner {
            inner.ends.frame(&inside);
        }
    }

    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        let body = json!({"message": told.message});
        if self.named {
            return vec![Message::exception(EXCEPTION, body)];
        }
        vec![Message::json("", json!({EXCEPTION: body}))]
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let messages = match &self.inner {
            Some(inner) => inner.ends.finish(&told.with_first(self.own.clone().unwrap_or_default()))?,
            None => vec![Message::json("", own_end(self.own.as_ref()?, told)?)],
        };
        let wrap = |payload: &str| {
            let bytes = STANDARD.encode(payload);
            if self.in_chunk { json!({"chunk": {"bytes": bytes}}) } else { json!({"bytes": bytes}) }
        };
        let payloads = messages.into_iter().filter(Message::is_json);
        Some(payloads.map(|message| message.inside("chunk", wrap)).collect())
    }
}

/// The end of models that have a format nowhere but here, told by what their first payload holds.
fn own_end(first: &Value, told: &Told<'_>) -> Option<Value> {
    let has = |key| first.get(key).is_some();
    let mut end = match () {
        () if has("outputText") => json!({"outputText": "", "index": 0, "completionReason": "LENGTH"}),
        () if has("generation") => json!({"generation": "", "stop_reason": "length"}),
        () if has("completion") => json!({"completion": "", "stop_reason": "max_tokens"}),
        () if has("outputs") => json!({"outputs": [{"text": "", "stop_reason": "length"}]}),
        () if has("text") => json!({"text": "", "is_finished": true, "finish_reason": "MAX_TOKENS"}),
        () => return None,
    };
    end.as_object_mut()?.insert("midstream".into(), told.midstream.clone());
    Some(end)
}
