//! Text in frames of which a dialect has read nothing: no check sees it.
//!
//! In an object that names its type only members that are named as text are that, since providers add events to their
//! formats. In any other, sentences are text too, whatever their name.

use serde_json::Value;

use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::redact::{is_constant, is_left_as_written};

/// Members that hold what a model wrote, in any format.
const TEXTS: [&str; 19] = [
    "answer",
    "completion",
    "completions",
    "content",
    "delta",
    "generated_text",
    "generation",
    "generations",
    "message",
    "output",
    "output_text",
    "outputs",
    "reasoning",
    "refusal",
    "reply",
    "response",
    "text",
    "thinking",
    "transcript",
];

/// Tells of a frame that the dialect does not know, if it holds text. That of an error is none.
pub(super) fn look(frame: &Frame<'_>, emit: &mut Emit<'_>) {
    if frame.kind != FrameKind::Message || emit.has_failed() || emit.texts_of_frame().next().is_some() {
        return;
    }
    let Ok(value) = serde_json::from_str::<Value>(frame.data) else { return };
    let is_typed = ["event_type", "object", "type"].iter().any(|key| value.get(key).is_some_and(Value::is_string));
    if (Look { sentences: !is_typed, is_delta: false }).finds_text(&value, "text") {
        emit.foreign_text(is_typed);
    }
}

/// What is taken for text.
#[derive(Clone, Copy)]
struct Look {
    sentences: bool,
    /// All strings of what a frame adds.
    is_delta: bool,
}

impl Look {
    /// `key` is the name of the member, or of the one whose list it is in.
    fn finds_text(self, value: &Value, key: &str) -> bool {
        match value {
            Value::String(text) if text.is_empty() || is_constant(key) || is_left_as_written(key, text) => false,
            Value::String(text) => self.is_delta || TEXTS.contains(&key) || (self.sentences && is_sentence(text)),
            Value::Array(values) => values.iter().any(|value| self.finds_text(value, key)),
            Value::Object(members) => {
                let inside = Self { is_delta: self.is_delta || key == "delta", ..self };
                members.iter().any(|(key, value)| inside.finds_text(value, key))
            }
            Value::Bool(_) | Value::Null | Value::Number(_) => false,
        }
    }
}

/// Whether a text has two words.
fn is_sentence(text: &str) -> bool {
    text.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).nth(1).is_some()
}

#[cfg(test)]
mod tests {
    use crate::EndingState;
    use crate::dialect::Dialect;
    use crate::dialect::sample::Sample;

    #[test]
    fn text_in_members_that_a_dialect_does_not_know_makes_the_format_unknown() {
        for (dialect, data) in [
            (Dialect::AnthropicMessages, r#"{"completion":"Hi"}"#),
            (Dialect::AnthropicMessages, r#"{"type":"completion","completion":"Hi"}"#),
            (Dialect::OpenaiChat, r#"{"content":"Hi"}"#),
            (Dialect::OpenaiChat, r#"{"output":["Hi"]}"#),
            (Dialect::OpenaiChat, r#"{"said":{"it":"Hi there"}}"#),
            (Dialect::OpenaiChat, r#""Hi""#),
            (Dialect::OpenaiChat, r#"["Hi"]"#),
            (Dialect::OpenaiCompletions, r#"{"generated_text":"Hi"}"#),
            (Dialect::OpenaiResponses, r#"{"output_text":"Hi"}"#),
            (Dialect::OpenaiResponses, r#"{"type":"response.novel.delta","delta":"Hi"}"#),
            (Dialect::OpenaiResponses, r#"{"type":"novel","delta":{"novel":"Hi"}}"#),
            (Dialect::Gemini, r#"{"text":"Hi"}"#),
            (Dialect::Ollama, r#"{"content":"Hi"}"#),
        ] {
            let notes = Sample::of(dialect, &[data]).ending().notes;
            assert!(notes.contains(&"unknown_format"), "{data}: {notes:?}");
        }
        let ending = Sample::of(Dialect::OpenaiChat, &[r#"{"content":"Hi"}"#]).ending();
        assert_eq!((ending.state, ending.notes), (EndingState::Complete, vec!["no_end_mark", "unknown_format"]));
    }

    #[test]
    fn what_providers_add_beside_text_is_none() {
        for (dialect, data) in [
            (Dialect::AnthropicMessages, r#"{"type":"ping"}"#),
            (Dialect::AnthropicMessages, r#"{"type":"novel","status":"It is running","id":"a_b","note":"a b"}"#),
            (Dialect::AnthropicMessages, r#"{"type":"midstream","warning":{"explanation":"a b c"}}"#),
            (Dialect::OpenaiChat, r#"{"id":"a","provider":"Some One","created":1,"usage":null}"#),
            (Dialect::OpenaiChat, r#"{"delta":{"role":"assistant","content":""}}"#),
            (Dialect::OpenaiChat, r#"{"choices":[],"prompt_filter_results":[{"note":"a b c"}]}"#),
            (Dialect::OpenaiChat, r#"{"usage":{"prompt_tokens":1},"queue":"position","at":"2026-01-01 10:00"}"#),
            (Dialect::OpenaiChat, r#"{"error":{"message":"no such model"}}"#),
            (Dialect::OpenaiResponses, r#"{"type":"response.novel","response":{"id":"r","object":"response"}}"#),
            (Dialect::Gemini, r#"{"usageMetadata":{"totalTokenCount":1},"modelVersion":"m"}"#),
        ] {
            let notes = Sample::of(dialect, &[data]).ending().notes;
            assert!(!notes.contains(&"unknown_format"), "{data}: {notes:?}");
        }
    }
}
