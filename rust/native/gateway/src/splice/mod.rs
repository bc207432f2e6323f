//! One answer of two: the second goes on behind the first, with one start, one end and one sum of usage.

mod anthropic;
mod chat;
mod events;
mod ollama;
mod overlap;
mod usage;

use http::Method;
use midstream_stream::Dialect;
use serde_json::{Map, Value};

pub(crate) use self::events::{Event, Events};
use self::overlap::Overlap;
use crate::config::PrefillConfig;

/// Reads the answers of one format, and joins them.
pub(crate) trait Splice: Send {
    /// Reads an event, and gives what passes of it.
    fn pass(&mut self, event: &Event) -> Pass;

    /// What was read so far.
    fn read(&self) -> &Read;

    /// Puts the answer so far into a request, with `hint` behind it; false where this format has no place for it. An
    /// answer that was begun and has no text yet is asked for anew.
    fn begin(&mut self, request: &mut Map<String, Value>, turn: &Turn<'_>) -> bool;

    /// The path of the request that goes on, where it is another.
    fn path(&self, _asked: &str) -> Option<String> {
        None
    }

    /// No more of this answer comes: what was held of it.
    fn settle(&mut self) -> Vec<u8>;

    /// The answer that goes on comes next.
    fn join(&mut self);

    /// What is missing where the answer broke off behind its last text.
    fn end(&self) -> Vec<u8>;
}

/// What passes of an event.
pub(crate) enum Pass {
    Bytes(Vec<u8>),
    Same,
}

/// The last turn of a request that goes on.
pub(crate) struct Turn<'a> {
    pub(crate) prefill: &'a PrefillConfig,
    /// Characters of the reasoning that are kept, where it is ended.
    pub(crate) reasoning: Option<Option<u64>>,
    /// What the model is told behind its answer so far.
    pub(crate) hint: Option<&'a str>,
}

/// What was read of an answer.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    /// Something came that no second answer could go on from: a tool call, signed reasoning, another choice.
    pub(crate) is_bound: bool,
    /// An event of the answer has passed.
    pub(crate) has_begun: bool,
    /// It said why it ended.
    pub(crate) has_finished: bool,
    /// Nothing of it is missing.
    pub(crate) is_whole: bool,
}

impl Turn<'_> {
    /// What the answer that goes on may say again of a text, of which the request holds all but the end from byte `kept` on.
    fn overlap(&self, text: &str, kept: usize) -> Overlap {
        if self.hint.is_some() { Overlap::behind("", 0) } else { Overlap::behind(text, kept) }
    }
}

impl Read {
    /// What stands in a turn behind which a hint comes, or in which reasoning is ended; `None` in any other.
    fn ended(&self, turn: &Turn<'_>) -> Option<String> {
        if turn.hint.is_some() {
            return Some(self.text.clone());
        }
        let PrefillConfig { reasoning_before: before, reasoning_behind: behind, .. } = turn.prefill;
        Some(format!("{before}{}{behind}{}", self.reasoning_up_to(turn.reasoning?), self.text))
    }

    /// The reasoning up to a place, and no more than there is.
    fn reasoning_up_to(&self, end: Option<u64>) -> String {
        let end = end.and_then(|end| usize::try_from(end).ok()).unwrap_or(usize::MAX);
        self.reasoning.chars().take(end).collect()
    }
}

/// What joins answers to a request, and whether they are lines; `None` where none can go on.
pub(crate) fn of(
    method: &Method,
    path: &str,
    dialect: Option<Dialect>,
    request: &Map<String, Value>,
) -> Option<(Box<dyn Splice>, bool)> {
    let is_true = |key: &str, default: bool| request.get(key).map_or(default, |value| value == &Value::Bool(true));
    let is_set = |key: &str| request.get(key).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)));
    if *method != Method::POST {
        return None;
    }
    let is_one = request.get("n").is_none_or(|n| n == 1);
    match dialect? {
        Dialect::OpenaiChat | Dialect::OpenaiCompletions => {
            let free = is_one
                && is_true("stream", false)
                && !["logprobs", "echo", "best_of"].into_iter().any(is_set)
                && is_text(request.get("response_format"));
            free.then(|| (chat::Chat::boxed(dialect == Some(Dialect::OpenaiChat)), false))
        }
        Dialect::AnthropicMessages => {
            let free = is_true("stream", false) && !is_set("output_format") && !is_set("output_config");
            free.then(|| (anthropic::Anthropic::boxed(is_set("thinking")), false))
        }
        Dialect::Ollama => {
            let free = is_true("stream", true) && !is_set("format") && !is_set("logprobs");
            let kind = if path.ends_with("/api/chat") { ollama::Kind::Chat } else { ollama::Kind::of_prompt(request) };
            free.then(|| (ollama::Ollama::boxed(kind), true))
        }
        _ => None,
    }
}

/// Whether an answer is free text.
fn is_text(format: Option<&Value>) -> bool {
    format.is_none_or(|format| format.is_null() || format.get("type").is_some_and(|kind| kind == "text"))
}

/// The last turn of a chat, and what the model is told behind it.
fn add_turns(request: &mut Map<String, Value>, content: &str, turn: &Turn<'_>) -> bool {
    let Some(Value::Array(messages)) = request.get_mut("messages") else { return false };
    let message = |role: &str, content: &str| serde_json::json!({"role": role, "content": content});
    if !content.is_empty() {
        messages.push(message("assistant", content));
    }
    match turn.hint {
        Some(hint) => messages.push(message("user", hint)),
        None if !content.is_empty() => turn.prefill.mark(request),
        None => {}
    }
    true
}

/// An event of server-sent events.
fn sse(name: &str, data: &str) -> Vec<u8> {
    let name = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
    format!("{name}data: {data}\n\n").into_bytes()
}
