//! Ollama chat and generate: one object a line, `done: true` with the counts in the last.

use serde::Deserialize;

use super::failure::Failure;
use super::{Parse, payload};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{Leaf, List, Maybe, integer, is_true, string};
use crate::{ChannelKey, ChannelKind, Place, Reason, Usage, UsageSource};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    model: Leaf<'a>,
    #[serde(borrow, default)]
    message: Maybe<Message<'a>>,
    #[serde(borrow, default)]
    response: Leaf<'a>,
    #[serde(borrow, default)]
    thinking: Leaf<'a>,
    #[serde(borrow, default)]
    done: Leaf<'a>,
    #[serde(borrow, default)]
    done_reason: Leaf<'a>,
    #[serde(borrow, default)]
    prompt_eval_count: Leaf<'a>,
    #[serde(borrow, default)]
    eval_count: Leaf<'a>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Leaf<'a>,
    #[serde(borrow, default)]
    thinking: Leaf<'a>,
    #[serde(borrow, default)]
    tool_calls: List<Call<'a>>,
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

/// Reads Ollama chat and generate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ollama {
    started: bool,
    /// The last line said `done`.
    ended: bool,
    calls: u32,
}

const TEXT: ChannelKey = ChannelKey::new(Place::Choice, 0, ChannelKind::Text);
const REASONING: ChannelKey = ChannelKey::new(Place::Choice, 0, ChannelKind::Reasoning);
const TOOL: ChannelKey = ChannelKey::new(Place::Choice, 0, ChannelKind::Tool);

impl Parse for Ollama {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        if let Some(failure) = Failure::read(wire.error) {
            return failure.emit(emit);
        }
        if wire.done.is_none() && wire.message.as_ref().is_none() && wire.response.is_none() {
            return payload::unknown(frame.name, emit);
        }
        emit.end().seen(0);
        if !self.started {
            self.started = true;
            emit.start("", &string(wire.model).unwrap_or_default());
        }
        let message = wire.message.as_ref();
        fragment(REASONING, message.and_then(|message| message.thinking).or(wire.thinking), emit);
        let before = emit.count();
        fragment(TEXT, message.and_then(|message| message.content).or(wire.response), emit);
        for call in message.iter().flat_map(|message| &message.tool_calls) {
            self.call(call, emit);
        }
        // Nothing but its reason ends an answer: what comes behind it is another.
        if emit.count() > before {
            emit.end().open(0);
            if std::mem::take(&mut self.ended) {
                emit.next_response();
            }
        }
        if is_true(wire.done) {
            self.ended = true;
            done(&wire, emit);
        }
    }
}

impl Ollama {
    /// Arguments come whole, as an object and not as JSON text.
    fn call(&mut self, call: &Call<'_>, emit: &mut Emit<'_>) {
        let function = call.function.as_ref();
        let arguments = function.and_then(|function| function.arguments);
        let text = string(arguments).or(arguments.map(|object| object.get().into())).unwrap_or_default();
        let name = function.and_then(|function| string(function.name)).unwrap_or_default();
        emit.tool_call(TOOL.part(self.calls), &string(call.id).unwrap_or_default(), &name, &text);
        self.calls += 1;
    }
}

fn fragment(key: ChannelKey, text: Leaf<'_>, emit: &mut Emit<'_>) {
    if let Some(text) = text {
        emit.fragment(key, text);
    }
}

fn done(wire: &Wire<'_>, emit: &mut Emit<'_>) {
    let (input, output) = (integer(wire.prompt_eval_count), integer(wire.eval_count));
    if input.is_some() || output.is_some() {
        emit.usage(Usage { input, output, source: UsageSource::Reported, ..Usage::default() });
    }
    let raw = string(wire.done_reason).unwrap_or_default();
    emit.finish(0, reason(&raw), &raw);
}

/// Servers before 0.2 give no reason.
fn reason(raw: &str) -> Reason {
    match raw {
        "" | "stop" => Reason::Stop,
        "length" => Reason::Length,
        _ => Reason::Other,
    }
}

crate::keep::keep!(struct Ollama { started, ended, calls });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Dialect, sample::Sample};
    use crate::{Anomaly, EndingState};

    fn read(frames: &[&str]) -> Sample {
        Sample::of(Dialect::Auto, frames)
    }

    #[test]
    fn a_chat_gives_thinking_then_text_and_ends_when_done() {
        let frames = [
            r#"{"model":"qwen3","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}"#,
            r#"{"model":"qwen3","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Hi"},"done":false}"#,
            r#"{"model":"qwen3","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":4}"#,
        ];
        let sample = read(&frames);
        let lines = [
            "start  qwen3",
            "reasoning choice:0/reasoning Hm",
            "text choice:0/text Hi",
            "usage Some(3) Some(4)",
            "finish 0 stop stop",
        ];
        assert_eq!((sample.dialect, sample.lines()), (Dialect::Ollama, lines.map(String::from).to_vec()));
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec![]));
        assert_eq!(read(&frames[..2]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn generate_reads_like_chat() {
        let sample = read(&[
            r#"{"model":"llama3","response":"Hi","thinking":"Hm","done":false}"#,
            r#"{"model":"llama3","response":"","done":true,"context":[1,2],"eval_count":7}"#,
        ]);
        assert_eq!((sample.text("choice:0/text"), sample.text("choice:0/reasoning")), ("Hi".into(), "Hm".into()));
        assert_eq!(sample.only(&["usage", "finish"]), ["usage None Some(7)", "finish 0 stop "]);
    }

    #[test]
    fn a_tool_call_comes_whole() {
        let sample = read(&[
            r#"{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"a","arguments":{"x": 1}}},{"id":"call_9","function":{"name":"b","arguments":{}}}]},"done":false}"#,
        ]);
        let lines = [
            "tool_start choice:0/tool:0 choice:0/tool:0 a",
            r#"tool_args choice:0/tool:0 {"x": 1}"#,
            "tool_end choice:0/tool:0 Some(true)",
            "tool_start choice:0/tool:1 call_9 b",
            "tool_args choice:0/tool:1 {}",
            "tool_end choice:0/tool:1 Some(true)",
        ];
        assert_eq!(sample.lines()[1..], lines);
        assert_eq!(sample.ending().state, EndingState::Truncated);
    }

    #[test]
    fn an_error_in_a_successful_response_fails_it() {
        let hi = r#"{"model":"m","response":"Hi","done":false}"#;
        let sample = read(&[hi, r#"{"error":"an error was encountered while running the model"}"#]);
        assert_eq!(sample.only(&["error"]), ["error  an error was encountered while running the model"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
        assert_eq!(sample.text("choice:0/text"), "Hi");
    }

    #[test]
    fn reaching_the_limit_is_complete_and_noted() {
        let sample = read(&[r#"{"model":"m","response":"Hi","done":true,"done_reason":"length"}"#]);
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec!["length"]));
        assert_eq!((reason("load"), reason("unload")), (Reason::Other, Reason::Other));
    }

    #[test]
    fn what_is_unknown_is_kept_and_counted() {
        let sample = Sample::of(Dialect::Ollama, &[r#"{"status":"pulling manifest"}"#, "{", "7"]);
        assert_eq!(sample.lines(), ["other", "other", "other"]);
        assert_eq!((sample.count(Anomaly::UnknownEvent), sample.count(Anomaly::BadJson)), (2, 1));
    }
}
