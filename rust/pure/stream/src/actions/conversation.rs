//! The messages of a request, in the formats of the providers, as steps of an agent.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::Step;
use super::hash::Hash;

/// Steps remembered to find the place in a conversation that was rewritten.
const TAIL: usize = 8;
/// Steps that must stand there as they stood, if so many are known.
const AGREEING: usize = 3;

/// How far a conversation was read. Requests send it from the start each time.
#[derive(Clone, Debug, Default)]
pub(super) struct Conversation {
    read: usize,
    /// Stands for the steps read.
    prefix: u64,
    tail: VecDeque<u64>,
}

impl Conversation {
    /// The steps that were not read yet. Behind a rewritten beginning they are those behind the last ones read; of another
    /// conversation, all.
    pub(super) fn new_steps(&mut self, messages: &[Value]) -> Vec<Owned> {
        let mut steps = Vec::new();
        messages.iter().filter_map(Value::as_object).for_each(|message| read(message, &mut steps));
        let numbers: Vec<u64> = steps.iter().map(Owned::number).collect();
        let first = self.place(&numbers);
        self.prefix = chain(&numbers);
        self.read = numbers.len();
        self.tail.extend(numbers.iter().skip(first));
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        steps.split_off(first)
    }

    fn place(&self, numbers: &[u64]) -> usize {
        if numbers.get(..self.read).is_some_and(|read| chain(read) == self.prefix) {
            return self.read;
        }
        let behind = |agreeing: usize| {
            let wanted = self.tail.iter().skip(self.tail.len() - agreeing);
            let at = numbers.windows(agreeing).rposition(|window| window.iter().eq(wanted.clone()))?;
            Some(at + agreeing)
        };
        (1..=AGREEING.min(self.tail.len())).rev().find_map(behind).unwrap_or_default()
    }
}

fn chain(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |chain, number| Hash::pair(chain, *number))
}

/// A step with texts of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owned {
    kind: Kind,
    id: Option<String>,
    /// Of the tool or the agent.
    name: Option<String>,
    text: String,
    failed: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Call,
    Message,
    Result,
}

impl Owned {
    pub(super) fn step(&self) -> Step<'_> {
        let (id, name, text) = (self.id.as_deref(), self.name.as_deref(), self.text.as_str());
        match self.kind {
            Kind::Call => Step::Call { id, tool: name.unwrap_or_default(), arguments: text },
            Kind::Message => Step::Message { agent: name.unwrap_or_default(), text },
            Kind::Result => Step::Result { id, tool: name, text, failed: self.failed },
        }
    }

    pub(super) fn is_call(&self) -> bool {
        self.kind == Kind::Call
    }

    pub(super) fn is_message(&self) -> bool {
        self.kind == Kind::Message
    }

    pub(super) fn is_result(&self) -> bool {
        self.kind == Kind::Result
    }

    /// The id of the call whose result it is.
    pub(super) fn answers(&self) -> Option<&str> {
        self.id.as_deref().filter(|_| self.is_result())
    }

    fn number(&self) -> u64 {
        let part =
            |part: &Option<String>| Hash::of(u8::from(part.is_some()), part.as_deref().unwrap_or_default().as_bytes());
        Hash::pair(Hash::pair(part(&self.id), part(&self.name)), Hash::of(self.kind as u8, self.text.as_bytes()))
    }
}

pub(super) type Object = Map<String, Value>;

/// Reads one message or item.
pub(super) fn read(message: &Object, steps: &mut Vec<Owned>) {
    let kind = text_of(message, &["type"]).unwrap_or_default();
    if kind.ends_with("_call_output") {
        steps.push(result(message, &["output"]));
        return;
    }
    if kind.ends_with("_call") {
        steps.push(call(message));
        if message.get("output").is_some_and(|output| !output.is_null()) {
            steps.push(result(message, &["output"]));
        }
        return;
    }
    match text_of(message, &["role"]).unwrap_or_default().as_str() {
        "tool" | "function" if !has_results(message) => steps.push(result(message, &["content"])),
        "assistant" | "model" | "ai" => said(message, steps),
        _ => parts(message, steps),
    }
}

/// What the user says in a message; `None` in one of somebody else, or with results of tools.
pub(super) fn word(message: &Object) -> Option<String> {
    let is_users = matches!(message.get("role").and_then(Value::as_str), Some("user" | "human"));
    if !is_users || has_results(message) {
        return None;
    }
    let text = text_in(message.get("content").or_else(|| message.get("parts")));
    (!text.trim().is_empty()).then_some(text)
}

/// What an agent said and which tools it called.
fn said(message: &Object, steps: &mut Vec<Owned>) {
    let text = text_in(message.get("content").or_else(|| message.get("parts")));
    if !text.trim().is_empty() {
        steps.push(Owned { kind: Kind::Message, id: None, name: text_of(message, &["name"]), text, failed: None });
    }
    parts(message, steps);
    let calls = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for entry in calls.iter().filter_map(Value::as_object) {
        let function = entry.get("function").and_then(Value::as_object);
        let mut made = call(function.unwrap_or(entry));
        made.id = id_of(entry).or(made.id);
        steps.push(made);
    }
    if let Some(function) = message.get("function_call").and_then(Value::as_object) {
        steps.push(call(function));
    }
}

/// Calls and results among the parts of a message.
fn parts(message: &Object, steps: &mut Vec<Owned>) {
    for part in contents(message) {
        let inner = |names: &[&str]| names.iter().find_map(|name| part.get(*name)).and_then(Value::as_object);
        let kind = text_of(part, &["type"]).unwrap_or_default();
        if let Some(inner) = inner(&["functionCall", "function_call", "toolUse"]) {
            steps.push(call(inner));
        } else if let Some(inner) = inner(&["functionResponse", "function_response", "toolResult"]) {
            steps.push(result(inner, RESULTS));
        } else if kind.ends_with("tool_use") || kind == "tool-call" {
            steps.push(call(part));
        } else if kind.ends_with("tool_result") || kind == "tool-result" {
            steps.push(result(part, RESULTS));
        }
    }
}

/// Names of what a result holds.
const RESULTS: &[&str] = &["content", "response", "output", "result"];

fn contents(message: &Object) -> impl Iterator<Item = &Object> {
    let list = message.get("content").or_else(|| message.get("parts")).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_object)
}

fn has_results(message: &Object) -> bool {
    contents(message).any(|part| {
        part.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("result"))
            || part.contains_key("functionResponse")
            || part.contains_key("function_response")
            || part.contains_key("toolResult")
    })
}

fn call(call: &Object) -> Owned {
    let arguments = ["arguments", "args", "input"].iter().find_map(|name| call.get(*name));
    let text = match arguments {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let name = text_of(call, &["name", "toolName", "tool_name"]);
    Owned { kind: Kind::Call, id: id_of(call), name, text, failed: None }
}

fn result(result: &Object, names: &[&str]) -> Owned {
    let failed = ["is_error", "isError"].iter().find_map(|name| result.get(*name)).and_then(Value::as_bool);
    let status = result.get("status").and_then(Value::as_str).filter(|status| *status == "error");
    Owned {
        kind: Kind::Result,
        id: id_of(result),
        name: text_of(result, &["name", "toolName", "tool_name"]),
        text: text_in(names.iter().find_map(|name| result.get(*name))),
        failed: status.map(|_| true).or(failed.filter(|failed| *failed)),
    }
}

fn id_of(object: &Object) -> Option<String> {
    text_of(object, &["call_id", "tool_call_id", "tool_use_id", "toolUseId", "toolCallId", "id"])
}

/// The first of the fields that is there and is text with something in it.
fn text_of(object: &Object, names: &[&str]) -> Option<String> {
    let text = names.iter().find_map(|name| object.get(*name).and_then(Value::as_str));
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The text of a content: a string, or the texts of its parts; other parts, such as pictures of results, as their JSON.
fn text_in(content: Option<&Value>) -> String {
    match content {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(text_of_part).collect::<Vec<_>>().join("\n"),
        Some(value) => value.to_string(),
    }
}

/// Calls, results and reasoning are no text.
fn text_of_part(part: &Value) -> Option<String> {
    let Some(object) = part.as_object() else { return part.as_str().map(str::to_owned) };
    if let Some(text) = object.get("text").and_then(Value::as_str) {
        return (object.get("thought") != Some(&Value::Bool(true))).then(|| text.to_owned());
    }
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
    let names = ["functionCall", "function_call", "toolUse", "functionResponse", "function_response", "toolResult"];
    let other = ["tool_use", "tool_result", "tool-call", "tool-result", "thinking", "reasoning"].iter();
    let step = names.iter().any(|name| object.contains_key(*name)) || other.clone().any(|other| kind.ends_with(other));
    (!step).then(|| part.to_string())
}

crate::keep::keep!(struct Conversation { read, prefix, tail });

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A turn of an agent that says it searches, searches, and is told that there is nothing.
    fn formats() -> Vec<(&'static str, Value)> {
        vec![
            (
                "OpenAI chat",
                json!([
                    {"role": "user", "content": "find it"},
                    {"role": "assistant", "content": "I search.",
                     "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{\"q\":1}"}}]},
                    {"role": "tool", "tool_call_id": "c1", "content": "nothing"}
                ]),
            ),
            (
                "OpenAI responses",
                json!([
                    {"role": "user", "content": "find it"},
                    {"type": "reasoning", "id": "r1", "summary": []},
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I search."}]},
                    {"type": "function_call", "id": "fc1", "call_id": "c1", "name": "search", "arguments": "{\"q\":1}"},
                    {"type": "function_call_output", "call_id": "c1", "output": "nothing"}
                ]),
            ),
            (
                "Anthropic",
                json!([
                    {"role": "user", "content": "find it"},
                    {"role": "assistant", "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "x"},
                        {"type": "text", "text": "I search."},
                        {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": 1}}]},
                    {"role": "user", "content": [
                        {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "nothing"}]}]}
                ]),
            ),
            (
                "Gemini",
                json!([
                    {"role": "user", "parts": [{"text": "find it"}]},
                    {"role": "model", "parts": [
                        {"text": "hm", "thought": true}, {"text": "I search."},
                        {"functionCall": {"id": "c1", "name": "search", "args": {"q": 1}}}]},
                    {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "search", "response": "nothing"}}]}
                ]),
            ),
            (
                "Bedrock",
                json!([
                    {"role": "assistant", "content": [
                        {"text": "I search."}, {"toolUse": {"toolUseId": "c1", "name": "search", "input": {"q": 1}}}]},
                    {"role": "user", "content": [
                        {"toolResult": {"toolUseId": "c1", "content": [{"text": "nothing"}]}}]}
                ]),
            ),
            (
                "Ollama",
                json!([
                    {"role": "assistant", "content": "I search.",
                     "tool_calls": [{"function": {"name": "search", "arguments": {"q": 1}}}]},
                    {"role": "tool", "tool_name": "search", "content": "nothing"}
                ]),
            ),
        ]
    }

    fn list(messages: &Value) -> Vec<Value> {
        messages.as_array().cloned().unwrap_or_default()
    }

    #[test]
    fn every_format_gives_the_same_steps() {
        for (format, messages) in formats() {
            let steps = Conversation::default().new_steps(&list(&messages));
            let told: Vec<(Kind, &str)> = steps.iter().map(|step| (step.kind, step.text.as_str())).collect();
            let wanted = [(Kind::Message, "I search."), (Kind::Call, "{\"q\":1}"), (Kind::Result, "nothing")];
            assert_eq!(told, wanted, "{format}");
            assert_eq!(steps[1].name.as_deref(), Some("search"), "{format}");
            assert_eq!(steps[1].id, steps[2].id, "{format}");
        }
    }

    #[test]
    fn what_was_read_is_not_read_again() {
        for (format, messages) in formats() {
            let mut all = list(&messages);
            let mut conversation = Conversation::default();
            assert_eq!(conversation.new_steps(&all).len(), 3, "{format}");
            assert_eq!(conversation.new_steps(&all).len(), 0, "{format}");
            all.extend(list(&messages));
            assert_eq!(conversation.new_steps(&all).len(), 3, "{format}");
        }
    }

    #[test]
    fn a_conversation_whose_beginning_was_rewritten_goes_on_where_it_was() {
        let turn = |number: usize| {
            [
                json!({"role": "assistant", "tool_calls": [{"id": format!("c{number}"), "function": {"name": "read", "arguments": "{}"}}]}),
                json!({"role": "tool", "tool_call_id": format!("c{number}"), "content": format!("page {number}")}),
            ]
        };
        let mut conversation = Conversation::default();
        let all: Vec<Value> = (0..6).flat_map(turn).collect();
        assert_eq!(conversation.new_steps(&all).len(), 12);
        let summed_up = json!({"role": "assistant", "content": "Six pages were read."});
        let shorter: Vec<Value> = std::iter::once(summed_up).chain((4..7).flat_map(turn)).collect();
        assert_eq!(conversation.new_steps(&shorter).len(), 2);
        let other: Vec<Value> = (10..12).flat_map(turn).collect();
        assert_eq!(conversation.new_steps(&other).len(), 4);
    }

    #[test]
    fn pictures_and_failures_of_results_count() {
        let with = |data: &str| {
            let part = json!({"type": "tool_result", "tool_use_id": "c1", "is_error": data == "b",
                              "content": [{"type": "image", "source": {"data": data}}]});
            Conversation::default().new_steps(&[json!({"role": "user", "content": [part]})])
        };
        assert_ne!(with("a"), with("c"));
        assert_eq!((with("a")[0].failed, with("b")[0].failed), (None, Some(true)));
    }
}
