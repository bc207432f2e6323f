//! OpenAI completions: `choices[].text`, `finish_reason` per choice, then `[DONE]`; and llama.cpp's own beside them.

use serde::Deserialize;

use super::failure::Failure;
use super::{Parse, llama_cpp, openai, payload};
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
    /// An answer of llama.cpp's own format has ended.
    ended: bool,
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
        } else if emit.is_silent() && !chunk.choices.given && !llama_cpp::read(frame, &mut self.ended, emit) {
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

crate::keep::keep!(struct OpenaiCompletions { started, finished, ended });

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
    fn llama_cpps_own_format_is_read() {
        let part = |text: &str| format!(r#"{{"index":0,"content":"{text}","tokens":[1],"stop":false,"id_slot":-1}}"#);
        let end = r#"{"index":0,"content":"","tokens":[],"id_slot":0,"stop":true,"model":"m","tokens_predicted":2,
            "tokens_evaluated":7,"prompt":"p","truncated":false,"stop_type":"limit","timings":{"cache_n":3}}"#;
        let sample = read(&[part("a"), part("b"), end.into()]);
        let lines = [
            "start  ",
            "text choice:0/text a",
            "text choice:0/text b",
            "start  m",
            "finish 0 length limit",
            "usage Some(7) Some(2)",
        ];
        assert_eq!(sample.lines(), lines);
        assert_eq!(sample.known.usage().cache_read, Some(3));
        assert_eq!((sample.dialect, sample.ending().state), (Dialect::OpenaiCompletions, EndingState::Complete));
        assert_eq!(sample.ending().notes, ["length"]);
        assert_eq!(read(&[part("a")]).ending().state, EndingState::Truncated);
        let whole = read(&[end.replace(r#""content":"""#, r#""content":"all""#)]);
        assert_eq!((whole.text("choice:0/text"), whole.ending().state), ("all".to_owned(), EndingState::Complete));
    }

    #[test]
    fn answers_of_llama_cpp_to_several_prompts_end_each_and_are_counted_together() {
        let frame = |index: u32, stop: bool| {
            format!(r#"{{"index":{index},"content":"a","stop":{stop},"tokens_predicted":2,"tokens_evaluated":5}}"#)
        };
        let mut frames = vec![frame(0, true), frame(1, false)];
        assert_eq!(read(&frames).ending().state, EndingState::Truncated);
        frames.push(frame(1, true));
        let sample = read(&frames);
        assert_eq!((sample.ending().state, sample.ending().notes.len()), (EndingState::Complete, 0));
        assert_eq!((sample.known.usage().input, sample.known.usage().output), (Some(10), Some(4)));
        assert_eq!(sample.count(Anomaly::AfterEnd), 0);
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
