//! Ollama: lines of JSON without a start, whose last one counts.

use serde_json::{Map, Value};

use super::overlap::Overlap;
use super::{Event, Pass, Read, Splice, Turn, add_turns};
use crate::config::PrefillConfig;

pub(super) struct Ollama {
    is_chat: bool,
    read: Read,
    /// The first line without its text.
    names: Map<String, Value>,
    is_joined: bool,
    overlap: Overlap,
}

impl Ollama {
    pub(super) fn boxed(is_chat: bool) -> Box<dyn Splice> {
        let (read, names, overlap) = (Read::default(), Map::new(), Overlap::default());
        Box::new(Self { is_chat, read, names, is_joined: false, overlap })
    }

    fn look(&mut self, line: &Map<String, Value>) {
        if self.names.is_empty() {
            self.names =
                line.iter().filter(|(_, value)| value.is_string()).map(|(k, v)| (k.clone(), v.clone())).collect();
        }
        self.read.has_finished |= line.get("done") == Some(&Value::Bool(true));
        self.read.is_whole |= self.read.has_finished;
        let said = if self.is_chat { line.get("message").and_then(Value::as_object) } else { Some(line) };
        for (key, value) in said.into_iter().flatten() {
            match (key.as_str(), value) {
                ("content" | "response", Value::String(text)) => self.read.text.push_str(text),
                ("thinking", Value::String(text)) => self.read.reasoning.push_str(text),
                ("tool_calls", Value::Array(calls)) => self.read.is_bound |= !calls.is_empty(),
                _ => {}
            }
        }
    }

    /// A line with another text.
    fn said<'a>(&self, line: &'a mut Map<String, Value>) -> Option<&'a mut Value> {
        match self.is_chat {
            true => line.get_mut("message")?.get_mut("content"),
            false => line.get_mut("response"),
        }
    }
}

impl Splice for Ollama {
    fn pass(&mut self, event: &Event) -> Pass {
        let Ok(Value::Object(mut line)) = serde_json::from_str(&event.data) else { return Pass::Same };
        self.read.has_begun = true;
        if !self.is_joined {
            self.look(&line);
            return Pass::Same;
        }
        let is_last = line.get("done") == Some(&Value::Bool(true));
        if let Some(said) = self.said(&mut line) {
            let mut passes = self.overlap.take(said.as_str().unwrap_or_default());
            if is_last {
                passes.push_str(&self.overlap.rest());
            }
            *said = passes.into();
        }
        self.look(&line);
        Pass::Bytes(format!("{}\n", Value::Object(line)).into_bytes())
    }

    fn read(&self) -> &Read {
        &self.read
    }

    fn begin(&mut self, request: &mut Map<String, Value>, turn: &Turn<'_>) -> bool {
        let Read { text, reasoning, .. } = &self.read;
        // A prompt is put into a template, behind which nothing can be begun.
        if !self.is_chat
            || (turn.reasoning.is_none() && turn.hint.is_none() && !reasoning.is_empty() && text.is_empty())
        {
            return false;
        }
        let PrefillConfig { reasoning_before: before, reasoning_behind: behind, .. } = turn.prefill;
        let content = match turn.reasoning {
            _ if turn.hint.is_some() => text.clone(),
            Some(end) => format!("{before}{}{behind}{text}", self.read.reasoning_up_to(end)),
            None => text.clone(),
        };
        self.overlap = if turn.hint.is_some() { Overlap::behind("", 0) } else { Overlap::behind(text, text.len()) };
        add_turns(request, &content, turn)
    }

    fn settle(&mut self) -> Vec<u8> {
        let rest = self.overlap.rest();
        if rest.is_empty() {
            return Vec::new();
        }
        self.read.text.push_str(&rest);
        let mut line = self.names.clone();
        line.insert("done".to_owned(), false.into());
        match self.is_chat {
            true => line.insert("message".to_owned(), serde_json::json!({"role": "assistant", "content": rest})),
            false => line.insert("response".to_owned(), rest.into()),
        };
        format!("{}\n", Value::Object(line)).into_bytes()
    }

    fn join(&mut self) {
        self.is_joined = self.read.has_begun;
    }

    fn end(&self) -> Vec<u8> {
        Vec::new()
    }
}
