//! LangChain's message chunks as JSON: one form for the answers of every provider that it speaks to.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::openai_calls::Calls;
use super::{Parse, openai, payload};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{self, Leaf, List, Maybe, integer, string, words};
use crate::{ChannelKey, ChannelKind, Place, Usage, UsageSource};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    content: Leaf<'a>,
    #[serde(borrow, default)]
    additional_kwargs: Maybe<Beside<'a>>,
    #[serde(borrow, default)]
    response_metadata: Maybe<Metadata<'a>>,
    #[serde(borrow, default)]
    tool_call_chunks: List<Call<'a>>,
    #[serde(borrow, default)]
    tool_calls: List<Call<'a>>,
    #[serde(borrow, default)]
    usage_metadata: Maybe<Counts<'a>>,
}

/// What has no place in `content`.
#[derive(Deserialize)]
struct Beside<'a> {
    #[serde(borrow, default)]
    reasoning_content: Leaf<'a>,
    #[serde(borrow, default)]
    refusal: Leaf<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    model_provider: Leaf<'a>,
    #[serde(borrow, default)]
    model_name: Leaf<'a>,
    #[serde(borrow, default)]
    model: Leaf<'a>,
    #[serde(borrow, default)]
    finish_reason: Leaf<'a>,
    #[serde(borrow, default)]
    stop_reason: Leaf<'a>,
    #[serde(borrow, default)]
    done_reason: Leaf<'a>,
    #[serde(borrow, default)]
    status: Leaf<'a>,
    #[serde(borrow, default)]
    incomplete_details: Maybe<Incomplete<'a>>,
}

#[derive(Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow, default)]
    reason: Leaf<'a>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    name: Leaf<'a>,
    #[serde(borrow, default)]
    args: Leaf<'a>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    thinking: Leaf<'a>,
    #[serde(borrow, default)]
    reasoning: Leaf<'a>,
    #[serde(borrow, default)]
    summary: List<Thought<'a>>,
    #[serde(borrow, default)]
    refusal: Leaf<'a>,
}

#[derive(Deserialize)]
struct Thought<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
}

#[derive(Deserialize)]
struct Counts<'a> {
    #[serde(borrow, default)]
    input_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    output_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    input_token_details: Maybe<InputDetails<'a>>,
    #[serde(borrow, default)]
    output_token_details: Maybe<OutputDetails<'a>>,
}

#[derive(Deserialize)]
struct InputDetails<'a> {
    #[serde(borrow, default)]
    cache_read: Leaf<'a>,
    #[serde(borrow, default)]
    cache_creation: Leaf<'a>,
}

#[derive(Deserialize)]
struct OutputDetails<'a> {
    #[serde(borrow, default)]
    reasoning: Leaf<'a>,
}

/// Reads the chunks of LangChain's chat models.
#[derive(Debug, Default)]
pub(crate) struct Langchain {
    started: bool,
    /// A provider is named, and all of them give a reason.
    has_provider: bool,
    /// The last answer has its reason.
    ended: bool,
    calls: Calls,
    usage: Usage,
}

const TEXT: ChannelKey = ChannelKey::new(Place::Choice, 0, ChannelKind::Text);
const REASONING: ChannelKey = ChannelKey::new(Place::Choice, 0, ChannelKind::Reasoning);
const REFUSAL: ChannelKey = ChannelKey::new(Place::Choice, 0, ChannelKind::Refusal);

/// Whether a frame is a chunk of a LangChain message.
pub(super) fn is_chunk(name: &str) -> bool {
    name == "AIMessageChunk"
}

impl Parse for Langchain {
    /// Chunks of a model that names no provider, as those of tests, have no reason at their end.
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().accept_clean_close();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        let name = string(wire.r#type).unwrap_or_default();
        if !is_chunk(&name) && name != "ai" {
            return emit.other(&name);
        }
        let metadata = wire.response_metadata.as_ref();
        if !self.has_provider && metadata.is_some_and(|metadata| metadata.model_provider.is_some()) {
            self.has_provider = true;
            emit.end().refuse_clean_close();
        }
        emit.end().seen(0);
        let model = metadata.and_then(|metadata| string(metadata.model_name).or(string(metadata.model)));
        if !self.started || model.is_some() && !emit.has_model() {
            self.started = true;
            emit.start(&string(wire.id).unwrap_or_default(), &model.unwrap_or_default());
        }
        self.content(&wire, emit);
        self.counts(wire.usage_metadata.as_ref(), emit);
        if let Some(raw) = metadata.and_then(reason) {
            self.ended = true;
            emit.tools_end(Place::Choice, 0);
            emit.finish(0, openai::reason(&raw.to_ascii_lowercase()), &raw);
        }
        if emit.is_silent() {
            emit.other(&name);
        }
    }
}

impl Langchain {
    /// An agent's stream holds several answers: what comes behind a reason belongs to the next.
    fn content(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        let before = emit.count();
        if let Some(beside) = wire.additional_kwargs.as_ref() {
            fragment(REASONING, beside.reasoning_content, emit);
            fragment(REFUSAL, beside.refusal, emit);
        }
        match wire.content {
            Some(list) if list.get().starts_with('[') => parts(list, emit),
            text => fragment(TEXT, text, emit),
        }
        let calls = if wire.tool_call_chunks.iter().len() > 0 { &wire.tool_call_chunks } else { &wire.tool_calls };
        for call in calls {
            self.calls.piece(0, (call.index, call.id), (call.name, call.args), emit);
        }
        if emit.count() > before && std::mem::take(&mut self.ended) {
            emit.end().open(0);
            emit.next_response();
            self.usage = Usage::default();
            self.calls = Calls::default();
        }
    }

    /// The counts of the chunks are added, as LangChain adds the chunks.
    fn counts(&mut self, counts: Option<&Counts<'_>>, emit: &mut Emit<'_>) {
        let Some(counts) = counts else { return };
        let input = counts.input_token_details.as_ref();
        self.usage = self.usage.plus(Usage {
            input: integer(counts.input_tokens),
            output: integer(counts.output_tokens),
            reasoning: counts.output_token_details.as_ref().and_then(|details| integer(details.reasoning)),
            cache_read: input.and_then(|details| integer(details.cache_read)),
            cache_write: input.and_then(|details| integer(details.cache_creation)),
            source: UsageSource::Reported,
        });
        emit.usage(self.usage);
    }
}

/// The provider's own word, under the name that its integration keeps it by.
fn reason<'a>(metadata: &Metadata<'a>) -> Option<std::borrow::Cow<'a, str>> {
    let named = [metadata.finish_reason, metadata.stop_reason, metadata.done_reason];
    if let Some(raw) = named.into_iter().find_map(words) {
        return string(Some(raw));
    }
    let status = string(metadata.status)?;
    match &*status {
        "incomplete" => {
            string(metadata.incomplete_details.as_ref().and_then(|details| details.reason)).or(Some(status))
        }
        "in_progress" | "queued" => None,
        "failed" => Some("error".into()),
        _ => Some(status),
    }
}

fn fragment(key: ChannelKey, text: Leaf<'_>, emit: &mut Emit<'_>) {
    if let Some(text) = words(text) {
        emit.fragment(key, text);
    }
}

/// Content in parts; a call stands in `tool_call_chunks` as well.
fn parts(list: &RawValue, emit: &mut Emit<'_>) {
    for part in json::inside::<List<Part<'_>>>(Some(list)).iter() {
        fragment(REASONING, part.thinking.or(part.reasoning), emit);
        part.summary.iter().for_each(|thought| fragment(REASONING, thought.text, emit));
        fragment(REFUSAL, part.refusal, emit);
        fragment(TEXT, part.text, emit);
    }
}

crate::keep::keep!(struct Langchain { started, has_provider, ended, calls, usage });

#[cfg(test)]
mod tests {
    use crate::dialect::{Dialect, sample::Sample};
    use crate::{EndingState, UsageSource};

    fn chunk(fields: &str) -> String {
        format!(r#"{{"type":"AIMessageChunk","id":"lc_run--1","chunk_position":null,{fields}}}"#)
    }

    fn read(frames: &[String]) -> Sample {
        Sample::of(Dialect::Auto, &frames.iter().map(String::as_str).collect::<Vec<_>>())
    }

    const OPENAI: &str = r#""response_metadata":{"model_provider":"openai"}"#;

    #[test]
    fn text_reason_and_usage_are_read() {
        let frames = [
            chunk(&format!(r#""content":"",{OPENAI}"#)),
            chunk(&format!(r#""content":"Hi",{OPENAI},"additional_kwargs":{{"reasoning_content":"Hm"}}"#)),
            chunk(
                r#""content":"","response_metadata":{"finish_reason":"stop","model_name":"m","model_provider":"openai"}"#,
            ),
            chunk(
                r#""content":"","response_metadata":{},"usage_metadata":{"input_tokens":3,"output_tokens":4,"output_token_details":{"reasoning":2}}"#,
            ),
        ];
        let sample = read(&frames);
        let lines = [
            "start lc_run--1 ",
            "reasoning choice:0/reasoning Hm",
            "text choice:0/text Hi",
            "start lc_run--1 m",
            "finish 0 stop stop",
            "usage Some(3) Some(4)",
        ];
        assert_eq!((sample.dialect, sample.lines()), (Dialect::Langchain, lines.map(String::from).to_vec()));
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec![]));
        assert_eq!(sample.known.usage().reasoning, Some(2));
        assert_eq!(read(&frames[..2]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn content_in_parts_gives_text_and_reasoning() {
        let parts = r#""content":[{"type":"thinking","thinking":"Hm","index":0},{"type":"reasoning","summary":[{"type":"summary_text","text":"so"}]},{"type":"text","text":"Hi","index":1},{"type":"tool_use","name":"a"}]"#;
        let sample = read(&[chunk(&format!("{parts},{OPENAI}"))]);
        assert_eq!((sample.text("choice:0/reasoning"), sample.text("choice:0/text")), ("Hmso".into(), "Hi".into()));
    }

    #[test]
    fn fragments_of_a_call_join_by_index() {
        let sample = read(&[
            chunk(&format!(
                r#""content":"","tool_calls":[{{"name":"search","args":{{}},"id":"c1"}}],"tool_call_chunks":[{{"name":"search","args":"{{\"q\":","id":"c1","index":0}}],{OPENAI}"#
            )),
            chunk(r#""content":"","tool_call_chunks":[{"name":null,"args":" 1}","id":null,"index":0}]"#),
            chunk(r#""content":"","response_metadata":{"finish_reason":"tool_calls"}"#),
        ]);
        let lines = [
            "tool_start choice:0/tool:0 c1 search",
            r#"tool_args choice:0/tool:0 {"q":"#,
            "tool_args choice:0/tool:0  1}",
            "tool_end choice:0/tool:0 Some(true)",
            "finish 0 tool tool_calls",
        ];
        assert_eq!(sample.only(&["tool_start", "tool_args", "tool_end", "finish"]), lines);
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn every_integrations_word_for_a_reason_is_read() {
        let words = [
            (r#"{"finish_reason":"MAX_TOKENS"}"#, "finish 0 length MAX_TOKENS"),
            (r#"{"stop_reason":"end_turn"}"#, "finish 0 stop end_turn"),
            (r#"{"done_reason":"stop","done":true}"#, "finish 0 stop stop"),
            (r#"{"status":"completed"}"#, "finish 0 stop completed"),
            (
                r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#,
                "finish 0 length max_output_tokens",
            ),
            (r#"{"status":"failed"}"#, "finish 0 error error"),
        ];
        for (metadata, line) in words {
            let sample = read(&[chunk(&format!(r#""content":"x","response_metadata":{metadata}"#))]);
            assert_eq!(sample.only(&["finish"]), [line]);
        }
        let running =
            read(&[chunk(r#""content":"x","response_metadata":{"status":"in_progress","model_provider":"openai"}"#)]);
        assert_eq!(running.ending().state, EndingState::Truncated);
    }

    #[test]
    fn a_model_that_names_no_provider_ends_with_its_iterator() {
        let ending = read(&[chunk(r#""content":"Hi","response_metadata":{}"#)]).ending();
        assert_eq!((ending.state, ending.notes), (EndingState::Complete, vec!["no_end_mark"]));
    }

    #[test]
    fn counts_of_chunks_and_of_answers_add_up() {
        let answer = |reason: &str| {
            [
                chunk(&format!(r#""content":"Hi","usage_metadata":{{"input_tokens":3,"output_tokens":0}},{OPENAI}"#)),
                chunk(&format!(
                    r#""content":"","usage_metadata":{{"input_tokens":0,"output_tokens":4}},"response_metadata":{{"stop_reason":"{reason}"}}"#
                )),
            ]
        };
        let sample = read(&[answer("tool_use"), answer("end_turn")].concat());
        let usage = sample.known.usage();
        assert_eq!((usage.input, usage.output, usage.source), (Some(6), Some(8), UsageSource::Reported));
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn a_whole_message_is_read_and_messages_of_others_are_not() {
        let sample = Sample::of(
            Dialect::Langchain,
            &[
                r#"{"type":"tool","content":"42","tool_call_id":"c1"}"#,
                r#"{"type":"ai","content":"Hi","tool_calls":[{"name":"a","args":{"x": 1},"id":"c2"}],"response_metadata":{"finish_reason":"stop"}}"#,
            ],
        );
        assert_eq!(sample.text("choice:0/text"), "Hi");
        assert_eq!(sample.only(&["tool_args", "other"]), ["other tool", r#"tool_args choice:0/tool:0 {"x": 1}"#]);
    }
}
