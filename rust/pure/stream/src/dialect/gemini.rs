//! Gemini generateContent, of the Gemini API and of Vertex AI: candidates by index, a finish reason in the last chunk.

use serde::Deserialize;

use super::failure::Failure;
use super::gemini_parts::{Content, Counts, Parts};
use super::{Parse, payload};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{Few, Leaf, List, Maybe, inside, integer, string};
use crate::{Place, Reason};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, default)]
    candidates: Few<Candidate<'a>>,
    #[serde(borrow, default)]
    prompt_feedback: Maybe<Feedback<'a>>,
    #[serde(borrow, default)]
    usage_metadata: Maybe<Counts<'a>>,
    #[serde(borrow, default)]
    model_version: Leaf<'a>,
    #[serde(borrow, default)]
    response_id: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    content: Maybe<Content<'a>>,
    #[serde(borrow, default)]
    finish_reason: Leaf<'a>,
    #[serde(borrow, default)]
    citation_metadata: Leaf<'a>,
    #[serde(borrow, default)]
    grounding_metadata: Leaf<'a>,
}

#[derive(Deserialize)]
struct Feedback<'a> {
    #[serde(borrow, default, rename = "blockReason")]
    block_reason: Leaf<'a>,
}

/// Under whatever name the provider lists its sources.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Citations {
    citations: List<Empty>,
    citation_sources: List<Empty>,
    grounding_chunks: List<Empty>,
}

#[derive(Deserialize)]
struct Empty {}

/// Reads Gemini generateContent.
#[derive(Clone, Debug)]
pub(crate) struct Gemini {
    started: bool,
    parts: Parts,
}

impl Default for Gemini {
    fn default() -> Self {
        Self { started: false, parts: Parts::of(Place::Choice) }
    }
}

impl Parse for Gemini {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        if let Some(failure) = Failure::read(wire.error) {
            return failure.emit(emit);
        }
        let is_known = wire.candidates.given
            || wire.response_id.is_some()
            || wire.prompt_feedback.as_ref().is_some()
            || wire.usage_metadata.as_ref().is_some();
        if !is_known {
            return payload::unknown(frame.name, emit);
        }
        if !self.started {
            self.started = true;
            emit.start(&string(wire.response_id).unwrap_or_default(), &string(wire.model_version).unwrap_or_default());
        }
        for (position, candidate) in (0..).zip(wire.candidates.iter()) {
            self.candidate(position, candidate, emit);
        }
        if let Some(counts) = wire.usage_metadata.as_ref() {
            counts.emit(emit);
        }
        let block = wire.prompt_feedback.as_ref().and_then(|feedback| string(feedback.block_reason));
        if let Some(raw) = block.filter(|raw| !raw.ends_with("_UNSPECIFIED")) {
            emit.finish(0, Reason::Filter, &raw);
        }
    }
}

impl Gemini {
    fn candidate(&mut self, position: u32, candidate: &Candidate<'_>, emit: &mut Emit<'_>) {
        let lane = integer(candidate.index).and_then(|index| u32::try_from(index).ok()).unwrap_or(position);
        emit.end().seen(lane);
        for part in candidate.content.as_ref().iter().flat_map(|content| content.parts.iter()) {
            // There is no end event: only content after a finish reason shows that it was not the last.
            if self.parts.read(lane, part, emit) {
                emit.end().open(lane);
            }
        }
        for sources in [candidate.citation_metadata, candidate.grounding_metadata] {
            let sources: Citations = inside(sources);
            let lists = [&sources.citations, &sources.citation_sources, &sources.grounding_chunks];
            for _ in lists.into_iter().flatten() {
                emit.citation();
            }
        }
        let raw = string(candidate.finish_reason).filter(|raw| raw != "FINISH_REASON_UNSPECIFIED");
        if let Some(raw) = raw {
            emit.tools_end(Place::Choice, lane);
            let has_called = self.parts.has_called(lane);
            emit.finish(lane, if raw == "STOP" && has_called { Reason::Tool } else { reason(&raw) }, &raw);
        }
    }
}

fn reason(raw: &str) -> Reason {
    match raw {
        "STOP" => Reason::Stop,
        "MAX_TOKENS" => Reason::Length,
        "CONTINUATION" => Reason::Pause,
        "BLOCKLIST"
        | "ESCALATION"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "IMAGE_SAFETY"
        | "LANGUAGE"
        | "MODEL_ARMOR"
        | "PROHIBITED_CONTENT"
        | "PUP_LIMITED_DISABLED"
        | "RECITATION"
        | "SAFETY"
        | "SPII" => Reason::Filter,
        "MALFORMED_FUNCTION_CALL"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE"
        | "TOO_MANY_TOOL_CALLS"
        | "UNEXPECTED_TOOL_CALL" => Reason::Error,
        _ => Reason::Other,
    }
}

crate::keep::keep!(struct Gemini { started, parts });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Dialect, sample::Sample};
    use crate::{Anomaly, EndingState};

    fn read(frames: &[&str]) -> Sample {
        Sample::of(Dialect::Auto, frames)
    }

    const HI: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":3},"modelVersion":"gemini-2.5","responseId":"r1"}"#;
    const END: &str = r#"{"candidates":[{"content":{"parts":[{"text":"!"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"thoughtsTokenCount":9},"modelVersion":"gemini-2.5","responseId":"r1"}"#;

    #[test]
    fn an_answer_ends_with_the_finish_reason_and_the_last_usage_counts() {
        let sample = read(&[HI, END]);
        let lines = [
            "start r1 gemini-2.5",
            "text choice:0/text Hi",
            "usage Some(3) None",
            "text choice:0/text !",
            "finish 0 stop STOP",
            "usage Some(3) Some(2)",
        ];
        assert_eq!((sample.dialect, sample.lines()), (Dialect::Gemini, lines.map(String::from).to_vec()));
        assert_eq!(sample.known.usage().reasoning, Some(9));
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec![]));
        assert_eq!(read(&[HI]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn content_after_a_finish_reason_opens_the_answer_again() {
        assert_eq!(read(&[END, HI]).ending().state, EndingState::Truncated);
        assert_eq!(read(&[END, HI, END]).ending().state, EndingState::Complete);
        let usage_alone = r#"{"candidates":[{"index":0}],"usageMetadata":{"promptTokenCount":1}}"#;
        assert_eq!(read(&[END, usage_alone]).ending().state, EndingState::Complete);
    }

    #[test]
    fn every_candidate_must_finish() {
        let both = r#"{"candidates":[{"index":0,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"},{"index":1,"content":{"parts":[{"text":"b"}]}}]}"#;
        let sample = read(&[both]);
        assert_eq!((sample.text("choice:0/text"), sample.text("choice:1/text")), ("a".into(), "b".into()));
        assert_eq!(sample.ending().state, EndingState::Truncated);
    }

    #[test]
    fn thoughts_are_reasoning() {
        let frame = r#"{"candidates":[{"content":{"parts":[{"text":"Hm","thought":true},{"text":"So","thought":true,"thoughtSignature":"x"},{"text":"","thoughtSignature":"y"}]}}]}"#;
        let lines = ["reasoning choice:0/reasoning Hm", "reasoning choice:0/reasoning So (signed)"];
        assert_eq!(read(&[frame]).lines()[1..], lines);
    }

    #[test]
    fn a_call_with_its_arguments_comes_whole_and_the_reason_is_the_tool() {
        let frame = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"a","args":{"city": "Paris"}}},{"functionCall":{"id":"7","name":"b"}}]},"finishReason":"STOP"}]}"#;
        let lines = [
            "tool_start choice:0/tool:0 choice:0/tool:0 a",
            r#"tool_args choice:0/tool:0 {"city": "Paris"}"#,
            "tool_end choice:0/tool:0 Some(true)",
            "tool_start choice:0/tool:1 7 b",
            "tool_end choice:0/tool:1 Some(true)",
            "finish 0 tool STOP",
        ];
        assert_eq!(read(&[frame]).lines()[1..], lines);
    }

    #[test]
    fn arguments_that_stream_become_json_text() {
        let frame = |call: &str, rest: &str| {
            format!(r#"{{"candidates":[{{"content":{{"parts":[{{"functionCall":{call}}}]}}{rest}}}]}}"#)
        };
        let frames = [
            frame(r#"{"name":"cook","willContinue":true}"#, ""),
            frame(
                r#"{"partialArgs":[{"jsonPath":"$.a[0]","stringValue":"x","willContinue":true}],"willContinue":true}"#,
                "",
            ),
            frame(r#"{"partialArgs":[{"jsonPath":"$.a[0]","stringValue":"y"}],"willContinue":true}"#, ""),
            frame(r#"{"willContinue":true}"#, ""),
            frame("{}", r#","finishReason":"STOP""#),
        ];
        let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
        let sample = read(&frames);
        assert_eq!(sample.text("choice:0/tool:0"), r#"{"a":["xy"]}"#);
        assert_eq!(sample.only(&["tool_end", "finish"]), ["tool_end choice:0/tool:0 Some(true)", "finish 0 tool STOP"]);
        let cut = read(&frames[..3]);
        assert_eq!((cut.ending().state, cut.ending().notes), (EndingState::Truncated, vec!["cut_tool_call"]));
    }

    #[test]
    fn code_and_sound_have_channels_of_their_own() {
        let frame = r#"{"candidates":[{"content":{"parts":[{"text":"See:"},{"executableCode":{"language":"PYTHON","code":"print(1)"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}},{"inlineData":{"mimeType":"audio/pcm","data":"AAAA"}},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}"#;
        let sample = read(&[frame]);
        let lines = [
            "text choice:0/text See:",
            "server_tool code_execution",
            "text choice:0/text:1 print(1)",
            "other codeExecutionResult",
            "audio choice:0/audio 3",
            "other inlineData",
        ];
        assert_eq!(sample.lines()[1..], lines);
        assert_eq!(
            sample.known.channels.iter().map(|(_, channel)| channel.code).collect::<Vec<_>>(),
            [false, true, false]
        );
    }

    #[test]
    fn a_blocked_prompt_is_a_filter() {
        let sample = read(&[r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}"#]);
        assert_eq!(sample.only(&["finish"]), ["finish 0 filter SAFETY"]);
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn an_error_fails_the_stream() {
        let error = r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#;
        let sample = read(&[HI, error]);
        assert_eq!(sample.only(&["error"]), ["error UNAVAILABLE The model is overloaded. (retryable)"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
        assert_eq!(read(&[error]).dialect, Dialect::Gemini);
    }

    #[test]
    fn every_finish_reason_has_a_meaning() {
        let reasons = [
            ("CONTINUATION", Reason::Pause),
            ("IMAGE_OTHER", Reason::Other),
            ("MALFORMED_FUNCTION_CALL", Reason::Error),
            ("MAX_TOKENS", Reason::Length),
            ("MODEL_ARMOR", Reason::Filter),
            ("NO_IMAGE", Reason::Other),
            ("OTHER", Reason::Other),
            ("SAFETY", Reason::Filter),
            ("STOP", Reason::Stop),
            ("TOO_MANY_TOOL_CALLS", Reason::Error),
        ];
        for (raw, expected) in reasons {
            assert_eq!(reason(raw), expected, "{raw}");
        }
    }

    #[test]
    fn citations_are_counted() {
        let frame = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"citationMetadata":{"citationSources":[{"uri":"u"},{"uri":"v"}]},"groundingMetadata":{"groundingChunks":[{"web":{}}]}}]}"#;
        assert_eq!(read(&[frame]).only(&["citation"]).len(), 3);
    }

    #[test]
    fn what_is_unknown_is_kept_and_counted() {
        let sample = Sample::of(Dialect::Gemini, &[r#"{"later":1}"#, "{", HI]);
        assert_eq!(sample.lines()[..2], ["other", "other"]);
        assert_eq!((sample.count(Anomaly::UnknownEvent), sample.count(Anomaly::BadJson)), (1, 1));
    }
}
