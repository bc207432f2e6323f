//! Streams whose secrets are tickets, and what passes of them.

use std::sync::{Arc, LazyLock};

use midstream_stream::redact::{Rule, RuleSet};
use midstream_stream::{Dialect, Options};
use serde_json::{Value, json};

use super::Run;

pub(crate) static RULES: LazyLock<Arc<RuleSet>> =
    LazyLock::new(|| Arc::new(RuleSet::new(&[Rule::new("ticket", r"\bTICKET-[0-9]{4}\b")]).unwrap()));

pub(crate) fn sse(events: &[Value]) -> String {
    let frame = |event: &Value| match event {
        Value::String(mark) => format!("data: {mark}\n\n"),
        event => match event["type"].as_str() {
            Some(name) => format!("event: {name}\ndata: {event}\n\n"),
            None => format!("data: {event}\n\n"),
        },
    };
    events.iter().map(frame).collect()
}

pub(crate) fn run(body: &str, size: usize, dialect: Dialect) -> Run {
    Run::with(body.as_bytes(), size, Options { rules: Some(Arc::clone(&RULES)), dialect, ..Options::default() })
}

/// At every cut `expected` passes.
pub(crate) fn assert_passes(dialect: Dialect, body: &str, expected: &str) {
    let whole = run(body, body.len(), dialect);
    assert_eq!(whole.passed(), expected, "{:?}", whole.findings);
    for size in [1, 7, 64] {
        let run = run(body, size, dialect);
        assert_eq!((run.passed(), &run.findings), (expected, &whole.findings), "{size} bytes a chunk");
    }
    assert!(!whole.said.contains("0042"), "{}", whole.said);
}

pub(crate) fn chat(delta: Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]})
}

pub(crate) fn chat_end(reason: &str) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

pub(crate) fn usage() -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
}
