//! Anthropic messages: one message of one start, whose blocks are numbered on.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::overlap::Overlap;
use super::{Event, Pass, Read, Splice, Turn, add_turns, sse, usage};

pub(super) struct Anthropic {
    /// The request asks for thinking, beside which no turn can be begun.
    thinks: bool,
    read: Read,
    is_joined: bool,
    overlap: Overlap,
    /// The block that is open, and the number of the next.
    open: Option<Block>,
    next: u64,
    /// Blocks of the answer that goes on, by its own numbers.
    places: BTreeMap<u64, u64>,
    /// A block that goes on where another was, and whose start has not passed.
    waiting: Option<(u64, Value)>,
    before: Value,
    usage: Value,
}

#[derive(Clone, Copy)]
struct Block {
    index: u64,
    is_text: bool,
}

impl Anthropic {
    pub(super) fn boxed(thinks: bool) -> Box<dyn Splice> {
        Box::new(Self {
            thinks,
            read: Read::default(),
            is_joined: false,
            overlap: Overlap::default(),
            open: None,
            next: 0,
            places: BTreeMap::new(),
            waiting: None,
            before: Value::Null,
            usage: Value::Null,
        })
    }

    fn look(&mut self, event: &Value) {
        let index = event.get("index").and_then(Value::as_u64).unwrap_or_default();
        let text_of = |key: &str| event.pointer(key).and_then(Value::as_str).unwrap_or_default();
        match text_of("/type") {
            "content_block_start" => {
                let kind = text_of("/content_block/type");
                self.read.is_bound |= !matches!(kind, "text" | "thinking");
                self.open = Some(Block { index, is_text: kind == "text" });
                self.next = index.saturating_add(1);
            }
            "content_block_delta" => match text_of("/delta/type") {
                "text_delta" => self.read.text.push_str(text_of("/delta/text")),
                "thinking_delta" => self.read.reasoning.push_str(text_of("/delta/thinking")),
                _ => self.read.is_bound = true,
            },
            "content_block_stop" => self.open = None,
            "message_delta" => {
                self.read.has_finished |= event.pointer("/delta/stop_reason").is_some_and(Value::is_string)
            }
            "message_stop" => self.read.is_whole = true,
            _ => {}
        }
    }

    fn count(&mut self, event: &Value) {
        for place in ["/usage", "/message/usage"] {
            if let Some(report) = event.pointer(place).filter(|report| report.is_object()) {
                let mut all = if self.usage.is_null() { json!({}) } else { std::mem::take(&mut self.usage) };
                usage::replace(&mut all, report);
                self.usage = all;
            }
        }
    }

    /// What passes of an event of the answer that goes on.
    fn joined(&mut self, mut event: Value) -> Vec<Value> {
        let index = event.get("index").and_then(Value::as_u64).unwrap_or_default();
        self.count(&event);
        match event.get("type").and_then(Value::as_str).unwrap_or_default() {
            "message_start" => Vec::new(),
            "content_block_start" => self.start(index, event),
            "content_block_delta" => self.delta(index, event),
            "content_block_stop" => self.stop(index, event),
            "message_delta" => {
                let all = usage::sum(&self.before, &self.usage);
                if let Some(map) = event.as_object_mut() {
                    map.insert("usage".to_owned(), all);
                }
                vec![event]
            }
            _ => vec![event],
        }
    }

    fn start(&mut self, index: u64, event: Value) -> Vec<Value> {
        let is_text = event.pointer("/content_block/type").is_some_and(|kind| kind == "text");
        if let Some(open) = self.open.filter(|open| is_text && open.is_text) {
            self.places.insert(index, open.index);
            return Vec::new();
        }
        let mut passed = self.close_open();
        if is_text {
            self.waiting = Some((index, event));
            return passed;
        }
        passed.push(self.opened(index, event));
        passed
    }

    fn opened(&mut self, index: u64, event: Value) -> Value {
        self.places.insert(index, self.next);
        numbered(event, self.next)
    }

    /// The block of the answer before that is still open.
    fn close_open(&mut self) -> Vec<Value> {
        let open = self.open.take();
        open.map(|open| json!({"type": "content_block_stop", "index": open.index})).into_iter().collect()
    }

    fn delta(&mut self, index: u64, mut event: Value) -> Vec<Value> {
        if let Some(text) = event.pointer_mut("/delta/text") {
            let passes = self.overlap.take(text.as_str().unwrap_or_default());
            if passes.is_empty() {
                return Vec::new();
            }
            *text = passes.into();
        }
        self.with_start(index, event)
    }

    fn with_start(&mut self, index: u64, event: Value) -> Vec<Value> {
        let waits = self.waiting.take_if(|(waiting, _)| *waiting == index);
        let start = waits.map(|(index, start)| self.opened(index, start));
        let place = self.places.get(&index).copied().unwrap_or(index);
        start.into_iter().chain([numbered(event, place)]).collect()
    }

    fn stop(&mut self, index: u64, event: Value) -> Vec<Value> {
        let rest = self.overlap.rest();
        let mut passed = Vec::new();
        if !rest.is_empty() {
            passed = self.with_start(index, text_delta(index, &rest));
        }
        if self.waiting.take_if(|(waiting, _)| *waiting == index).is_some() {
            return passed;
        }
        passed.extend(self.with_start(index, event));
        passed
    }
}

impl Splice for Anthropic {
    fn pass(&mut self, event: &Event) -> Pass {
        let Ok(data) = serde_json::from_str::<Value>(&event.data) else { return Pass::Same };
        if !self.is_joined {
            self.read.has_begun |= data.get("type").is_some_and(|kind| kind == "message_start");
            self.count(&data);
            self.look(&data);
            return Pass::Same;
        }
        let passed = self.joined(data);
        passed.iter().for_each(|event| self.look(event));
        Pass::Bytes(passed.iter().flat_map(written).collect())
    }

    fn read(&self) -> &Read {
        &self.read
    }

    fn begin(&mut self, request: &mut Map<String, Value>, turn: &Turn<'_>) -> bool {
        let Read { text, reasoning, .. } = &self.read;
        let content = match self.read.ended(turn) {
            // What was thought is not signed: where it is ended, it goes on as text.
            Some(content) => content,
            None if self.thinks || !reasoning.is_empty() => return false,
            None => text.clone(),
        };
        request.remove("thinking");
        // The API refuses a last turn that ends in white space.
        let content = content.trim_end();
        let kept = text.trim_end().len();
        self.overlap = turn.overlap(text, kept);
        add_turns(request, content, turn)
    }

    fn settle(&mut self) -> Vec<u8> {
        let rest = self.overlap.rest();
        let Some(index) = self.waiting.as_ref().map(|(index, _)| *index).or(self.open.map(|open| open.index)) else {
            return Vec::new();
        };
        if rest.is_empty() {
            return Vec::new();
        }
        let passed = self.with_start(index, text_delta(index, &rest));
        passed.iter().for_each(|event| self.look(event));
        passed.iter().flat_map(written).collect()
    }

    fn join(&mut self) {
        self.is_joined = self.read.has_begun;
        self.before = usage::sum(&self.before, &std::mem::take(&mut self.usage));
        self.places.clear();
        self.waiting = None;
    }

    fn end(&self) -> Vec<u8> {
        let open = self.open.map(|open| json!({"type": "content_block_stop", "index": open.index}));
        open.into_iter().chain([json!({"type": "message_stop"})]).flat_map(|event| written(&event)).collect()
    }
}

fn text_delta(index: u64, text: &str) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}})
}

fn numbered(mut event: Value, index: u64) -> Value {
    if let Some(map) = event.as_object_mut() {
        map.insert("index".to_owned(), index.into());
    }
    event
}

fn written(event: &Value) -> Vec<u8> {
    sse(event.get("type").and_then(Value::as_str).unwrap_or_default(), &event.to_string())
}
