//! An answer in one piece that a decision stopped, as one that has reached its length.

use midstream_stream::{Dialect, Finding};
use serde_json::{Map, Value, json};

/// The answer with the reason of its length and a `midstream` object; `None` where its format has no such end.
pub(crate) fn finished(dialect: Dialect, body: &[u8], stop: &Finding) -> Option<Vec<u8>> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let first = match &mut answer {
        Value::Array(parts) => parts.last_mut()?.as_object_mut()?,
        other => other.as_object_mut()?,
    };
    finish(dialect, first, stop)?;
    first.insert("midstream".to_owned(), midstream(stop));
    Some(answer.to_string().into_bytes())
}

/// What is told of a stop beside an answer.
pub(crate) fn midstream(stop: &Finding) -> Value {
    json!({"ending": "halted", "check": stop.check, "kind": stop.kind, "action": stop.action})
}

fn finish(dialect: Dialect, answer: &mut Map<String, Value>, stop: &Finding) -> Option<()> {
    match dialect {
        Dialect::OpenaiChat => each(answer, "choices", "finish_reason", "length", stop, &["message", "content"]),
        Dialect::OpenaiCompletions if !answer.contains_key("choices") => llama_cpp(answer, stop),
        Dialect::OpenaiCompletions => each(answer, "choices", "finish_reason", "length", stop, &["text"]),
        Dialect::Gemini => each(answer, "candidates", "finishReason", "MAX_TOKENS", stop, &[]),
        Dialect::AnthropicMessages => {
            answer.get("content")?;
            answer.insert("stop_reason".to_owned(), "max_tokens".into());
            Some(())
        }
        Dialect::OpenaiResponses => {
            answer.get("output")?;
            answer.insert("status".to_owned(), "incomplete".into());
            answer.insert("incomplete_details".to_owned(), json!({"reason": "max_output_tokens"}));
            Some(())
        }
        Dialect::Ollama => {
            answer.get("done")?;
            answer.insert("done_reason".to_owned(), "length".into());
            Some(())
        }
        _ => None,
    }
}

/// Ends every choice, and the text of one that was stopped where it was.
fn each(
    answer: &mut Map<String, Value>,
    choices: &str,
    key: &str,
    reason: &str,
    stop: &Finding,
    text: &[&str],
) -> Option<()> {
    let choices = answer.get_mut(choices)?.as_array_mut()?;
    for (place, choice) in choices.iter_mut().enumerate() {
        choice.as_object_mut()?.insert(key.to_owned(), reason.into());
        let said = text.iter().try_fold(choice, |value, key| value.get_mut(*key)).filter(|_| !text.is_empty());
        cut(said, place as u64, stop);
    }
    Some(())
}

/// The same of llama.cpp's own format, which has no choices.
fn llama_cpp(answer: &mut Map<String, Value>, stop: &Finding) -> Option<()> {
    let place = answer.get("index").and_then(Value::as_u64).unwrap_or_default();
    let said = answer.get_mut("content")?;
    cut(Some(said), place, stop);
    answer.insert("stop_type".to_owned(), "limit".into());
    Some(())
}

/// Ends the text of a choice where it was stopped.
fn cut(said: Option<&mut Value>, choice: u64, stop: &Finding) {
    let is_stopped = stop.channel.as_deref() == Some(format!("choice:{choice}/text").as_str());
    if let (true, Some(Value::String(said)), Some(offset)) = (is_stopped, said, stop.offset) {
        *said = said.chars().take(usize::try_from(offset).unwrap_or(usize::MAX)).collect();
    }
}
