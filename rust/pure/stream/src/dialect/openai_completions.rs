//! OpenAI completions: `choices[].text`, `finish_reason` per choice, then `[DONE]`.

use serde::Deserialize;

use super::failure::Failure;
use super::{Parse, openai, payload};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{self, Few, Leaf};
use crate::{ChannelKey, ChannelKind, Place, Reason};

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    model: Leaf<'a>,
    #[serde(borrow, default)]
    object: Leaf<'a>,
    #[serde(borrow, default)]
    choices: Few<Choice<'a>>,
    #[serde(borrow, default)]
    usage: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    finish_reason: Leaf<'a>,
}

/// The parser.
#[derive(Debug, Default)]
pub(super) struct OpenaiCompletions {
    started: bool,
    /// The last choice that ended, and why: some hosts say it twice.
    finished: Option<(u32, Reason)>,
}

impl Parse for OpenaiCompletions {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_mark();
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if openai::is_done(frame, emit) {
            return;
        }
        let Some(chunk) = payload::object::<Chunk<'_>>(frame, emit) else { return };
        if !self.started && !chunk.choices.is_empty() {
            self.started = true;
            let (id, model) = (json::string(chunk.id), json::string(chunk.model));
            emit.start(&id.unwrap_or_default(), &model.unwrap_or_default());
        }
        for choice in chunk.choices.iter() {
            self.choice(choice, emit);
        }
        if let Some(usage) = openai::usage(chunk.usage) {
            emit.usage(usage);
        }
        let named = frame.name == "error" || chunk.object.is_some_and(|object| object.get() == "\"error\"");
        if let Some(error) = Failure::read(chunk.error).or_else(|| named.then(|| Failure::whole(frame.data))) {
            error.emit(emit);
        } else if emit.is_silent() && !chunk.choices.given {
            payload::unknown(frame.name, emit);
        }
    }
}

impl OpenaiCompletions {
    fn choice(&mut self, choice: &Choice<'_>, emit: &mut Emit<'_>) {
        let index = json::integer(choice.index).map_or(0, |index| u32::try_from(index).unwrap_or(u32::MAX));
        emit.end().seen(index);
        if let Some(text) = choice.text {
            emit.fragment(ChannelKey::new(Place::Choice, index, ChannelKind::Text), text);
        }
        let Some(raw) = json::string(json::words(choice.finish_reason)) else { return };
        let finished = Some((index, openai::reason(&raw)));
        if self.finished != finished {
            self.finished = finished;
            emit.finish(index, openai::reason(&raw), &raw);
        }
    }
}

crate::keep::keep!(struct OpenaiCompletions { started, finished });

#[cfg(test)]
mod tests {
    use crate::dialect::Dialect;
    use crate::dialect::sample::Sample;
    use crate::{Anomaly, EndingState};

    fn chunk(index: u32, text: &str, reason: &str) -> String {
        format!(r#"{{"id":"c","model":"m","choices":[{{"index":{index},"text":"{text}","finish_reason":{reason}}}]}}"#)
    }

    fn read(frames: &[String]) -> Sample {
        Sample::of(Dialect::Auto, &frames.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn text_finish_and_usage_are_read() {
        let usage = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        let sample = read(&[
            chunk(0, "a", "null"),
            chunk(0, "b", r#""stop""#),
            chunk(0, "", r#""stop""#),
            usage.into(),
            "[DONE]".into(),
        ]);
        let lines = [
            "start c m",
            "text choice:0/text a",
            "text choice:0/text b",
            "finish 0 stop stop",
            "other",
            "usage Some(1) Some(2)",
            "other [DONE]",
        ];
        assert_eq!(sample.lines(), lines);
        assert_eq!(sample.dialect, Dialect::OpenaiCompletions);
        assert_eq!((sample.ending().state, sample.ending().notes.len()), (EndingState::Complete, 0));
    }

    #[test]
    fn every_choice_needs_a_reason() {
        let mut frames = vec![chunk(0, "a", r#""stop""#), chunk(1, "b", "null")];
        assert_eq!(read(&frames).ending().state, EndingState::Truncated);
        frames.push(chunk(1, "", r#""length""#));
        assert_eq!(read(&frames).ending().notes, ["no_end_mark", "length"]);
    }

    #[test]
    fn an_error_fails_the_stream() {
        let error = r#"{"error":{"message":"m","type":"internal_server_error","code":500}}"#;
        let sample = read(&[chunk(0, "a", r#""stop""#), error.into()]);
        assert_eq!(sample.only(&["error"]), ["error internal_server_error m (retryable)"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
    }

    #[test]
    fn a_payload_of_no_known_shape_is_kept_with_an_anomaly() {
        let sample = read(&[chunk(0, "a", "null"), r#"{"what":1}"#.into()]);
        assert_eq!((sample.only(&["other"]).len(), sample.count(Anomaly::UnknownEvent)), (1, 1));
    }
}
