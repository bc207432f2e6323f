//! Amazon Bedrock's converse stream: the event's name is the frame's, or the one key of an object around its body.

use serde::Deserialize;

use super::Parse;
use super::payload::{self, index};
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::json::{Leaf, Maybe, integer, string};
use crate::{ChannelKey, ChannelKind, Place, Reason, Usage, UsageSource};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wrapped<'a> {
    #[serde(borrow, default)]
    message_start: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    content_block_start: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    content_block_delta: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    content_block_stop: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    message_stop: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    metadata: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    internal_server_exception: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    model_stream_error_exception: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    service_unavailable_exception: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    throttling_exception: Maybe<Body<'a>>,
    #[serde(borrow, default)]
    validation_exception: Maybe<Body<'a>>,
}

impl<'a> Wrapped<'a> {
    /// The event's name and body; an object around two events does not occur.
    fn open(self) -> Option<(&'static str, Body<'a>)> {
        let events = [
            ("contentBlockDelta", self.content_block_delta),
            ("contentBlockStart", self.content_block_start),
            ("contentBlockStop", self.content_block_stop),
            ("internalServerException", self.internal_server_exception),
            ("messageStart", self.message_start),
            ("messageStop", self.message_stop),
            ("metadata", self.metadata),
            ("modelStreamErrorException", self.model_stream_error_exception),
            ("serviceUnavailableException", self.service_unavailable_exception),
            ("throttlingException", self.throttling_exception),
            ("validationException", self.validation_exception),
        ];
        events.into_iter().find_map(|(name, body)| body.0.map(|body| (name, body)))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow, default)]
    content_block_index: Leaf<'a>,
    #[serde(borrow, default)]
    delta: Maybe<Delta<'a>>,
    #[serde(borrow, default)]
    start: Maybe<Start<'a>>,
    #[serde(borrow, default)]
    stop_reason: Leaf<'a>,
    #[serde(borrow, default)]
    usage: Maybe<Counts<'a>>,
    #[serde(borrow, default, alias = "Message")]
    message: Leaf<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    reasoning_content: Maybe<Thought<'a>>,
    #[serde(borrow, default)]
    tool_use: Maybe<ToolUse<'a>>,
    #[serde(borrow, default)]
    citation: Leaf<'a>,
    #[serde(borrow, default)]
    tool_result: Leaf<'a>,
    #[serde(borrow, default)]
    image: Leaf<'a>,
}

#[derive(Deserialize)]
struct Thought<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow, default)]
    tool_use: Maybe<ToolUse<'a>>,
    #[serde(borrow, default)]
    tool_result: Leaf<'a>,
    #[serde(borrow, default)]
    image: Leaf<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    #[serde(borrow, default)]
    tool_use_id: Leaf<'a>,
    #[serde(borrow, default)]
    name: Leaf<'a>,
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    input: Leaf<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts<'a> {
    #[serde(borrow, default)]
    input_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    output_tokens: Leaf<'a>,
    #[serde(borrow, default, alias = "cacheReadInputTokenCount")]
    cache_read_input_tokens: Leaf<'a>,
    #[serde(borrow, default, alias = "cacheWriteInputTokenCount")]
    cache_write_input_tokens: Leaf<'a>,
}

/// Reads Amazon Bedrock's converse stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct BedrockConverse {
    /// Blocks of tools that the provider runs itself; the last few, since blocks come one after the other.
    server_tools: Vec<u32>,
}

/// Blocks of server tools remembered at most.
const MAX_SERVER_TOOLS: usize = 64;

impl Parse for BedrockConverse {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if frame.name.is_empty() {
            let Some(wrapped) = payload::object::<Wrapped<'_>>(frame, emit) else { return };
            match wrapped.open() {
                Some((name, body)) => self.event(name, &body, emit),
                None => payload::unknown("", emit),
            }
            return;
        }
        if frame.kind == FrameKind::Exception {
            return exception(frame, emit);
        }
        let Some(body) = payload::object::<Body<'_>>(frame, emit) else { return };
        self.event(frame.name, &body, emit);
    }
}

impl BedrockConverse {
    fn event(&mut self, name: &str, body: &Body<'_>, emit: &mut Emit<'_>) {
        let index = index(body.content_block_index);
        match name {
            "contentBlockDelta" => {
                emit.end().seen(0);
                self.delta(index, body.delta.as_ref(), emit);
            }
            "contentBlockStart" => {
                emit.end().seen(0);
                self.start(index, body.start.as_ref(), emit);
            }
            "contentBlockStop" => {
                emit.tool_end(tool(index));
                emit.place_ends(Place::Block, index);
            }
            "messageStart" => {
                emit.next_response();
                emit.end().open(0);
                emit.start("", "");
            }
            "messageStop" => {
                let raw = string(body.stop_reason).unwrap_or_default();
                emit.finish(0, reason(&raw), &raw);
            }
            "metadata" => counts(body.usage.as_ref(), emit),
            "initial-response" => emit.other(name),
            name if name.ends_with("Exception") => fault(name, body.message, emit),
            _ => payload::unknown(name, emit),
        }
        if emit.is_silent() {
            emit.other(name);
        }
    }

    fn start(&mut self, index: u32, start: Option<&Start<'_>>, emit: &mut Emit<'_>) {
        let Some(start) = start else { return };
        if let Some(tool_use) = start.tool_use.as_ref() {
            let name = string(tool_use.name).unwrap_or_default();
            if string(tool_use.r#type).as_deref() == Some("server_tool_use") {
                self.server_tools.truncate(MAX_SERVER_TOOLS - 1);
                self.server_tools.insert(0, index);
                return emit.server_tool(&name);
            }
            emit.tool_start(tool(index), &string(tool_use.tool_use_id).unwrap_or_default(), &name);
        } else if start.tool_result.is_some() {
            emit.other("toolResult");
        } else if start.image.is_some() {
            emit.other("image");
        }
    }

    fn delta(&mut self, index: u32, delta: Option<&Delta<'_>>, emit: &mut Emit<'_>) {
        let Some(delta) = delta else { return };
        let key = |kind| ChannelKey::new(Place::Block, index, kind);
        if let Some(text) = delta.text {
            emit.fragment(key(ChannelKind::Text), text);
        }
        if let Some(text) = delta.reasoning_content.as_ref().and_then(|thought| thought.text) {
            emit.signed_fragment(key(ChannelKind::Reasoning), text);
        }
        if let Some(input) = delta.tool_use.as_ref().and_then(|tool_use| tool_use.input) {
            self.input(index, input, emit);
        }
        if delta.citation.is_some() {
            emit.citation();
        }
        for (name, leaf) in [("image", delta.image), ("toolResult", delta.tool_result)] {
            if leaf.is_some() {
                emit.other(name);
            }
        }
    }

    fn input(&self, index: u32, input: &serde_json::value::RawValue, emit: &mut Emit<'_>) {
        if self.server_tools.contains(&index) {
            return emit.copy(tool(index), 1, Some(input));
        }
        emit.tool_start(tool(index), "", "");
        emit.fragment(tool(index), input);
    }
}

fn tool(index: u32) -> ChannelKey {
    ChannelKey::new(Place::Block, index, ChannelKind::Tool)
}

fn counts(counts: Option<&Counts<'_>>, emit: &mut Emit<'_>) {
    let Some(counts) = counts else { return };
    emit.cache_is_apart();
    emit.usage(Usage {
        input: integer(counts.input_tokens),
        output: integer(counts.output_tokens),
        cache_read: integer(counts.cache_read_input_tokens),
        cache_write: integer(counts.cache_write_input_tokens),
        source: UsageSource::Reported,
        ..Usage::default()
    });
}

/// An exception frame fails the stream even where its payload cannot be read.
pub(super) fn exception(frame: &Frame<'_>, emit: &mut Emit<'_>) {
    match serde_json::from_str::<Maybe<Body<'_>>>(frame.data) {
        Ok(Maybe(Some(body))) => fault(frame.name, body.message, emit),
        _ => emit.error(frame.name, frame.data, retryable(frame.name)),
    }
}

fn fault(name: &str, message: Leaf<'_>, emit: &mut Emit<'_>) {
    emit.error(name, &string(message).unwrap_or_default(), retryable(name));
}

fn retryable(name: &str) -> bool {
    matches!(
        name,
        "internalServerException"
            | "modelNotReadyException"
            | "modelStreamErrorException"
            | "modelTimeoutException"
            | "serviceUnavailableException"
            | "throttlingException"
    )
}

fn reason(raw: &str) -> Reason {
    match raw {
        "end_turn" | "stop_sequence" => Reason::Stop,
        "content_filtered" | "guardrail_intervened" => Reason::Filter,
        "malformed_model_output" | "malformed_tool_use" => Reason::Error,
        "max_tokens" | "model_context_window_exceeded" => Reason::Length,
        "tool_use" => Reason::Tool,
        _ => Reason::Other,
    }
}

crate::keep::keep!(struct BedrockConverse { server_tools });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Dialect, sample::Sample};
    use crate::{Anomaly, EndingState};

    fn read(frames: &[(&str, &str)]) -> Sample {
        let frames: Vec<_> = frames.iter().map(|(name, data)| (FrameKind::Message, *name, *data)).collect();
        Sample::of_frames(Dialect::Auto, &frames)
    }

    const START: (&str, &str) = ("messageStart", r#"{"p":"abc","role":"assistant"}"#);
    const STOP: (&str, &str) = ("messageStop", r#"{"stopReason":"end_turn"}"#);

    #[test]
    fn named_frames_give_text_reasoning_and_usage() {
        let frames = [
            START,
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm"}},"p":"a"}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"x"}}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"text":"Hi"}}"#),
            STOP,
            ("metadata", r#"{"usage":{"inputTokens":5,"outputTokens":6,"totalTokens":11},"metrics":{"latencyMs":1}}"#),
        ];
        let sample = read(&frames);
        let lines = [
            "start  ",
            "reasoning block:0/reasoning Hm (signed)",
            "other contentBlockDelta",
            "other contentBlockStop",
            "text block:1/text Hi",
            "finish 0 stop end_turn",
            "usage Some(5) Some(6)",
        ];
        assert_eq!((sample.dialect, sample.lines()), (Dialect::BedrockConverse, lines.map(String::from).to_vec()));
        assert_eq!(sample.ending().state, EndingState::Complete);
        assert_eq!(read(&frames[..5]).ending().state, EndingState::Truncated);
        assert_eq!(read(&frames[..6]).ending().state, EndingState::Complete);
    }

    #[test]
    fn an_object_around_the_body_reads_the_same() {
        let frames = [
            r#"{"contentBlockStart":{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"weather"}}}}"#,
            r#"{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"a\":1}"}}}}"#,
            r#"{"contentBlockStop":{"contentBlockIndex":0}}"#,
            r#"{"messageStop":{"stopReason":"tool_use"}}"#,
        ];
        let sample = Sample::of(Dialect::Auto, &frames);
        let lines = [
            "tool_start block:0/tool:0 t weather",
            r#"tool_args block:0/tool:0 {"a":1}"#,
            "tool_end block:0/tool:0 Some(true)",
            "finish 0 tool tool_use",
        ];
        assert_eq!((sample.dialect, sample.lines()), (Dialect::BedrockConverse, lines.map(String::from).to_vec()));
    }

    #[test]
    fn a_tool_of_the_provider_is_no_tool_call() {
        let sample = read(&[
            START,
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":0,"start":{"toolUse":{"name":"interpreter","toolUseId":"t","type":"server_tool_use"}}}"#,
            ),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}"}}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
            ("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolResult":{"toolUseId":"t"}}}"#),
        ]);
        let lines =
            ["server_tool interpreter", "other contentBlockDelta", "other contentBlockStop", "other toolResult"];
        assert_eq!(sample.lines()[1..], lines);
        assert!(sample.known.tools.calls().is_empty());
    }

    #[test]
    fn an_exception_frame_fails_the_stream() {
        let frames = [
            (FrameKind::Message, "messageStart", r#"{"role":"assistant"}"#),
            (FrameKind::Exception, "throttlingException", r#"{"message":"Too many tokens"}"#),
        ];
        let sample = Sample::of_frames(Dialect::Auto, &frames);
        assert_eq!(sample.only(&["error"]), ["error throttlingException Too many tokens (retryable)"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
        let wrapped = Sample::of(Dialect::Auto, &[r#"{"validationException":{"message":"bad"}}"#]);
        assert_eq!(wrapped.lines(), ["error validationException bad"]);
    }

    #[test]
    fn every_stop_reason_has_a_meaning() {
        let reasons = [
            ("content_filtered", Reason::Filter),
            ("end_turn", Reason::Stop),
            ("guardrail_intervened", Reason::Filter),
            ("malformed_tool_use", Reason::Error),
            ("max_tokens", Reason::Length),
            ("model_context_window_exceeded", Reason::Length),
            ("stop_sequence", Reason::Stop),
            ("tool_use", Reason::Tool),
            ("new", Reason::Other),
        ];
        for (raw, expected) in reasons {
            assert_eq!(reason(raw), expected, "{raw}");
        }
    }

    #[test]
    fn what_is_unknown_is_kept_and_counted() {
        let sample = read(&[START, ("messagePause", "{}"), ("contentBlockDelta", "{"), ("contentBlockDelta", "{}")]);
        assert_eq!(sample.lines()[1..], ["other messagePause", "other contentBlockDelta", "other contentBlockDelta"]);
        assert_eq!((sample.count(Anomaly::UnknownEvent), sample.count(Anomaly::BadJson)), (1, 1));
    }
}
