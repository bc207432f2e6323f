//! OpenAI assistants: objects of threads, messages, runs and steps, told apart by `object` and `status`; then `done`.

use serde::Deserialize;

use super::failure::Failure;
use super::{Parse, openai, payload};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{self, Leaf, List, Maybe};
use crate::{Anomaly, ChannelKey, ChannelKind, Place, Reason};

/// Messages and steps that are told apart at most.
const MAX_ITEMS: usize = 256;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire<'a> {
    #[serde(borrow)]
    object: Leaf<'a>,
    #[serde(borrow)]
    id: Leaf<'a>,
    #[serde(borrow)]
    model: Leaf<'a>,
    #[serde(borrow)]
    status: Leaf<'a>,
    #[serde(borrow)]
    delta: Maybe<Delta<'a>>,
    #[serde(borrow)]
    content: List<Content<'a>>,
    #[serde(borrow)]
    usage: Leaf<'a>,
    #[serde(borrow)]
    last_error: Leaf<'a>,
    #[serde(borrow)]
    incomplete_details: Maybe<Incomplete<'a>>,
    #[serde(borrow)]
    error: Leaf<'a>,
    // Recordings of an SDK's events hold the payload one level down.
    #[serde(borrow)]
    event: Leaf<'a>,
    #[serde(borrow)]
    data: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Incomplete<'a> {
    #[serde(borrow)]
    reason: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    content: List<Content<'a>>,
    #[serde(borrow)]
    step_details: Maybe<Details<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content<'a> {
    #[serde(borrow)]
    index: Leaf<'a>,
    #[serde(borrow)]
    text: Maybe<Value<'a>>,
    #[serde(borrow)]
    refusal: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Value<'a> {
    #[serde(borrow)]
    value: Leaf<'a>,
    annotations: List<Anything>,
}

#[derive(Deserialize)]
struct Anything {}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details<'a> {
    #[serde(borrow)]
    tool_calls: List<Call<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    #[serde(borrow)]
    index: Leaf<'a>,
    #[serde(borrow)]
    id: Leaf<'a>,
    #[serde(borrow, rename = "type")]
    kind: Leaf<'a>,
    #[serde(borrow)]
    function: Maybe<Function<'a>>,
    #[serde(borrow)]
    code_interpreter: Maybe<Code<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Leaf<'a>,
    #[serde(borrow)]
    arguments: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Code<'a> {
    #[serde(borrow)]
    input: Leaf<'a>,
}

/// The parser.
#[derive(Debug, Default)]
pub(super) struct OpenaiAssistants {
    /// Ids of messages and steps, numbered as they gave content.
    items: Vec<String>,
    /// Tools of the provider that were told: item and number within it.
    told: Vec<(u32, u32)>,
    run: bool,
}

impl Parse for OpenaiAssistants {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_mark();
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if openai::is_done(frame, emit) {
            return;
        }
        let Some(outer) = payload::object::<Wire<'_>>(frame, emit) else { return };
        let name = json::string(outer.event).unwrap_or(frame.name.into());
        let inner = outer.data.and_then(|data| serde_json::from_str::<Maybe<Wire<'_>>>(data.get()).ok()?.0);
        let wire = inner.unwrap_or(outer);
        self.object(&name, &wire, frame, emit);
        if emit.is_silent() {
            emit.other(&name);
        }
    }
}

impl OpenaiAssistants {
    fn object(&mut self, name: &str, wire: &Wire<'_>, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let object = json::string(wire.object).unwrap_or_default();
        match object.as_ref() {
            "thread" | "thread.run.step" => {}
            "thread.message" => self.message(wire, emit),
            "thread.message.delta" => self.deltas(wire, emit),
            "thread.run" => self.run(wire, emit),
            "thread.run.step.delta" => self.step(wire, emit),
            _ if wire.error.is_some() => Failure::read(wire.error).unwrap_or_default().emit(emit),
            _ if name == "error" => Failure::whole(frame.data).emit(emit),
            _ => payload::unknown(name, emit),
        }
    }

    fn run(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        if !self.run {
            self.run = true;
            emit.end().open(0);
            let (id, model) = (json::string(wire.id), json::string(wire.model));
            emit.start(&id.unwrap_or_default(), &model.unwrap_or_default());
        }
        if let Some(usage) = openai::usage(wire.usage) {
            emit.usage(usage);
        }
        let status = json::string(wire.status).unwrap_or_default();
        match status.as_ref() {
            "completed" => emit.finish(0, Reason::Stop, &status),
            "requires_action" => {
                (0..self.items.len() as u32).for_each(|item| emit.tools_end(Place::Item, item));
                emit.finish(0, Reason::Tool, &status);
            }
            "incomplete" => {
                let details = wire.incomplete_details.as_ref();
                let cause = details.and_then(|details| json::string(json::words(details.reason)));
                let cause = cause.as_deref().unwrap_or(&status);
                let reason = if cause.starts_with("max_") { Reason::Length } else { openai::reason(cause) };
                emit.finish(0, reason, cause);
            }
            "cancelled" => {
                emit.end().cancel();
                emit.finish(0, Reason::Other, &status);
            }
            "expired" | "failed" => {
                let expired = Failure { code: "expired".into(), ..Failure::default() };
                Failure::read(wire.last_error).unwrap_or(expired).emit(emit);
                emit.finish(0, Reason::Error, &status);
            }
            _ => {}
        }
    }

    /// The number of the message or step that the payload names; `None` beyond the limit.
    fn item(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) -> Option<u32> {
        let id = json::string(wire.id).unwrap_or_default();
        let known = self.items.iter().position(|item| *item == id);
        if known.is_none() && self.items.len() == MAX_ITEMS {
            emit.anomaly(Anomaly::Limit);
            return None;
        }
        let at = known.unwrap_or_else(|| {
            self.items.push(id.into_owned());
            self.items.len() - 1
        });
        Some(at as u32)
    }

    fn deltas(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        let Some(delta) = wire.delta.as_ref() else { return };
        let Some(item) = self.item(wire, emit) else { return };
        for content in delta.content.iter() {
            content.read(item, number(content.index), emit);
        }
    }

    /// A message repeats its text when it is done; that counts only where no delta came.
    fn message(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        if wire.content.iter().next().is_none() {
            return;
        }
        let Some(item) = self.item(wire, emit) else { return };
        if !emit.has_text_at(Place::Item, item, ChannelKind::Text) {
            for (part, content) in wire.content.iter().enumerate() {
                content.read(item, part as u32, emit);
            }
        }
        emit.place_ends(Place::Item, item);
    }

    fn step(&mut self, wire: &Wire<'_>, emit: &mut Emit<'_>) {
        let Some(details) = wire.delta.as_ref().and_then(|delta| delta.step_details.as_ref()) else { return };
        if details.tool_calls.iter().next().is_none() {
            return;
        }
        let Some(item) = self.item(wire, emit) else { return };
        for call in details.tool_calls.iter() {
            self.call(item, call, emit);
        }
    }

    fn call(&mut self, item: u32, call: &Call<'_>, emit: &mut Emit<'_>) {
        let part = number(call.index);
        let key = ChannelKey::new(Place::Item, item, ChannelKind::Tool).part(part);
        if let Some(function) = call.function.as_ref() {
            let (id, name) = (json::string(call.id), json::string(function.name));
            emit.tool_start(key, &id.unwrap_or_default(), &name.unwrap_or_default());
            if let Some(arguments) = function.arguments {
                emit.fragment(key, arguments);
            }
            return;
        }
        if !self.told.contains(&(item, part)) && self.told.len() < MAX_ITEMS {
            self.told.push((item, part));
            emit.server_tool(&json::string(call.kind).unwrap_or_default());
        }
        if let Some(input) = call.code_interpreter.as_ref().and_then(|code| json::words(code.input)) {
            emit.mark_code(key);
            emit.server_tool_fragment(key, input);
        }
    }
}

impl Content<'_> {
    fn read(&self, item: u32, part: u32, emit: &mut Emit<'_>) {
        if let Some(text) = self.text.as_ref() {
            if let Some(value) = text.value {
                emit.fragment(ChannelKey::new(Place::Item, item, ChannelKind::Text).part(part), value);
            }
            text.annotations.iter().for_each(|_| emit.citation());
        }
        if let Some(refusal) = self.refusal {
            emit.fragment(ChannelKey::new(Place::Item, item, ChannelKind::Refusal).part(part), refusal);
        }
    }
}

fn number(leaf: Leaf<'_>) -> u32 {
    json::integer(leaf).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

crate::keep::keep!(struct OpenaiAssistants { items, told, run });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EndingState;
    use crate::decode::FrameKind;
    use crate::dialect::Dialect;
    use crate::dialect::sample::Sample;

    fn read(frames: &[(&str, &str)]) -> Sample {
        let frames: Vec<_> = frames.iter().map(|(name, data)| (FrameKind::Message, *name, *data)).collect();
        Sample::of_frames(Dialect::Auto, &frames)
    }

    fn run(status: &str, fields: &str) -> String {
        format!(r#"{{"object":"thread.run","id":"run_1","model":"m","status":"{status}"{fields}}}"#)
    }

    const TEXT: &str =
        r#"{"object":"thread.message.delta","id":"msg_1","delta":{"content":[{"index":0,"text":{"value":"Hi"}}]}}"#;

    #[test]
    fn a_run_with_a_message_is_complete() {
        let copy = r#"{"object":"thread.message","id":"msg_1","content":[{"type":"text","text":{"value":"Hi"}}]}"#;
        let sample = read(&[
            ("thread.run.created", &run("queued", "")),
            ("thread.message.delta", TEXT),
            ("thread.message.completed", copy),
            ("thread.run.completed", &run("completed", r#","usage":{"prompt_tokens":1,"completion_tokens":2}"#)),
            ("done", "[DONE]"),
        ]);
        let lines = [
            "start run_1 m",
            "text item:0/text Hi",
            "other thread.message.completed",
            "usage Some(1) Some(2)",
            "finish 0 stop completed",
            "other [DONE]",
        ];
        assert_eq!(sample.lines(), lines);
        assert_eq!(sample.dialect, Dialect::OpenaiAssistants);
        assert_eq!((sample.ending().state, sample.ending().notes.len()), (EndingState::Complete, 0));
    }

    #[test]
    fn a_run_that_did_not_end_is_truncated() {
        let sample = read(&[("thread.run.created", &run("in_progress", "")), ("thread.message.delta", TEXT)]);
        assert_eq!(sample.ending().state, EndingState::Truncated);
    }

    #[test]
    fn text_that_no_delta_brought_is_taken_from_the_message() {
        let whole = r#"{"object":"thread.message","id":"msg_1","content":[{"type":"text","text":{"value":"Hi"}}]}"#;
        assert_eq!(read(&[("thread.message.completed", whole)]).text("item:0/text"), "Hi");
    }

    #[test]
    fn functions_are_tool_calls_that_the_required_action_ends() {
        let step = |calls: &str| {
            format!(
                r#"{{"object":"thread.run.step.delta","id":"s","delta":{{"step_details":{{"type":"tool_calls","tool_calls":[{calls}]}}}}}}"#
            )
        };
        let sample = read(&[
            (
                "thread.run.step.delta",
                &step(r#"{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}"#),
            ),
            ("thread.run.step.delta", &step(r#"{"index":0,"type":"function","function":{"arguments":"{}"}}"#)),
            ("thread.run.requires_action", &run("requires_action", "")),
        ]);
        let calls = sample.known.tools.calls();
        assert_eq!(
            (calls.len(), calls[0].id.as_str(), calls[0].arguments.as_str(), calls[0].complete),
            (1, "c", "{}", true)
        );
        assert_eq!(sample.only(&["finish"]), ["finish 0 tool requires_action"]);
    }

    #[test]
    fn a_code_interpreter_is_the_providers_and_its_input_is_code() {
        let step = r#"{"object":"thread.run.step.delta","id":"s","delta":{"step_details":{"tool_calls":[
            {"index":0,"type":"code_interpreter","code_interpreter":{"input":"x"}}]}}}"#;
        let sample = read(&[("thread.run.step.delta", step), ("thread.run.step.delta", step)]);
        assert_eq!(sample.only(&["server_tool"]), ["server_tool code_interpreter"]);
        assert_eq!(sample.text("item:0/tool:0"), "xx");
        assert!(sample.known.tools.calls().is_empty());
        assert!(sample.known.channels.iter().all(|(_, channel)| channel.code));
    }

    #[test]
    fn the_status_of_a_run_says_how_it_ended() {
        let end = |status: &str, fields: &str| read(&[("thread.run", &run(status, fields))]);
        assert_eq!(end("cancelled", "").ending().state, EndingState::Cancelled);
        let failed = end("failed", r#","last_error":{"code":"rate_limit_exceeded","message":"m"}"#);
        assert_eq!(failed.only(&["error"]), ["error rate_limit_exceeded m (retryable)"]);
        assert_eq!(end("expired", "").only(&["error"]), ["error expired "]);
        assert_eq!(end("expired", "").ending().state, EndingState::Failed);
        let cut = end("incomplete", r#","incomplete_details":{"reason":"max_completion_tokens"}"#);
        assert_eq!(cut.only(&["finish"]), ["finish 0 length max_completion_tokens"]);
    }

    #[test]
    fn an_error_event_fails_the_stream() {
        let sample =
            read(&[("thread.run.created", &run("queued", "")), ("error", r#"{"code":"server_error","message":"m"}"#)]);
        assert_eq!(sample.only(&["error"]), ["error server_error m (retryable)"]);
    }

    #[test]
    fn a_payload_one_level_down_is_read() {
        let line = format!(r#"{{"event":"thread.message.delta","data":{TEXT}}}"#);
        assert_eq!(read(&[("", &line)]).text("item:0/text"), "Hi");
    }

    #[test]
    fn an_unknown_object_is_kept_with_an_anomaly() {
        let sample =
            read(&[("thread.run.created", &run("queued", "")), ("thread.dance", r#"{"object":"thread.dance"}"#)]);
        assert_eq!(sample.only(&["other"]), ["other thread.dance"]);
        assert_eq!(sample.count(Anomaly::UnknownEvent), 1);
    }
}
