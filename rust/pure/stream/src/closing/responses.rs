//! OpenAI Responses: parts and items that are open are done, then the response is incomplete.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::wire::Message;
use super::{Ends, Told, openai};
use crate::decode::Frame;
use crate::{ChannelKind, Place};

/// Items and parts that are kept at most.
const MAX_ITEMS: usize = 1_024;

#[derive(Default)]
pub(super) struct Responses {
    response: Value,
    sequence: Option<u64>,
    items: BTreeMap<u64, Item>,
    /// Items of earlier responses, which a socket has, and one behind the last of this.
    first_item: u64,
    next_item: u64,
}

/// An output item as its last event told it.
#[derive(Default)]
struct Item {
    value: Value,
    is_done: bool,
    /// Parts by kind of list and number.
    parts: BTreeMap<(List, u64), Part>,
}

struct Part {
    value: Value,
    is_done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    Content,
    Summary,
}

crate::keep::keep!(struct Responses { response, sequence, items, first_item, next_item });
crate::keep::keep!(struct Item { value, is_done, parts });
crate::keep::keep!(struct Part { value, is_done });
crate::keep::keep!(
    enum List {
        Content,
        Summary,
    }
);

impl List {
    const fn key(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Summary => "summary",
        }
    }

    const fn index(self) -> &'static str {
        match self {
            Self::Content => "content_index",
            Self::Summary => "summary_index",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Content => "response.content_part.done",
            Self::Summary => "response.reasoning_summary_part.done",
        }
    }
}

impl Responses {
    fn event(&mut self, event: &Value, kind: &str) {
        let number = |key: &str| event.get(key).and_then(Value::as_u64).unwrap_or_default();
        let (index, inside) = (number("output_index"), |key: &str| event.get(key).cloned().unwrap_or_default());
        match kind {
            "response.created" => {
                self.response = inside("response");
                self.items.clear();
                self.first_item = self.next_item;
            }
            "response.in_progress" | "response.queued" if self.response.is_null() => self.response = inside("response"),
            "response.output_item.added" | "response.output_item.done" if self.items.len() < MAX_ITEMS => {
                self.next_item = self.next_item.max(self.first_item.saturating_add(index).saturating_add(1));
                let item = self.items.entry(index).or_default();
                item.value = inside("item");
                item.is_done = kind.ends_with("done");
            }
            "response.content_part.added" | "response.content_part.done" => {
                self.part(event, List::Content, kind.ends_with("done"));
            }
            "response.reasoning_summary_part.added" | "response.reasoning_summary_part.done" => {
                self.part(event, List::Summary, kind.ends_with("done"));
            }
            _ => {}
        }
    }

    fn part(&mut self, event: &Value, list: List, is_done: bool) {
        let number = |key: &str| event.get(key).and_then(Value::as_u64).unwrap_or_default();
        let Some(item) = self.items.get_mut(&number("output_index")) else { return };
        if item.parts.len() < MAX_ITEMS {
            let value = event.get("part").cloned().unwrap_or_default();
            item.parts.insert((list, number(list.index())), Part { value, is_done });
        }
    }

    /// The text of an item's channels of a kind, in the order of their parts.
    fn texts<'a>(&self, index: u64, kind: ChannelKind, told: &'a Told<'_>) -> Vec<&'a str> {
        let number = u32::try_from(self.first_item.saturating_add(index)).unwrap_or(u32::MAX);
        let channels = told.known.channels.iter().filter(|(_, channel)| {
            let key = channel.key;
            (key.place, key.index, key.kind) == (Place::Item, number, kind)
        });
        channels.map(|(channel, _)| told.texts.get(&channel).map_or("", String::as_str)).collect()
    }

    /// The open parts and items of the answer, done; the items go into `output`.
    fn close(&self, told: &Told<'_>, output: &mut Vec<Value>) -> Vec<Value> {
        let mut events = Vec::new();
        for (index, item) in &self.items {
            if item.is_done {
                output.push(item.value.clone());
                continue;
            }
            let (value, closed) = self.close_item(*index, item, told);
            events.extend(closed);
            events.push(json!({"type": "response.output_item.done", "output_index": index, "item": value}));
            output.push(value);
        }
        events
    }

    fn close_item(&self, index: u64, item: &Item, told: &Told<'_>) -> (Value, Vec<Value>) {
        let (mut value, mut events) = (item.value.clone(), Vec::new());
        let id = value.get("id").cloned().unwrap_or_default();
        let arguments = self.texts(index, ChannelKind::Tool, told).concat();
        for (list, kinds) in [
            (List::Content, &[ChannelKind::Text, ChannelKind::Refusal, ChannelKind::Reasoning][..]),
            (List::Summary, &[ChannelKind::Reasoning][..]),
        ] {
            let mut texts: Vec<&str> = kinds.iter().flat_map(|kind| self.texts(index, *kind, told)).collect();
            texts.reverse();
            let mut parts = Vec::new();
            for ((_, number), part) in item.parts.range((list, 0)..=(list, u64::MAX)) {
                let text = texts.pop().unwrap_or_default();
                let mut done = part.value.clone();
                if let Some(words) = words(&done).filter(|_| !part.is_done) {
                    let event = json!({
                        "type": words.1, "item_id": id, "output_index": index, list.index(): number, words.0: text,
                    });
                    events.push(event);
                    if let Some(part) = done.as_object_mut() {
                        part.insert(words.0.into(), text.into());
                    }
                    events.push(json!({
                        "type": list.done(), "item_id": id, "output_index": index, list.index(): number, "part": done,
                    }));
                }
                parts.push(done);
            }
            if let Some(map) = value.as_object_mut().filter(|_| !parts.is_empty()) {
                map.insert(list.key().into(), parts.into());
            }
        }
        if let Some(map) = value.as_object_mut() {
            map.insert("status".into(), "incomplete".into());
            let whole = ["arguments", "input"].into_iter().find(|key| map.contains_key(*key));
            if let Some(whole) = whole.filter(|_| !arguments.is_empty()) {
                map.insert(whole.into(), arguments.into());
            }
        }
        (value, events)
    }

    /// Numbers the events where the stream does.
    fn numbered(&self, events: Vec<Value>) -> Vec<Message> {
        let first = self.sequence.map(|last| last + 1);
        let numbered = events.into_iter().enumerate().map(|(position, mut event)| {
            if let (Some(first), Some(map)) = (first, event.as_object_mut()) {
                map.insert("sequence_number".into(), (first + position as u64).into());
            }
            let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
            Message::json(name(kind), event)
        });
        numbered.collect()
    }
}

impl Ends for Responses {
    fn frame(&mut self, frame: &Frame<'_>) {
        if let Some(number) = sequence_number(frame.data) {
            self.sequence = Some(number);
        }
        if frame.data.contains(".delta\"") {
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(frame.data) else { return };
        let kind = event.get("type").and_then(Value::as_str).unwrap_or(frame.name).to_owned();
        self.event(&event, &kind);
    }

    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        // The format has the words on the top level, and the SDK looks for an object of them.
        self.numbered(vec![json!({
            "type": "error",
            "code": told.code,
            "message": told.message,
            "param": null,
            "error": openai::error_object(told),
            "midstream": told.midstream,
        })])
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        // A stream that is read from its middle on has not said what it is of.
        let mut response = Some(self.response.clone()).filter(Value::is_object).unwrap_or_else(
            || json!({"object": "response", "id": told.known.id.as_deref(), "model": told.known.model.as_deref()}),
        );
        let map = response.as_object_mut()?;
        let mut output = Vec::new();
        let mut events = self.close(told, &mut output);
        map.insert("status".into(), "incomplete".into());
        map.insert("incomplete_details".into(), json!({"reason": "max_output_tokens"}));
        map.insert("output".into(), output.into());
        events.push(json!({"type": "response.incomplete", "response": response, "midstream": told.midstream}));
        Some(self.numbered(events))
    }
}

/// Where a part's text stands, and the event that says it whole.
fn words(part: &Value) -> Option<(&'static str, &'static str)> {
    match part.get("type").and_then(Value::as_str)? {
        "output_text" => Some(("text", "response.output_text.done")),
        "reasoning_text" => Some(("text", "response.reasoning_text.done")),
        "refusal" => Some(("refusal", "response.refusal.done")),
        "summary_text" => Some(("text", "response.reasoning_summary_text.done")),
        _ => None,
    }
}

fn name(kind: &str) -> &'static str {
    const NAMES: [&str; 9] = [
        "error",
        "response.content_part.done",
        "response.incomplete",
        "response.output_item.done",
        "response.output_text.done",
        "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.done",
        "response.reasoning_text.done",
        "response.refusal.done",
    ];
    NAMES.into_iter().find(|name| *name == kind).unwrap_or_default()
}

/// The number of an event, without reading all of it.
fn sequence_number(data: &str) -> Option<u64> {
    let (_, behind) = data.rsplit_once("\"sequence_number\"")?;
    let behind = behind.trim_start().strip_prefix(':')?.trim_start();
    let digits = behind.len() - behind.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    behind.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_may_have_the_highest_number() {
        let mut responses = Responses::default();
        let added = json!({"output_index": u64::MAX, "item": {"type": "message"}});
        for _ in 0..2 {
            responses.event(&json!({"response": {}}), "response.created");
            responses.event(&added, "response.output_item.added");
        }
        assert_eq!((responses.first_item, responses.next_item), (u64::MAX, u64::MAX));
    }
}
