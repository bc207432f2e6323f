//! OpenAI chat and completions: one id, one role, one reason of the end.

use serde_json::{Map, Value, json};

use super::overlap::Overlap;
use super::{Event, Pass, Read, Splice, Turn, add_turns, sse, usage};
use crate::config::PrefillConfig;

pub(super) struct Chat {
    is_chat: bool,
    read: Read,
    /// What names the answer in each of its events.
    names: Map<String, Value>,
    has_role: bool,
    is_joined: bool,
    overlap: Overlap,
    /// The same of reasoning, and the name of what holds it.
    thought: Overlap,
    thought_in: &'static str,
    /// Of the answers before, and of this one.
    before: Value,
    usage: Value,
}

impl Chat {
    pub(super) fn boxed(is_chat: bool) -> Box<dyn Splice> {
        Box::new(Self {
            is_chat,
            read: Read::default(),
            names: Map::new(),
            has_role: false,
            is_joined: false,
            overlap: Overlap::default(),
            thought: Overlap::default(),
            thought_in: REASONING[0],
            before: Value::Null,
            usage: Value::Null,
        })
    }

    fn names_of(chunk: &Map<String, Value>) -> Map<String, Value> {
        let names = ["id", "created", "model", "object"];
        let named = names.into_iter().filter_map(|name| Some((name.to_owned(), chunk.get(name)?.clone())));
        named.collect()
    }

    fn look(&mut self, chunk: &Map<String, Value>) {
        if self.names.is_empty() {
            self.names = Self::names_of(chunk);
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.usage = usage.clone();
        }
        let choices = chunk.get("choices").and_then(Value::as_array).into_iter().flatten();
        for choice in choices {
            self.read.is_bound |= choice.get("index").is_some_and(|index| index != 0);
            self.read.has_finished |= choice.get("finish_reason").is_some_and(Value::is_string);
            let said = if self.is_chat { choice.get("delta") } else { Some(choice) };
            let Some(said) = said.and_then(Value::as_object) else { continue };
            self.has_role |= said.contains_key("role");
            for (key, value) in said {
                match (key.as_str(), value) {
                    (_, Value::Null) | ("role" | "index" | "finish_reason" | "stop_reason", _) => {}
                    ("content" | "text", Value::String(text)) => self.read.text.push_str(text),
                    ("reasoning_content" | "reasoning", Value::String(text)) => self.read.reasoning.push_str(text),
                    ("tool_calls" | "reasoning_details", Value::Array(list)) if list.is_empty() => {}
                    ("refusal" | "tool_calls" | "function_call" | "audio" | "reasoning_details", _)
                    | ("content", _)
                    | ("logprobs", Value::Object(_)) => self.read.is_bound = true,
                    _ => {}
                }
            }
        }
    }

    /// Puts a chunk of the answer that goes on into the words of the first; false where it says nothing new.
    fn rewrite(&mut self, chunk: &mut Map<String, Value>) -> bool {
        for (name, value) in &self.names {
            if name != "model" && chunk.contains_key(name) {
                chunk.insert(name.clone(), value.clone());
            }
        }
        let mut says = chunk.get("error").is_some();
        if let Some(given) = chunk.get_mut("usage").filter(|usage| usage.is_object()) {
            *given = usage::sum(&self.before, given);
            says = true;
        }
        let (has_role, is_chat) = (self.has_role, self.is_chat);
        let choices = chunk.get_mut("choices").and_then(Value::as_array_mut);
        for choice in choices.into_iter().flatten() {
            let is_last = choice.get("finish_reason").is_some_and(Value::is_string);
            says |= is_last;
            let said = if is_chat { choice.get_mut("delta") } else { Some(choice) };
            let Some(said) = said.and_then(Value::as_object_mut) else { continue };
            if has_role {
                said.remove("role");
            }
            if let Some(name) = REASONING.into_iter().find(|name| text_of(said, name).is_some()) {
                self.thought_in = name;
            }
            let key = if is_chat { "content" } else { "text" };
            // Nothing is thought behind the first text.
            let is_over = is_last || text_of(said, key).is_some_and(|text| !text.is_empty());
            pass_new(said, self.thought_in, &mut self.thought, is_over);
            pass_new(said, key, &mut self.overlap, is_last);
            let is_word = |(key, value): (&String, &Value)| {
                let is_name = matches!(key.as_str(), "index" | "finish_reason");
                !is_name && !matches!(value, Value::Null) && value.as_str() != Some("")
            };
            says |= said.iter().any(is_word);
        }
        says
    }
}

/// Where the reasoning of a delta stands.
const REASONING: [&str; 2] = ["reasoning_content", "reasoning"];

fn text_of<'a>(said: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    said.get(key).and_then(Value::as_str)
}

/// Leaves what is new of a text, and of what was held of it where no more comes.
fn pass_new(said: &mut Map<String, Value>, key: &str, overlap: &mut Overlap, is_over: bool) {
    let mut passes = overlap.take(text_of(said, key).unwrap_or_default());
    if is_over {
        passes.push_str(&overlap.rest());
    }
    if text_of(said, key).is_some() || !passes.is_empty() {
        said.insert(key.to_owned(), passes.into());
    }
}

impl Splice for Chat {
    fn pass(&mut self, event: &Event) -> Pass {
        if event.data == "[DONE]" {
            self.read.is_whole = true;
            return Pass::Same;
        }
        let Ok(Value::Object(mut chunk)) = serde_json::from_str(&event.data) else { return Pass::Same };
        self.read.has_begun = true;
        if !self.is_joined {
            self.look(&chunk);
            return Pass::Same;
        }
        let reported = chunk.get("usage").filter(|usage| usage.is_object()).cloned();
        let says = self.rewrite(&mut chunk);
        self.look(&chunk);
        // The sum was written; of this answer alone counts what it said itself.
        self.usage = reported.unwrap_or_else(|| std::mem::take(&mut self.usage));
        Pass::Bytes(if says { sse(&event.name, &Value::Object(chunk).to_string()) } else { Vec::new() })
    }

    fn read(&self) -> &Read {
        &self.read
    }

    fn begin(&mut self, request: &mut Map<String, Value>, turn: &Turn<'_>) -> bool {
        let Read { text, reasoning, .. } = &self.read;
        if !self.is_chat {
            let Some(Value::String(prompt)) = request.get_mut("prompt") else { return false };
            prompt.push_str(text);
            self.overlap = Overlap::behind(text, text.len());
            return turn.hint.is_none() && turn.reasoning.is_none();
        }
        let PrefillConfig { reasoning_before: before, reasoning_behind: behind, .. } = turn.prefill;
        let content = match self.read.ended(turn) {
            Some(content) => content,
            None if reasoning.is_empty() => text.clone(),
            None if text.is_empty() => format!("{before}{reasoning}"),
            None => format!("{before}{reasoning}{behind}{text}"),
        };
        self.overlap = turn.overlap(text, text.len());
        // Reasoning that is ended does not go on.
        let thinks_on = text.is_empty() && turn.reasoning.is_none();
        let thought = if thinks_on { reasoning } else { "" };
        self.thought = turn.overlap(thought, thought.len());
        add_turns(request, &content, turn)
    }

    fn settle(&mut self) -> Vec<u8> {
        let (thought, rest) = (self.thought.rest(), self.overlap.rest());
        if thought.is_empty() && rest.is_empty() {
            return Vec::new();
        }
        self.read.reasoning.push_str(&thought);
        self.read.text.push_str(&rest);
        let key = if self.is_chat { "content" } else { "text" };
        let texts = [(self.thought_in, thought), (key, rest)].into_iter().filter(|(_, text)| !text.is_empty());
        let said: Map<String, Value> = texts.map(|(key, text)| (key.to_owned(), text.into())).collect();
        let said = if self.is_chat { json!({ "delta": said }) } else { Value::Object(said) };
        let mut choice = json!({"index": 0, "finish_reason": null});
        usage::replace(&mut choice, &said);
        let mut chunk = self.names.clone();
        chunk.insert("choices".to_owned(), json!([choice]));
        sse("", &Value::Object(chunk).to_string())
    }

    fn join(&mut self) {
        self.is_joined = self.read.has_begun;
        self.before = usage::sum(&self.before, &std::mem::take(&mut self.usage));
    }

    fn end(&self) -> Vec<u8> {
        sse("", "[DONE]")
    }
}
