//! Cohere chat, version 1: `stream-start`, text and calls, `stream-end` with a copy of the whole answer.

use serde::Deserialize;

use super::cohere::{self, Counts, PLAN, fragment};
use super::payload::{self, index};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{Leaf, List, Maybe, string};
use crate::{ChannelKey, ChannelKind, Place};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    event_type: Leaf<'a>,
    #[serde(borrow, default)]
    generation_id: Leaf<'a>,
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    tool_call_delta: Maybe<Call<'a>>,
    #[serde(borrow, default)]
    tool_calls: List<Call<'a>>,
    #[serde(default)]
    citations: List<Empty>,
    #[serde(borrow, default)]
    finish_reason: Leaf<'a>,
    #[serde(borrow, default)]
    response: Maybe<Answer<'a>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    name: Leaf<'a>,
    /// A piece of JSON text while it streams, the object itself once it is whole.
    #[serde(borrow, default)]
    parameters: Leaf<'a>,
}

#[derive(Deserialize)]
struct Empty {}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    tool_calls: List<Call<'a>>,
    #[serde(borrow, default)]
    meta: Maybe<Counts<'a>>,
}

const TEXT: ChannelKey = ChannelKey::new(Place::Choice, 0, ChannelKind::Text);

/// The names of its events, by which it is told.
pub(super) fn is_event(name: &str) -> bool {
    matches!(
        name,
        "citation-generation"
            | "search-queries-generation"
            | "search-results"
            | "stream-end"
            | "stream-start"
            | "text-generation"
            | "tool-calls-chunk"
            | "tool-calls-generation"
    )
}

/// Reads a frame that names its event in `event_type`.
pub(super) fn frame(frame: &Frame<'_>, emit: &mut Emit<'_>) {
    let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
    let name = string(wire.event_type).unwrap_or_default();
    match &*name {
        "citation-generation" => wire.citations.iter().for_each(|_| emit.citation()),
        "debug" | "search-queries-generation" | "search-results" => {}
        "stream-end" => end(&wire, emit),
        "stream-start" => {
            emit.end().open(0);
            emit.start(&string(wire.generation_id).unwrap_or_default(), "");
        }
        "text-generation" => fragment(TEXT, wire.text, emit),
        "tool-calls-chunk" => chunk(&wire, emit),
        "tool-calls-generation" => calls(&wire.tool_calls, emit),
        _ => payload::unknown(&name, emit),
    }
    if emit.is_silent() {
        emit.other(&name);
    }
}

/// A piece of the plan, or of a call.
fn chunk(wire: &Wire<'_>, emit: &mut Emit<'_>) {
    fragment(PLAN, wire.text, emit);
    let Some(call) = wire.tool_call_delta.as_ref() else { return };
    let key = cohere::tool(index(call.index));
    if let Some(name) = string(call.name).filter(|name| !name.is_empty()) {
        emit.tool_start(key, "", &name);
    }
    fragment(key, call.parameters, emit);
}

/// Whole calls: copies of those that streamed.
fn calls(calls: &List<Call<'_>>, emit: &mut Emit<'_>) {
    for (number, call) in (0..).zip(calls) {
        let key = cohere::tool(number);
        if emit.has_tool(key) {
            emit.tool_end(key);
            continue;
        }
        emit.end().seen(0);
        let arguments = call.parameters.map_or("", |parameters| parameters.get());
        emit.tool_call(key, "", &string(call.name).unwrap_or_default(), arguments);
    }
}

/// The end repeats the answer, which counts where nothing of it streamed.
fn end(wire: &Wire<'_>, emit: &mut Emit<'_>) {
    if let Some(answer) = wire.response.as_ref() {
        if !emit.has_text(TEXT) && !emit.has_text(PLAN) {
            fragment(TEXT, answer.text, emit);
        }
        calls(&answer.tool_calls, emit);
        cohere::counts(answer.meta.as_ref(), emit);
    }
    cohere::finish(wire.finish_reason, emit);
}

#[cfg(test)]
mod tests {
    use crate::dialect::{Dialect, sample::Sample};
    use crate::{Anomaly, EndingState};

    const START: &str = r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g1"}"#;

    fn end(reason: &str, response: &str) -> String {
        format!(r#"{{"is_finished":true,"event_type":"stream-end","finish_reason":"{reason}","response":{response}}}"#)
    }

    fn read(frames: &[&str]) -> Sample {
        Sample::of(Dialect::Auto, frames)
    }

    #[test]
    fn text_counts_once_although_the_end_repeats_it() {
        let end = end("COMPLETE", r#"{"text":"Hi","meta":{"tokens":{"input_tokens":3,"output_tokens":2}}}"#);
        let frames = [
            START,
            r#"{"is_finished":false,"event_type":"text-generation","text":"H"}"#,
            r#"{"event_type":"text-generation","text":"i"}"#,
            r#"{"event_type":"citation-generation","citations":[{"start":0},{"start":1}]}"#,
            r#"{"event_type":"search-results","documents":[]}"#,
            &end,
        ];
        let lines = [
            "start g1 ",
            "text choice:0/text H",
            "text choice:0/text i",
            "citation",
            "citation",
            "other search-results",
            "usage Some(3) Some(2)",
            "finish 0 stop COMPLETE",
        ];
        let sample = read(&frames);
        assert_eq!((sample.dialect, sample.lines()), (Dialect::Cohere, lines.map(String::from).to_vec()));
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec![]));
        assert_eq!(read(&frames[..5]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn text_that_did_not_stream_is_taken_from_the_end() {
        let sample = read(&[START, &end("MAX_TOKENS", r#"{"text":"Hi"}"#)]);
        assert_eq!((sample.text("choice:0/text"), sample.ending().notes), ("Hi".into(), vec!["length"]));
    }

    #[test]
    fn a_call_that_streams_is_whole_with_its_copy() {
        let frames = [
            START,
            r#"{"event_type":"tool-calls-chunk","text":"I will"}"#,
            r#"{"event_type":"tool-calls-chunk","tool_call_delta":{"index":0,"name":"f"}}"#,
            r#"{"event_type":"tool-calls-chunk","tool_call_delta":{"index":0,"parameters":"{\"a\":"}}"#,
            r#"{"event_type":"tool-calls-chunk","tool_call_delta":{"index":0,"parameters":"1}"}}"#,
            r#"{"event_type":"tool-calls-generation","tool_calls":[{"name":"f","parameters":{"a":1}},{"name":"g","parameters":{}}]}"#,
        ];
        let lines = [
            "reasoning choice:0/reasoning I will",
            "tool_start block:0/tool:0 block:0/tool:0 f",
            r#"tool_args block:0/tool:0 {"a":"#,
            "tool_args block:0/tool:0 1}",
            "tool_end block:0/tool:0 Some(true)",
            "tool_start block:1/tool:0 block:1/tool:0 g",
            "tool_args block:1/tool:0 {}",
            "tool_end block:1/tool:0 Some(true)",
        ];
        assert_eq!(read(&frames).lines()[1..], lines);
        assert_eq!(read(&frames[..4]).ending().notes, ["cut_tool_call"]);
    }

    #[test]
    fn an_end_that_tells_of_an_error_fails_and_an_unknown_event_is_kept() {
        assert_eq!(read(&[START, &end("ERROR", "null")]).ending().state, EndingState::Failed);
        let sample = read(&[START, r#"{"event_type":"mood-generation"}"#]);
        assert_eq!((sample.count(Anomaly::UnknownEvent), sample.lines().len()), (1, 2));
    }
}
