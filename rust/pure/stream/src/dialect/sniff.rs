use serde::Deserialize;

use super::{Dialect, cohere_first, langchain};
use crate::decode::{Frame, FrameKind};
use crate::json::{Leaf, Maybe, inside, integer, string, words};

/// The keys that tell providers apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default, rename = "stop_reason")]
    stop_reason: Leaf<'a>,
    #[serde(borrow, default, rename = "event_id")]
    event_id: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
    #[serde(borrow, default)]
    model: Leaf<'a>,
    #[serde(borrow, default)]
    done: Leaf<'a>,
    #[serde(borrow, default)]
    bytes: Leaf<'a>,
    #[serde(borrow, default)]
    candidates: Leaf<'a>,
    #[serde(borrow, default)]
    content: Leaf<'a>,
    #[serde(borrow, default)]
    stop: Leaf<'a>,
    #[serde(borrow, default)]
    prompt_feedback: Leaf<'a>,
    #[serde(borrow, default)]
    model_version: Leaf<'a>,
    #[serde(borrow, default, rename = "event_type")]
    event_type: Leaf<'a>,
    #[serde(borrow, default)]
    setup_complete: Leaf<'a>,
    #[serde(borrow, default)]
    server_content: Leaf<'a>,
    #[serde(borrow, default)]
    tool_call: Leaf<'a>,
    #[serde(borrow, default)]
    session_resumption_update: Leaf<'a>,
    #[serde(borrow, default)]
    message_start: Leaf<'a>,
    #[serde(borrow, default)]
    content_block_start: Leaf<'a>,
    #[serde(borrow, default)]
    content_block_delta: Leaf<'a>,
    #[serde(borrow, default)]
    content_block_stop: Leaf<'a>,
    #[serde(borrow, default)]
    message_stop: Leaf<'a>,
    #[serde(borrow, default)]
    internal_server_exception: Leaf<'a>,
    #[serde(borrow, default)]
    model_stream_error_exception: Leaf<'a>,
    #[serde(borrow, default)]
    service_unavailable_exception: Leaf<'a>,
    #[serde(borrow, default)]
    throttling_exception: Leaf<'a>,
    #[serde(borrow, default)]
    validation_exception: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fault<'a> {
    #[serde(borrow)]
    r#type: Leaf<'a>,
    #[serde(borrow)]
    code: Leaf<'a>,
    #[serde(borrow)]
    status: Leaf<'a>,
}

/// What a client sends to Gemini Live, under the names of both its spellings.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    #[serde(borrow, default)]
    setup: Leaf<'a>,
    #[serde(borrow, default, alias = "client_content")]
    client_content: Leaf<'a>,
    #[serde(borrow, default, alias = "realtime_input")]
    realtime_input: Leaf<'a>,
    #[serde(borrow, default, alias = "tool_response")]
    tool_response: Leaf<'a>,
}

/// The dialect that a frame shows, of the providers outside the OpenAI family.
pub(super) fn outside_openai(frame: &Frame<'_>) -> Option<Dialect> {
    if frame.kind == FrameKind::Exception {
        return Some(Dialect::BedrockConverse);
    }
    if matches!(
        frame.name,
        "contentBlockDelta" | "contentBlockStart" | "contentBlockStop" | "messageStart" | "messageStop"
    ) {
        return Some(Dialect::BedrockConverse);
    }
    if frame.kind == FrameKind::Sent {
        return by_request(frame);
    }
    let Maybe(Some(head)) = serde_json::from_str::<Maybe<Head<'_>>>(frame.data).ok()? else { return None };
    string(head.r#type).and_then(|name| by_type(&name, &head)).or_else(|| by_keys(frame, &head))
}

fn by_type(name: &str, head: &Head<'_>) -> Option<Dialect> {
    match name {
        "content_block_delta"
        | "content_block_start"
        | "content_block_stop"
        | "message_delta"
        | "message_start"
        | "message_stop" => Some(Dialect::AnthropicMessages),
        "message" if head.stop_reason.is_some() => Some(Dialect::AnthropicMessages),
        "error" if head.event_id.is_none() => {
            let fault: Fault<'_> = inside(head.error);
            (fault.r#type.is_some() && fault.code.is_none()).then_some(Dialect::AnthropicMessages)
        }
        name if langchain::is_chunk(name) => Some(Dialect::Langchain),
        "citation-start" | "content-delta" | "content-start" | "message-end" | "message-start" | "tool-call-start"
        | "tool-plan-delta" => Some(Dialect::Cohere),
        _ => None,
    }
}

fn by_request(frame: &Frame<'_>) -> Option<Dialect> {
    let Maybe(Some(sent)) = serde_json::from_str::<Maybe<Sent<'_>>>(frame.data).ok()? else { return None };
    let keys = [sent.client_content, sent.realtime_input, sent.setup, sent.tool_response];
    keys.iter().any(Option::is_some).then_some(Dialect::GeminiLive)
}

fn is_interaction(name: &str) -> bool {
    ["content.", "interaction.", "step."].iter().any(|prefix| name.starts_with(prefix))
}

fn by_keys(frame: &Frame<'_>, head: &Head<'_>) -> Option<Dialect> {
    if head.bytes.is_some() && frame.name == "chunk" {
        return Some(Dialect::BedrockInvoke);
    }
    let converse = [
        head.content_block_delta,
        head.content_block_start,
        head.content_block_stop,
        head.internal_server_exception,
        head.message_start,
        head.message_stop,
        head.model_stream_error_exception,
        head.service_unavailable_exception,
        head.throttling_exception,
        head.validation_exception,
    ];
    if converse.iter().any(Option::is_some) {
        return Some(Dialect::BedrockConverse);
    }
    if [head.server_content, head.session_resumption_update, head.setup_complete, head.tool_call]
        .iter()
        .any(Option::is_some)
    {
        return Some(Dialect::GeminiLive);
    }
    // Google's errors have a number and a word: `{"code": 429, "status": "RESOURCE_EXHAUSTED"}`.
    let fault: Fault<'_> = inside(head.error);
    let is_google_fault = integer(fault.code).is_some() && string(fault.status).is_some();
    if is_google_fault || [head.candidates, head.model_version, head.prompt_feedback].iter().any(Option::is_some) {
        return Some(Dialect::Gemini);
    }
    match string(head.event_type) {
        Some(name) if is_interaction(&name) => return Some(Dialect::GeminiInteractions),
        Some(name) if cohere_first::is_event(&name) => return Some(Dialect::Cohere),
        _ => {}
    }
    let is_boolean = |leaf: Leaf<'_>| leaf.is_some_and(|leaf| matches!(leaf.get(), "false" | "true"));
    // llama.cpp's own completions, which stand where OpenAI's do.
    if is_boolean(head.stop) && head.content.is_some_and(|content| content.get().starts_with('"')) {
        return Some(Dialect::OpenaiCompletions);
    }
    // Ollama's errors are a sentence alone, and no other format's are.
    (words(head.error).is_some() || head.model.is_some() && is_boolean(head.done)).then_some(Dialect::Ollama)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniffed(kind: FrameKind, name: &str, data: &str) -> Option<Dialect> {
        super::super::sniff(&Frame { kind, name, data, bytes: 0..data.len() as u64, data_at: Some(0) })
    }

    #[test]
    fn one_frame_shows_the_provider() {
        let frames = [
            (r#"{"type": "message_start", "message": {}}"#, Dialect::AnthropicMessages),
            (r#"{"type": "error", "error": {"type": "overloaded_error"}}"#, Dialect::AnthropicMessages),
            (r#"{"type": "message", "content": [], "stop_reason": "end_turn"}"#, Dialect::AnthropicMessages),
            (r#"{"contentBlockDelta": {"delta": {}}}"#, Dialect::BedrockConverse),
            (r#"{"type": "message-start"}"#, Dialect::Cohere),
            (r#"{"candidates": []}"#, Dialect::Gemini),
            (r#"{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}"#, Dialect::Gemini),
            (r#"{"event_type": "interaction.created"}"#, Dialect::GeminiInteractions),
            (r#"{"setupComplete": {}}"#, Dialect::GeminiLive),
            (r#"{"type": "AIMessageChunk", "content": ""}"#, Dialect::Langchain),
            (r#"{"model": "m", "done": false}"#, Dialect::Ollama),
            (r#"{"index": 0, "content": "", "stop": false}"#, Dialect::OpenaiCompletions),
            (r#"{"error": "model \"m\" not found"}"#, Dialect::Ollama),
        ];
        for (data, dialect) in frames {
            assert_eq!(sniffed(FrameKind::Message, "", data), Some(dialect), "{data}");
        }
    }

    #[test]
    fn names_and_kinds_of_frames_show_it_too() {
        assert_eq!(sniffed(FrameKind::Message, "messageStart", "{}"), Some(Dialect::BedrockConverse));
        assert_eq!(sniffed(FrameKind::Message, "chunk", r#"{"bytes": "e30="}"#), Some(Dialect::BedrockInvoke));
        assert_eq!(sniffed(FrameKind::Exception, "throttlingException", ""), Some(Dialect::BedrockConverse));
        assert_eq!(sniffed(FrameKind::Sent, "", r#"{"client_content": {}}"#), Some(Dialect::GeminiLive));
    }

    #[test]
    fn what_could_be_several_is_left_open() {
        for data in [r#"{"type": "ping"}"#, "{}", "[", "7"] {
            assert_eq!(sniffed(FrameKind::Message, "", data), None, "{data}");
        }
    }
}
