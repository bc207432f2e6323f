//! IBM watsonx text generation: `results[].generated_text` with a `stop_reason`. Its chat has the format of OpenAI.

use serde::Deserialize;

use super::failure::Failure;
use super::{Dialect, Parse, payload};
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::json::{self, Few, Leaf, Maybe};
use crate::{ChannelKey, ChannelKind, Place, Reason, Usage, UsageSource};

/// Results of one stream that are read at most.
const MAX_RESULTS: usize = 64;

/// Generations, one per input.
#[derive(Clone, Debug, Default)]
pub(super) struct Watsonx;

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    model_id: Leaf<'a>,
    #[serde(borrow, default)]
    results: Few<Generated<'a>>,
    #[serde(borrow, default)]
    errors: Few<Failed<'a>>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
}

/// One element of `errors`, kept as it stands.
#[derive(Deserialize)]
struct Failed<'a> {
    #[serde(borrow, default)]
    code: Leaf<'a>,
    #[serde(borrow, default)]
    message: Leaf<'a>,
}

#[derive(Deserialize)]
struct Generated<'a> {
    #[serde(borrow, default)]
    generated_text: Leaf<'a>,
    #[serde(borrow, default)]
    generated_token_count: Leaf<'a>,
    #[serde(borrow, default)]
    input_token_count: Leaf<'a>,
    #[serde(borrow, default)]
    stop_reason: Leaf<'a>,
}

impl Parse for Watsonx {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(chunk) = payload::object::<Chunk<'_>>(frame, emit) else { return };
        if frame.kind == FrameKind::Exception || frame.name == "error" {
            return Failure::whole(frame.data).emit(emit);
        }
        if !emit.has_started() && chunk.results.given {
            emit.start("", &json::string(chunk.model_id).unwrap_or_default());
        }
        for (index, result) in chunk.results.iter().take(MAX_RESULTS).enumerate() {
            generated(index as u32, result, emit);
        }
        for failed in chunk.errors.iter() {
            let word = |leaf| json::string(leaf).unwrap_or_default();
            let code = word(failed.code);
            emit.error(&code, &word(failed.message), super::failure::is_passing(&code));
        }
        if let Some(failure) = Failure::read(chunk.error) {
            failure.emit(emit);
        }
        if emit.is_silent() {
            payload::unknown(frame.name, emit);
        }
    }
}

fn generated(index: u32, result: &Generated<'_>, emit: &mut Emit<'_>) {
    emit.end().seen(index);
    if let Some(text) = result.generated_text {
        emit.fragment(ChannelKey::new(Place::Choice, index, ChannelKind::Text), text);
    }
    // Each count stands in some chunks only; 0 means that it is not told here.
    let count = |leaf| json::integer(leaf).filter(|count| *count > 0);
    let (input, output) = (count(result.input_token_count), count(result.generated_token_count));
    if input.is_some() || output.is_some() {
        emit.usage(Usage { input, output, source: UsageSource::Reported, ..Usage::default() });
    }
    let raw = json::string(json::words(result.stop_reason)).unwrap_or_default();
    match raw.as_ref() {
        "" | "not_finished" | "NOT_FINISHED" => {}
        "cancelled" | "CANCELLED" => {
            emit.end().cancel();
            emit.finish(index, Reason::Other, &raw);
        }
        word => emit.finish(index, reason(word), word),
    }
}

fn reason(raw: &str) -> Reason {
    match raw.to_ascii_lowercase().as_str() {
        "eos_token" | "stop_sequence" => Reason::Stop,
        "max_tokens" | "token_limit" => Reason::Length,
        "error" => Reason::Error,
        _ => Reason::Other,
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    results: Few<Generated<'a>>,
}

/// Told by a result with generated text.
pub(super) fn sniff(frame: &Frame<'_>) -> Option<Dialect> {
    let Maybe(Some(head)) = serde_json::from_str::<Maybe<Head<'_>>>(frame.data).ok()? else { return None };
    head.results.iter().next()?.generated_text.map(|_| Dialect::Watsonx)
}

crate::keep::keep!(
    struct Watsonx {}
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EndingState;
    use crate::dialect::sample::Sample;

    fn chunk(text: &str, output: u32, input: u32, reason: &str) -> String {
        format!(
            r#"{{"model_id":"flan","results":[{{"generated_text":"{text}","generated_token_count":{output},
            "input_token_count":{input},"stop_reason":"{reason}"}}]}}"#
        )
    }

    fn read(frames: &[String]) -> Sample {
        Sample::of(Dialect::Auto, &frames.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn text_counts_and_the_reason_are_read() {
        let mut frames = vec![chunk("", 0, 8, "not_finished"), chunk("the", 1, 0, "not_finished")];
        assert_eq!(read(&frames).ending().state, EndingState::Truncated);
        frames.push(chunk(" sky", 2, 0, "max_tokens"));
        let sample = read(&frames);
        assert_eq!((sample.dialect, sample.text("choice:0/text")), (Dialect::Watsonx, "the sky".into()));
        assert_eq!((sample.known.usage().input, sample.known.usage().output), (Some(8), Some(2)));
        assert_eq!(sample.only(&["start", "finish"]), ["start  flan", "finish 0 length max_tokens"]);
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn a_list_of_errors_fails_the_stream() {
        let error = r#"{"errors":[{"code":"rate_limit_reached_requests","message":"slow down"}],"trace":"t"}"#;
        let sample = Sample::of(Dialect::Watsonx, &[&chunk("a", 1, 2, "not_finished"), error]);
        assert_eq!(sample.only(&["error"]), ["error rate_limit_reached_requests slow down (retryable)"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
    }
}
