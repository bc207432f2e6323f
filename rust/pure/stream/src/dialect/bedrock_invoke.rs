//! Amazon Bedrock's invoke stream: `{"bytes": base64}` around the model's own JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Dialect, Parse, bedrock_converse, cohere, parser, payload, sniff};
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::json::{Leaf, List, Maybe, integer, is_true, string};
use crate::keep::{Keep, Kept, Source};
use crate::{Anomaly, ChannelKey, ChannelKind, Place, Reason, Usage, UsageSource};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    bytes: Leaf<'a>,
    #[serde(borrow, default)]
    chunk: Maybe<Chunk<'a>>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    bytes: Leaf<'a>,
}

/// Reads Amazon Bedrock's invoke stream.
#[derive(Default)]
pub(crate) struct BedrockInvoke {
    /// Told by the first payload; its own dialect stands for text that names none.
    inner: Option<(Dialect, Box<dyn Parse>)>,
}

impl Parse for BedrockInvoke {
    /// What proves the end is for the model's format to say.
    fn begin(&mut self, _: &mut Emit<'_>) {}

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if frame.kind == FrameKind::Exception {
            return bedrock_converse::exception(frame, emit);
        }
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        let encoded = string(wire.bytes.or(wire.chunk.as_ref().and_then(|chunk| chunk.bytes)));
        let Some(encoded) = encoded else { return payload::unknown(frame.name, emit) };
        let Some(payload) = STANDARD.decode(&*encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
            emit.anomaly(Anomaly::BadJson);
            return emit.other(frame.name);
        };
        emit.carries(&payload, &encoded);
        self.payload(frame, &payload, emit);
    }
}

impl BedrockInvoke {
    fn payload(&mut self, frame: &Frame<'_>, payload: &str, emit: &mut Emit<'_>) {
        let inside = Frame { kind: frame.kind, name: "", data: payload, bytes: frame.bytes.clone(), data_at: None };
        let (_, inner) = self.inner.get_or_insert_with(|| {
            let dialect = sniff(&inside).unwrap_or(Dialect::BedrockInvoke);
            let mut inner = parser_inside(dialect);
            inner.begin(emit);
            (dialect, inner)
        });
        inner.frame(&inside, emit);
        metrics(payload, emit);
    }
}

fn parser_inside(dialect: Dialect) -> Box<dyn Parse> {
    if dialect == Dialect::BedrockInvoke { Box::new(OwnText) } else { parser(dialect) }
}

impl Keep for BedrockInvoke {
    fn keep(&self, out: &mut Kept) {
        let Self { inner } = self;
        inner.as_ref().map(|(dialect, _)| *dialect).keep(out);
        if let Some((_, inner)) = inner {
            inner.keep_state(out);
        }
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        let Some(dialect) = Keep::take(from)? else { return Some(Self::default()) };
        let mut inner = parser_inside(dialect);
        inner.take_state(from)?;
        Some(Self { inner: Some((dialect, inner)) })
    }
}

#[derive(Deserialize)]
struct Measured<'a> {
    #[serde(borrow, default, rename = "amazon-bedrock-invocationMetrics")]
    metrics: Maybe<Metrics<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics<'a> {
    #[serde(borrow, default)]
    input_token_count: Leaf<'a>,
    #[serde(borrow, default)]
    output_token_count: Leaf<'a>,
    #[serde(borrow, default)]
    cache_read_input_token_count: Leaf<'a>,
    #[serde(borrow, default)]
    cache_write_input_token_count: Leaf<'a>,
}

/// Bedrock adds its own counts to the last payload of every model.
fn metrics(payload: &str, emit: &mut Emit<'_>) {
    if memchr::memmem::find(payload.as_bytes(), b"\"amazon-bedrock-invocationMetrics\"").is_none() {
        return;
    }
    let Ok(Maybe(Some(Measured { metrics: Maybe(Some(metrics)) }))) = serde_json::from_str(payload) else { return };
    emit.cache_is_apart();
    emit.usage(Usage {
        input: integer(metrics.input_token_count),
        output: integer(metrics.output_token_count),
        cache_read: integer(metrics.cache_read_input_token_count),
        cache_write: integer(metrics.cache_write_input_token_count),
        source: UsageSource::Reported,
        ..Usage::default()
    });
}

/// The formats of models that have one nowhere but here: Titan, Llama, Mistral, Cohere Command, Claude 2.
#[derive(Deserialize)]
struct Words<'a> {
    #[serde(borrow, default, rename = "outputText")]
    output_text: Leaf<'a>,
    #[serde(borrow, default, rename = "completionReason")]
    completion_reason: Leaf<'a>,
    #[serde(borrow, default)]
    generation: Leaf<'a>,
    #[serde(borrow, default)]
    completion: Leaf<'a>,
    #[serde(borrow, default)]
    stop_reason: Leaf<'a>,
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    is_finished: Leaf<'a>,
    #[serde(borrow, default)]
    finish_reason: Leaf<'a>,
    #[serde(borrow, default)]
    outputs: List<Output<'a>>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    stop_reason: Leaf<'a>,
}

#[derive(Clone, Copy, Debug, Default)]
struct OwnText;

impl Parse for OwnText {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(words) = payload::object::<Words<'_>>(frame, emit) else { return };
        let text = words.output_text.or(words.generation).or(words.completion).or(words.text);
        if text.is_none() && words.outputs.0.is_empty() && !is_true(words.is_finished) {
            payload::unknown("", emit);
        }
        one(0, text, words.completion_reason.or(words.stop_reason).or(words.finish_reason), emit);
        for (lane, output) in (0..).zip(&words.outputs) {
            one(lane, output.text, output.stop_reason, emit);
        }
    }
}

fn one(lane: u32, text: Leaf<'_>, reason: Leaf<'_>, emit: &mut Emit<'_>) {
    if let Some(text) = text {
        emit.end().seen(lane);
        emit.fragment(ChannelKey::new(Place::Choice, lane, ChannelKind::Text), text);
    }
    if let Some(raw) = string(reason) {
        emit.finish(lane, own_reason(&raw), &raw);
    }
}

fn own_reason(raw: &str) -> Reason {
    match raw {
        "CONTENT_FILTERED" => Reason::Filter,
        "FINISH" | "FINISHED" | "STOP" | "stop" | "stop_sequence" => Reason::Stop,
        "LENGTH" | "length" | "max_tokens" => Reason::Length,
        _ => cohere::reason(raw),
    }
}

crate::keep::keep!(
    struct OwnText {}
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EndingState;
    use crate::dialect::sample::Sample;

    fn read(payloads: &[&str]) -> Sample {
        let wrapped: Vec<String> =
            payloads.iter().map(|payload| format!(r#"{{"bytes":"{}","p":"abc"}}"#, STANDARD.encode(payload))).collect();
        let frames: Vec<_> = wrapped.iter().map(|data| (FrameKind::Message, "chunk", data.as_str())).collect();
        Sample::of_frames(Dialect::Auto, &frames)
    }

    #[test]
    fn the_payload_is_read_in_the_models_own_format() {
        let sample = read(&[
            r#"{"type":"message_start","message":{"id":"m","model":"claude","content":[]}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"H\u00e9"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
            r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":9,"outputTokenCount":3}}"#,
        ]);
        assert_eq!((sample.dialect, sample.text("block:0/text")), (Dialect::BedrockInvoke, "Hé".into()));
        assert_eq!(sample.only(&["usage"]).last().map(String::as_str), Some("usage Some(9) Some(3)"));
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec![]));
    }

    #[test]
    fn models_with_a_format_of_their_own_are_read() {
        let titan = read(&[
            r#"{"outputText":"Hi","index":0,"completionReason":null}"#,
            r#"{"outputText":"!","index":0,"completionReason":"FINISH","amazon-bedrock-invocationMetrics":{"inputTokenCount":1,"outputTokenCount":2}}"#,
        ]);
        let llama = read(&[r#"{"generation":"Hi","stop_reason":null}"#, r#"{"generation":"!","stop_reason":"stop"}"#]);
        let mistral = read(&[
            r#"{"outputs":[{"text":"Hi","stop_reason":null}]}"#,
            r#"{"outputs":[{"text":"!","stop_reason":"stop"}]}"#,
        ]);
        let command = read(&[
            r#"{"text":"Hi","is_finished":false}"#,
            r#"{"text":"!","is_finished":true,"finish_reason":"COMPLETE"}"#,
        ]);
        let claude =
            read(&[r#"{"completion":"Hi","stop_reason":null}"#, r#"{"completion":"!","stop_reason":"stop_sequence"}"#]);
        for sample in [titan, llama, mistral, command, claude] {
            assert_eq!(sample.text("choice:0/text"), "Hi!");
            assert_eq!(sample.ending().state, EndingState::Complete);
        }
        assert_eq!(read(&[r#"{"generation":"Hi","stop_reason":null}"#]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn bytes_that_are_no_base64_are_kept_and_counted() {
        let frames = [(FrameKind::Message, "chunk", r#"{"bytes":"%"}"#), (FrameKind::Message, "chunk", "{}")];
        let sample = Sample::of_frames(Dialect::BedrockInvoke, &frames);
        assert_eq!(sample.lines(), ["other chunk", "other chunk"]);
        assert_eq!((sample.count(Anomaly::BadJson), sample.count(Anomaly::UnknownEvent)), (1, 1));
    }

    #[test]
    fn an_exception_frame_fails_the_stream() {
        let frames = [(FrameKind::Exception, "modelTimeoutException", r#"{"message":"late"}"#)];
        let sample = Sample::of_frames(Dialect::BedrockInvoke, &frames);
        assert_eq!(sample.only(&["error"]), ["error modelTimeoutException late (retryable)"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
    }
}
