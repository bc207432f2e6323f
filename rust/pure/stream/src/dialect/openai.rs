//! What the formats of the OpenAI family share: token counts, reasons, the transport's mark, the shape of a first frame.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::Dialect;
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::json::{self, Few, Leaf, Maybe};
use crate::{Reason, Usage, UsageSource};

/// Token counts under the names of chat (`prompt_tokens`) and of Responses (`input_tokens`).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts<'a> {
    #[serde(borrow)]
    prompt_tokens: Leaf<'a>,
    #[serde(borrow)]
    completion_tokens: Leaf<'a>,
    #[serde(borrow)]
    input_tokens: Leaf<'a>,
    #[serde(borrow)]
    output_tokens: Leaf<'a>,
    #[serde(borrow)]
    prompt_cache_hit_tokens: Leaf<'a>,
    #[serde(borrow)]
    prompt_tokens_details: Maybe<Details<'a>>,
    #[serde(borrow)]
    input_tokens_details: Maybe<Details<'a>>,
    #[serde(borrow)]
    input_token_details: Maybe<Details<'a>>,
    #[serde(borrow)]
    completion_tokens_details: Maybe<Details<'a>>,
    #[serde(borrow)]
    output_tokens_details: Maybe<Details<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details<'a> {
    #[serde(borrow)]
    cached_tokens: Leaf<'a>,
    #[serde(borrow)]
    cache_write_tokens: Leaf<'a>,
    #[serde(borrow)]
    reasoning_tokens: Leaf<'a>,
}

/// The counts that a `usage` object holds; `None` where it holds none.
pub(super) fn usage(leaf: Leaf<'_>) -> Option<Usage> {
    let counts: Counts<'_> = json::inside(Some(leaf?));
    let input_details = [&counts.prompt_tokens_details, &counts.input_tokens_details, &counts.input_token_details];
    let output_details = [&counts.completion_tokens_details, &counts.output_tokens_details];
    let input_detail = |field: fn(&Details<'_>) -> Option<u64>| {
        input_details.iter().filter_map(|details| details.as_ref()).find_map(field)
    };
    let output_detail = |field: fn(&Details<'_>) -> Option<u64>| {
        output_details.iter().filter_map(|details| details.as_ref()).find_map(field)
    };
    let usage = Usage {
        input: json::integer(counts.prompt_tokens).or(json::integer(counts.input_tokens)),
        output: json::integer(counts.completion_tokens).or(json::integer(counts.output_tokens)),
        reasoning: output_detail(|details| json::integer(details.reasoning_tokens)),
        cache_read: input_detail(|details| json::integer(details.cached_tokens))
            .or(json::integer(counts.prompt_cache_hit_tokens)),
        cache_write: input_detail(|details| json::integer(details.cache_write_tokens)),
        source: UsageSource::Reported,
    };
    (usage.input.is_some() || usage.output.is_some()).then_some(usage)
}

/// MidStream's word for a finish reason of chat or completions.
pub(super) fn reason(raw: &str) -> Reason {
    match raw {
        "stop" | "end_turn" | "eos" | "eos_token" | "stop_sequence" | "completed" | "COMPLETE" => Reason::Stop,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" | "MAX_TOKENS" => Reason::Length,
        "tool_calls" | "function_call" | "tool_use" => Reason::Tool,
        "content_filter" | "content_filtered" | "safety" | "sensitive" => Reason::Filter,
        "refusal" => Reason::Refusal,
        "pause_turn" => Reason::Pause,
        "error" | "network_error" | "insufficient_system_resource" => Reason::Error,
        _ => Reason::Other,
    }
}

/// Whether the frame is the transport's mark, `[DONE]`; then it is marked and answered. It ends every open tool call.
pub(super) fn is_done(frame: &Frame<'_>, emit: &mut Emit<'_>) -> bool {
    let done = frame.kind == FrameKind::Message && frame.data.trim() == "[DONE]";
    if done {
        emit.all_tools_end();
        emit.end().mark();
        emit.other("[DONE]");
    }
    done
}

/// The keys that tell the family's formats apart.
#[derive(Default)]
struct Head<'a> {
    object: Leaf<'a>,
    choices: Few<Choice<'a>>,
    error: Leaf<'a>,
    kind: Leaf<'a>,
    event: Leaf<'a>,
    event_id: Leaf<'a>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Choices,
    Error,
    Event,
    EventId,
    Object,
    Type,
    #[serde(other)]
    Other,
}

/// Fills a head as far as the JSON can be read: a frame that is broken further on shows its format all the same.
struct Fill<'h, 'a>(&'h mut Head<'a>);

impl<'a> Visitor<'a> for Fill<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key()? {
            match key {
                Key::Choices => self.0.choices = map.next_value()?,
                Key::Error => self.0.error = map.next_value()?,
                Key::Event => self.0.event = map.next_value()?,
                Key::EventId => self.0.event_id = map.next_value()?,
                Key::Object => self.0.object = map.next_value()?,
                Key::Type => self.0.kind = map.next_value()?,
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Leaf<'a>,
    #[serde(borrow, default)]
    message: Leaf<'a>,
    #[serde(borrow, default)]
    text: Leaf<'a>,
}

/// The dialect that a frame shows, of the OpenAI family.
pub(super) fn sniff(frame: &Frame<'_>) -> Option<Dialect> {
    let head = head(frame);
    let object = json::string(head.object).unwrap_or_default();
    match object.as_ref() {
        "chat.completion" | "chat.completion.chunk" => return Some(Dialect::OpenaiChat),
        "text_completion" => return Some(Dialect::OpenaiCompletions),
        "response" => return Some(Dialect::OpenaiResponses),
        _ => {}
    }
    let event = json::string(head.event).unwrap_or(frame.name.into());
    if object.starts_with("thread.") || event.starts_with("thread.") {
        return Some(Dialect::OpenaiAssistants);
    }
    let kind = json::string(head.kind).unwrap_or_default();
    if is_realtime(&kind, frame.kind, head.event_id.is_some()) {
        return Some(Dialect::OpenaiRealtime);
    }
    if kind.starts_with("response.") && frame.kind == FrameKind::Message {
        return Some(Dialect::OpenaiResponses);
    }
    let choice = head.choices.iter().next();
    let completions = choice.is_some_and(|choice| choice.delta.or(choice.message).is_none() && choice.text.is_some());
    match head.choices.given {
        true if completions => Some(Dialect::OpenaiCompletions),
        given => given.then_some(Dialect::OpenaiChat),
    }
}

/// As chat, a body that is nothing but an error in the family's shape.
pub(super) fn sniff_error(frame: &Frame<'_>) -> Option<Dialect> {
    let head = head(frame);
    (head.error?.get().starts_with('{') && head.kind.is_none()).then_some(Dialect::OpenaiChat)
}

/// As chat, a body that ended before more than an empty list of choices came.
pub(super) fn sniff_beginning(frame: &Frame<'_>) -> Option<Dialect> {
    let choices = serde_json::from_str::<Maybe<Choices<'_>>>(frame.data).ok()?.0?.choices?;
    choices.get().starts_with('[').then_some(Dialect::OpenaiChat)
}

/// The key that every chunk of chat has, whatever else it lacks.
#[derive(serde::Deserialize)]
struct Choices<'a> {
    #[serde(borrow, default)]
    choices: json::Leaf<'a>,
}

/// Realtime shares names with Responses; its server's events have an id, and its client sends events too.
fn is_realtime(kind: &str, sender: FrameKind, has_id: bool) -> bool {
    const OWN: [&str; 5] =
        ["conversation.", "input_audio_buffer.", "output_audio_buffer.", "session.", "transcription_"];
    OWN.iter().any(|own| kind.starts_with(own))
        || (kind.starts_with("response.") && (has_id || sender == FrameKind::Sent))
        || (kind == "error" && has_id)
}

fn head<'a>(frame: &Frame<'a>) -> Head<'a> {
    let mut head = Head::default();
    let _ = serde_json::Deserializer::from_str(frame.data).deserialize_map(Fill(&mut head));
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniffed(data: &str) -> Option<Dialect> {
        let kind = FrameKind::Message;
        sniff(&Frame { kind, name: "", data, bytes: 0..data.len() as u64, data_at: Some(0) })
    }

    #[test]
    fn chat_and_completions_are_told_by_object_or_by_the_shape_of_a_choice() {
        assert_eq!(sniffed(r#"{"object": "chat.completion.chunk", "choices": []}"#), Some(Dialect::OpenaiChat));
        assert_eq!(sniffed(r#"{"choices": [{"delta": {}}]}"#), Some(Dialect::OpenaiChat));
        assert_eq!(sniffed(r#"{"choices": [{"message": {}}]}"#), Some(Dialect::OpenaiChat));
        assert_eq!(sniffed(r#"{"choices": [{"text": ""}]}"#), Some(Dialect::OpenaiCompletions));
    }

    #[test]
    fn a_mark_alone_could_be_of_several_and_an_empty_list_of_choices_is_chat() {
        assert_eq!(sniffed("[DONE]"), None);
        assert_eq!(sniffed("[1]"), None);
        assert_eq!(sniffed(r#"{"choices": [], "object": ""}"#), Some(Dialect::OpenaiChat));
    }

    #[test]
    fn json_that_is_broken_further_on_shows_its_format() {
        assert_eq!(sniffed(r#"{"type": "response.created", "response": {"id": 1"#), Some(Dialect::OpenaiResponses));
        assert_eq!(sniffed(r#"{"object": "chat.completion.chunk", "choices": [{"#), Some(Dialect::OpenaiChat));
        assert_eq!(sniffed(r#"{"id": "#), None);
    }

    #[test]
    fn usage_reads_the_names_of_chat_and_of_responses() {
        let of = |text| usage(serde_json::from_str(text).unwrap());
        let chat = of(r#"{"prompt_tokens": 3, "completion_tokens": 4, "prompt_cache_hit_tokens": 2,
            "completion_tokens_details": {"reasoning_tokens": 1}, "prompt_tokens_details": null}"#)
        .unwrap();
        assert_eq!((chat.input, chat.output, chat.reasoning, chat.cache_read), (Some(3), Some(4), Some(1), Some(2)));
        let responses =
            of(r#"{"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
            "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 5}}"#)
            .unwrap();
        assert_eq!((responses.cache_read, responses.cache_write, responses.reasoning), (Some(1), Some(2), Some(5)));
        assert_eq!(of(r#"{"prompt_tokens": null}"#), None);
        assert_eq!(of(r#""many""#), None);
    }
}
