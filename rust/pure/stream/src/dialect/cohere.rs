//! Cohere chat: in version 2 `message-start`, content by index, tool plan and calls, `message-end`.

use serde::Deserialize;

use super::payload::{self, index};
use super::{Parse, cohere_first};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{Leaf, Maybe, integer, string};
use crate::{ChannelKey, ChannelKind, Place, Reason, Usage, UsageSource};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    event_type: Leaf<'a>,
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    delta: Maybe<Delta<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    message: Maybe<Message<'a>>,
    #[serde(borrow, default)]
    finish_reason: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
    #[serde(borrow, default)]
    usage: Maybe<Counts<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Maybe<Content<'a>>,
    #[serde(borrow, default)]
    tool_plan: Leaf<'a>,
    #[serde(borrow, default)]
    tool_calls: Maybe<Call<'a>>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    thinking: Leaf<'a>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    function: Maybe<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Leaf<'a>,
    #[serde(borrow, default)]
    arguments: Leaf<'a>,
}

#[derive(Deserialize)]
pub(super) struct Counts<'a> {
    #[serde(borrow, default)]
    tokens: Maybe<Tokens<'a>>,
    #[serde(borrow, default)]
    billed_units: Maybe<Tokens<'a>>,
    #[serde(borrow, default)]
    cached_tokens: Leaf<'a>,
}

#[derive(Deserialize)]
struct Tokens<'a> {
    #[serde(borrow, default)]
    input_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    output_tokens: Leaf<'a>,
}

/// Reads Cohere chat.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cohere;

/// The plan before the tool calls belongs to the message, not to a block of it.
pub(super) const PLAN: ChannelKey = ChannelKey::new(Place::Choice, 0, ChannelKind::Reasoning);

impl Parse for Cohere {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        if wire.event_type.is_some() {
            return cohere_first::frame(frame, emit);
        }
        let name = string(wire.r#type).unwrap_or(frame.name.into());
        let index = index(wire.index);
        let delta = wire.delta.as_ref();
        let message = delta.and_then(|delta| delta.message.as_ref());
        match &*name {
            "content-delta" | "content-start" => content(index, message, emit),
            "tool-plan-delta" => fragment(PLAN, message.and_then(|message| message.tool_plan), emit),
            "tool-call-delta" | "tool-call-start" => call(index, &name, message, emit),
            "tool-call-end" => emit.tool_end(tool(index)),
            "citation-start" => emit.citation(),
            "message-start" => {
                emit.next_response();
                emit.end().open(0);
                emit.start(&string(wire.id).unwrap_or_default(), "");
            }
            "message-end" => message_end(delta, emit),
            "content-end" => {
                emit.place_ends(Place::Block, index);
                emit.other(&name);
            }
            "citation-end" | "debug" => emit.other(&name),
            _ => payload::unknown(&name, emit),
        }
        if emit.is_silent() {
            emit.other(&name);
        }
    }
}

pub(super) fn tool(index: u32) -> ChannelKey {
    ChannelKey::new(Place::Block, index, ChannelKind::Tool)
}

pub(super) fn fragment(key: ChannelKey, text: Leaf<'_>, emit: &mut Emit<'_>) {
    emit.end().seen(0);
    if let Some(text) = text {
        emit.fragment(key, text);
    }
}

fn content(index: u32, message: Option<&Message<'_>>, emit: &mut Emit<'_>) {
    let Some(content) = message.and_then(|message| message.content.as_ref()) else { return };
    fragment(ChannelKey::new(Place::Block, index, ChannelKind::Reasoning), content.thinking, emit);
    fragment(ChannelKey::new(Place::Block, index, ChannelKind::Text), content.text, emit);
}

/// A start may carry the first piece of the arguments.
fn call(index: u32, name: &str, message: Option<&Message<'_>>, emit: &mut Emit<'_>) {
    let Some(call) = message.and_then(|message| message.tool_calls.as_ref()) else { return };
    let function = call.function.as_ref();
    if name == "tool-call-start" {
        let tool_name = function.and_then(|function| string(function.name)).unwrap_or_default();
        emit.tool_start(tool(index), &string(call.id).unwrap_or_default(), &tool_name);
    }
    fragment(tool(index), function.and_then(|function| function.arguments), emit);
}

/// `message-end` is the end even where it gives no reason.
fn message_end(delta: Option<&Delta<'_>>, emit: &mut Emit<'_>) {
    counts(delta.and_then(|delta| delta.usage.as_ref()), emit);
    if let Some(error) = delta.and_then(|delta| string(delta.error)) {
        emit.error("", &error, false);
    }
    finish(delta.and_then(|delta| delta.finish_reason), emit);
}

pub(super) fn finish(raw: Leaf<'_>, emit: &mut Emit<'_>) {
    match string(raw) {
        Some(raw) => emit.finish(0, reason(&raw), &raw),
        None => emit.end().mark(),
    }
}

/// What was counted comes before what was billed.
pub(super) fn counts(counts: Option<&Counts<'_>>, emit: &mut Emit<'_>) {
    let Some(counts) = counts else { return };
    let Some(tokens) = counts.tokens.as_ref().or(counts.billed_units.as_ref()) else { return };
    emit.usage(Usage {
        input: integer(tokens.input_tokens),
        output: integer(tokens.output_tokens),
        cache_read: integer(counts.cached_tokens),
        source: UsageSource::Reported,
        ..Usage::default()
    });
}

pub(super) fn reason(raw: &str) -> Reason {
    match raw {
        "COMPLETE" | "STOP_SEQUENCE" => Reason::Stop,
        "ERROR" | "ERROR_LIMIT" | "TIMEOUT" => Reason::Error,
        "ERROR_TOXIC" => Reason::Filter,
        "MAX_TOKENS" => Reason::Length,
        "TOOL_CALL" => Reason::Tool,
        _ => Reason::Other,
    }
}

crate::keep::keep!(
    struct Cohere {}
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Dialect, sample::Sample};
    use crate::{Anomaly, EndingState};

    const START: &str = r#"{"id":"m1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#;
    const END: &str = r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"tokens":{"input_tokens":30,"output_tokens":4}}}}"#;

    fn read(frames: &[&str]) -> Sample {
        Sample::of(Dialect::Auto, frames)
    }

    #[test]
    fn thinking_and_text_are_blocks_of_their_own() {
        let frames = [
            START,
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"Hm"}}}}"#,
            r#"{"type":"content-end","index":0}"#,
            r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"Hi"}}}}"#,
            r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":2}}}}"#,
            END,
        ];
        let lines = [
            "start m1 ",
            "other content-start",
            "reasoning block:0/reasoning Hm",
            "other content-end",
            "text block:1/text Hi",
            "citation",
            "usage Some(30) Some(4)",
            "finish 0 stop COMPLETE",
        ];
        let sample = read(&frames);
        assert_eq!((sample.dialect, sample.lines()), (Dialect::Cohere, lines.map(String::from).to_vec()));
        assert_eq!(sample.ending().state, EndingState::Complete);
        assert_eq!(read(&frames[..6]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn a_plan_is_reasoning_and_a_call_ends_with_its_event() {
        let sample = read(&[
            START,
            r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}"#,
            r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c1","type":"function","function":{"name":"f","arguments":""}}}}}"#,
            r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\":"}}}}}"#,
            r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"1}"}}}}}"#,
            r#"{"type":"tool-call-end","index":0}"#,
        ]);
        let lines = [
            "reasoning choice:0/reasoning I will",
            "tool_start block:0/tool:0 c1 f",
            r#"tool_args block:0/tool:0 {"a":"#,
            "tool_args block:0/tool:0 1}",
            "tool_end block:0/tool:0 Some(true)",
        ];
        assert_eq!(sample.lines()[1..], lines);
    }

    #[test]
    fn every_finish_reason_has_a_meaning() {
        let reasons = [
            ("COMPLETE", Reason::Stop),
            ("ERROR", Reason::Error),
            ("ERROR_TOXIC", Reason::Filter),
            ("MAX_TOKENS", Reason::Length),
            ("STOP_SEQUENCE", Reason::Stop),
            ("TIMEOUT", Reason::Error),
            ("TOOL_CALL", Reason::Tool),
            ("USER_CANCEL", Reason::Other),
        ];
        for (raw, expected) in reasons {
            assert_eq!(reason(raw), expected, "{raw}");
        }
    }

    #[test]
    fn a_done_mark_of_the_host_is_no_fault() {
        let sample = read(&[START, END, "[DONE]"]);
        assert_eq!((sample.ending().state, sample.known.anomalies.iter().count()), (EndingState::Complete, 0));
    }

    #[test]
    fn an_error_as_the_reason_fails_the_stream() {
        let sample = read(&[START, r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"overloaded"}}"#]);
        assert_eq!(sample.only(&["error", "finish"]), ["error  overloaded", "finish 0 error ERROR"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
    }

    #[test]
    fn what_is_unknown_is_kept_and_counted() {
        let sample = read(&[START, r#"{"type":"tool-mood-delta"}"#, "{]"]);
        assert_eq!(sample.lines()[1..], ["other tool-mood-delta", "other"]);
        assert_eq!((sample.count(Anomaly::UnknownEvent), sample.count(Anomaly::BadJson)), (1, 1));
    }
}
