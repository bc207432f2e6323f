//! OpenAI chat and completions: the open choices reach their length, then `[DONE]`; llama.cpp's own stop at their limit.

use serde_json::{Map, Value, json};

use super::wire::Message;
use super::{Ends, Told};

pub(super) struct Chat;
pub(super) struct Completions;

crate::keep::keep!(
    struct Chat {}
);
crate::keep::keep!(
    struct Completions {}
);

impl Ends for Chat {
    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        error(told)
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        let open = |index| json!({"index": index, "delta": {}, "logprobs": null, "finish_reason": "length"});
        Some(choices(told, open))
    }
}

impl Ends for Completions {
    fn error(&self, told: &Told<'_>) -> Vec<Message> {
        error(told)
    }

    fn finish(&self, told: &Told<'_>) -> Option<Vec<Message>> {
        // llama.cpp's own format has no choices and no mark.
        if told.of_first("choices").is_null() && told.of_first("content").is_string() {
            let end = |lane: &u32| {
                let midstream = &told.midstream;
                json!({"index": lane, "content": "", "stop": true, "stop_type": "limit", "midstream": midstream})
            };
            return Some(told.lanes.iter().map(|lane| Message::json("", end(lane))).collect());
        }
        let open = |index| json!({"index": index, "text": "", "logprobs": null, "finish_reason": "length"});
        Some(choices(told, open))
    }
}

/// An error as the family words it.
pub(super) fn error_object(told: &Told<'_>) -> Value {
    json!({"message": told.message, "type": told.code, "param": null, "code": told.code})
}

fn error(told: &Told<'_>) -> Vec<Message> {
    vec![Message::json("error", json!({"error": error_object(told), "midstream": told.midstream}))]
}

/// One chunk a choice: some readers look at the first of a chunk alone.
fn choices(told: &Told<'_>, open: impl Fn(u32) -> Value) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for lane in &told.lanes {
        let mut chunk = scalars(&told.first);
        chunk.insert("choices".into(), json!([open(*lane)]));
        chunk.insert("midstream".into(), told.midstream.clone());
        messages.push(Message::json("", Value::Object(chunk)));
    }
    messages.push(Message::word("", "[DONE]"));
    messages
}

/// What names a response in each of its chunks.
pub(super) fn scalars(first: &Value) -> Map<String, Value> {
    let all = first.as_object().into_iter().flatten();
    let names = all.filter(|(key, value)| {
        (value.is_string() || value.is_number()) && !matches!(key.as_str(), "obfuscation" | "p" | "sequence_number")
    });
    names.map(|(key, value)| (key.clone(), value.clone())).collect()
}
