//! Gemini Interactions: steps by index, `interaction.completed` with the status.

use serde::Deserialize;

use super::Parse;
use super::failure::Failure;
use super::payload::{self, has_members, index};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{Leaf, List, Maybe, base64_bytes, integer, string};
use crate::{Anomaly, ChannelKey, ChannelKind, Place, Reason, Usage, UsageSource};

/// Calls whose arguments came with their start are remembered up to this many.
const MAX_WHOLE: usize = 64;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    event_type: Leaf<'a>,
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    interaction: Maybe<Interaction<'a>>,
    #[serde(borrow, default)]
    status: Leaf<'a>,
    /// Version 1 of the API says `content` where version 2 says `step`.
    #[serde(borrow, default, alias = "content")]
    step: Maybe<Step<'a>>,
    #[serde(borrow, default)]
    delta: Maybe<Delta<'a>>,
    #[serde(borrow, default)]
    usage: Maybe<Counts<'a>>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
}

#[derive(Deserialize)]
struct Interaction<'a> {
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    model: Leaf<'a>,
    #[serde(borrow, default)]
    status: Leaf<'a>,
    #[serde(borrow, default)]
    usage: Maybe<Counts<'a>>,
}

#[derive(Deserialize)]
struct Step<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    name: Leaf<'a>,
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    arguments: Leaf<'a>,
    #[serde(borrow, default)]
    content: List<Content<'a>>,
    #[serde(borrow, default)]
    summary: List<Content<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    content: Maybe<Content<'a>>,
    #[serde(borrow, default)]
    arguments: Leaf<'a>,
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    name: Leaf<'a>,
    #[serde(borrow, default)]
    data: Leaf<'a>,
    #[serde(default)]
    annotations: List<Empty>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Code<'a> {
    #[serde(borrow)]
    code: Leaf<'a>,
}

#[derive(Deserialize)]
struct Empty {}

#[derive(Deserialize)]
struct Counts<'a> {
    #[serde(borrow, default)]
    total_input_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    total_output_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    total_thought_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    total_cached_tokens: Leaf<'a>,
}

/// Reads Gemini Interactions.
#[derive(Clone, Debug, Default)]
pub(crate) struct GeminiInteractions {
    /// Arguments that came whole with a call's start; they count unless deltas follow.
    whole: Vec<(u32, String)>,
}

impl Parse for GeminiInteractions {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(wire) = payload::object::<Wire<'_>>(frame, emit) else { return };
        let name = string(wire.event_type).unwrap_or(frame.name.into());
        let index = index(wire.index);
        match &*name {
            "content.delta" | "step.delta" => self.delta(index, wire.delta.as_ref(), emit),
            "content.start" | "step.start" => self.start(index, wire.step.as_ref(), emit),
            "content.stop" | "step.stop" => {
                self.stop(index, emit);
                counts(wire.usage.as_ref(), emit);
            }
            "error" => match Failure::read(wire.error) {
                Some(failure) => failure.emit(emit),
                None => emit.error("", "", false),
            },
            "interaction.complete" | "interaction.completed" => completed(wire.interaction.as_ref(), emit),
            "interaction.created" | "interaction.start" => created(wire.interaction.as_ref(), emit),
            "interaction.status_update" => {
                counts(wire.usage.as_ref(), emit);
                status(&string(wire.status).unwrap_or_default(), emit);
            }
            _ => payload::unknown(&name, emit),
        }
        if emit.is_silent() {
            emit.other(&name);
        }
    }
}

impl GeminiInteractions {
    fn start(&mut self, index: u32, step: Option<&Step<'_>>, emit: &mut Emit<'_>) {
        emit.end().seen(0);
        let Some(step) = step else { return };
        let name = string(step.r#type).unwrap_or_default();
        match &*name {
            "function_call" => {
                let id = string(step.id).unwrap_or_default();
                emit.tool_start(key(index, ChannelKind::Tool), &id, &string(step.name).unwrap_or_default());
                if let Some(arguments) = step.arguments.filter(|_| has_members(step.arguments)) {
                    self.keep(index, arguments.get(), emit);
                }
            }
            "model_output" | "text" | "thought" => {
                let answer = step.content.iter().map(|content| content.text).chain([step.text]);
                answer.for_each(|text| fragment(key(index, ChannelKind::Text), text, emit));
                let summary = step.summary.iter().map(|content| content.text);
                summary.for_each(|text| fragment(key(index, ChannelKind::Reasoning), text, emit));
            }
            call if call.ends_with("_call") => emit.server_tool(call.trim_end_matches("_call")),
            _ => emit.other(&name),
        }
    }

    fn keep(&mut self, index: u32, arguments: &str, emit: &mut Emit<'_>) {
        if self.whole.len() == MAX_WHOLE {
            return emit.anomaly(Anomaly::Limit);
        }
        self.whole.push((index, arguments.to_owned()));
    }

    fn delta(&mut self, index: u32, delta: Option<&Delta<'_>>, emit: &mut Emit<'_>) {
        emit.end().seen(0);
        let Some(delta) = delta else { return payload::unknown("step.delta", emit) };
        let name = string(delta.r#type).unwrap_or_default();
        match &*name {
            "text" => fragment(key(index, ChannelKind::Text), delta.text, emit),
            "thought_summary" => {
                let text = delta.content.as_ref().and_then(|content| content.text);
                fragment(key(index, ChannelKind::Reasoning), text, emit);
            }
            "arguments_delta" => {
                self.whole.retain(|(kept, _)| *kept != index);
                emit.tool_start(key(index, ChannelKind::Tool), "", "");
                fragment(key(index, ChannelKind::Tool), delta.arguments, emit);
            }
            "function_call" => {
                let (id, tool) = (string(delta.id).unwrap_or_default(), string(delta.name).unwrap_or_default());
                let arguments = delta.arguments.map_or("", |arguments| arguments.get());
                emit.tool_call(key(index, ChannelKind::Tool), &id, &tool, arguments);
            }
            "audio" => emit.audio(key(index, ChannelKind::Audio), base64_bytes(delta.data)),
            "text_annotation" | "text_annotation_delta" => {
                delta.annotations.iter().for_each(|_| emit.citation());
            }
            "code_execution_call" => {
                // Code that the provider runs is no answer to the user.
                let code = key(index, ChannelKind::Text).part(1);
                emit.mark_code(code);
                fragment(code, crate::json::inside::<Code<'_>>(delta.arguments).code, emit);
            }
            "document" | "image" | "thought_signature" | "video" => emit.other(&name),
            part if part.ends_with("_call") || part.ends_with("_result") => emit.other(&name),
            _ => payload::unknown(&name, emit),
        }
    }

    fn stop(&mut self, index: u32, emit: &mut Emit<'_>) {
        let key = key(index, ChannelKind::Tool);
        if let Some(at) = self.whole.iter().position(|(kept, _)| *kept == index) {
            let (_, arguments) = self.whole.swap_remove(at);
            emit.plain_fragment(key, &arguments);
        }
        emit.tool_end(key);
        emit.place_ends(Place::Item, index);
    }
}

fn key(index: u32, kind: ChannelKind) -> ChannelKey {
    ChannelKey::new(Place::Item, index, kind)
}

fn fragment(key: ChannelKey, text: Leaf<'_>, emit: &mut Emit<'_>) {
    if let Some(text) = text {
        emit.fragment(key, text);
    }
}

fn created(interaction: Option<&Interaction<'_>>, emit: &mut Emit<'_>) {
    emit.end().open(0);
    let id = interaction.and_then(|interaction| string(interaction.id)).unwrap_or_default();
    let model = interaction.and_then(|interaction| string(interaction.model)).unwrap_or_default();
    emit.start(&id, &model);
}

fn completed(interaction: Option<&Interaction<'_>>, emit: &mut Emit<'_>) {
    let raw = interaction.and_then(|interaction| string(interaction.status)).unwrap_or_default();
    counts(interaction.and_then(|interaction| interaction.usage.as_ref()), emit);
    status(&raw, emit);
    emit.finish(0, reason(&raw), &raw);
}

/// A status may say that the stream failed or was cancelled before `interaction.completed` comes.
fn status(raw: &str, emit: &mut Emit<'_>) {
    match raw {
        "cancelled" => emit.end().cancel(),
        "failed" => emit.end().fail(),
        _ => {}
    }
}

fn counts(counts: Option<&Counts<'_>>, emit: &mut Emit<'_>) {
    let Some(counts) = counts else { return };
    emit.usage(Usage {
        input: integer(counts.total_input_tokens),
        output: integer(counts.total_output_tokens),
        reasoning: integer(counts.total_thought_tokens),
        cache_read: integer(counts.total_cached_tokens),
        cache_write: None,
        source: UsageSource::Reported,
    });
}

fn reason(raw: &str) -> Reason {
    match raw {
        "completed" => Reason::Stop,
        "failed" => Reason::Error,
        "budget_exceeded" | "incomplete" => Reason::Length,
        "requires_action" => Reason::Tool,
        "requires_continuation" => Reason::Pause,
        _ => Reason::Other,
    }
}

crate::keep::keep!(struct GeminiInteractions { whole });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EndingState;
    use crate::dialect::{Dialect, sample::Sample};

    const CREATED: &str = r#"{"interaction":{"id":"i1","status":"in_progress","object":"interaction","model":"gemini-2.5-flash"},"event_type":"interaction.created"}"#;
    const OUTPUT: &str = r#"{"index":1,"step":{"type":"model_output"},"event_type":"step.start"}"#;
    const HI: &str = r#"{"index":1,"delta":{"text":"Hi","type":"text"},"event_type":"step.delta"}"#;

    fn completed(status: &str) -> String {
        format!(
            r#"{{"interaction":{{"id":"i1","status":"{status}","usage":{{"total_input_tokens":7,"total_output_tokens":26,"total_thought_tokens":5}}}},"event_type":"interaction.completed"}}"#
        )
    }

    fn read(frames: &[&str]) -> Sample {
        Sample::of(Dialect::Auto, frames)
    }

    #[test]
    fn steps_give_their_channels_and_the_status_ends_it() {
        let frames = [
            CREATED,
            r#"{"interaction_id":"i1","status":"in_progress","event_type":"interaction.status_update"}"#,
            r#"{"index":0,"step":{"type":"thought"},"event_type":"step.start"}"#,
            r#"{"index":0,"delta":{"type":"thought_summary","content":{"type":"text","text":"Hm"}},"event_type":"step.delta"}"#,
            r#"{"index":0,"delta":{"signature":"Ci","type":"thought_signature"},"event_type":"step.delta"}"#,
            OUTPUT,
            HI,
            &completed("completed"),
        ];
        let sample = read(&frames);
        let lines = [
            "start i1 gemini-2.5-flash",
            "other interaction.status_update",
            "other step.start",
            "reasoning item:0/reasoning Hm",
            "other thought_signature",
            "other step.start",
            "text item:1/text Hi",
            "usage Some(7) Some(26)",
            "finish 0 stop completed",
        ];
        assert_eq!((sample.dialect, sample.lines()), (Dialect::GeminiInteractions, lines.map(String::from).to_vec()));
        assert_eq!((sample.ending().state, sample.ending().notes), (EndingState::Complete, vec![]));
        assert_eq!(read(&frames[..7]).ending().state, EndingState::Truncated);
    }

    #[test]
    fn a_call_ends_with_its_step() {
        let start = |arguments: &str| {
            format!(
                r#"{{"index":1,"step":{{"id":"c1","type":"function_call","name":"f","arguments":{arguments}}},"event_type":"step.start"}}"#
            )
        };
        let delta =
            r#"{"index":1,"delta":{"arguments":"{\"a\":1}","type":"arguments_delta"},"event_type":"step.delta"}"#;
        let stop = r#"{"index":1,"event_type":"step.stop"}"#;
        let lines = [
            "tool_start item:1/tool:0 c1 f",
            r#"tool_args item:1/tool:0 {"a":1}"#,
            "tool_end item:1/tool:0 Some(true)",
        ];
        assert_eq!(read(&[CREATED, &start("{}"), delta, stop]).lines()[1..], lines);
        assert_eq!(read(&[CREATED, &start(r#"{"a":1}"#), stop]).lines()[1..], lines);
        assert_eq!(read(&[CREATED, &start(r#"{"b":2}"#), delta, stop]).lines()[1..], lines);
    }

    #[test]
    fn a_tool_of_the_provider_is_no_tool_call() {
        let sample = read(&[
            CREATED,
            r#"{"index":0,"step":{"type":"code_execution_call"},"event_type":"step.start"}"#,
            r#"{"index":0,"delta":{"type":"code_execution_call","arguments":{"code":"print(1)"}},"event_type":"step.delta"}"#,
            r#"{"index":1,"step":{"type":"code_execution_result"},"event_type":"step.start"}"#,
        ]);
        let lines = ["server_tool code_execution", "text item:0/text:1 print(1)", "other code_execution_result"];
        assert_eq!(sample.lines()[1..], lines);
        assert!(sample.known.channels.iter().all(|(_, channel)| channel.code));
    }

    #[test]
    fn every_status_has_an_ending() {
        let endings = [
            ("budget_exceeded", Reason::Length, EndingState::Complete),
            ("cancelled", Reason::Other, EndingState::Cancelled),
            ("completed", Reason::Stop, EndingState::Complete),
            ("failed", Reason::Error, EndingState::Failed),
            ("incomplete", Reason::Length, EndingState::Complete),
            ("requires_action", Reason::Tool, EndingState::Complete),
            ("requires_continuation", Reason::Pause, EndingState::Complete),
        ];
        for (raw, expected, state) in endings {
            assert_eq!(reason(raw), expected, "{raw}");
            assert_eq!(read(&[CREATED, OUTPUT, HI, &completed(raw)]).ending().state, state, "{raw}");
        }
    }

    #[test]
    fn an_error_event_fails_the_stream() {
        let error = r#"{"error":{"code":"unavailable","message":"later"},"event_type":"error"}"#;
        let sample = read(&[CREATED, error]);
        assert_eq!(sample.only(&["error"]), ["error unavailable later (retryable)"]);
        assert_eq!(sample.ending().state, EndingState::Failed);
    }

    #[test]
    fn what_is_unknown_is_kept_and_counted() {
        let sample = read(&[
            CREATED,
            r#"{"event_type":"step.pause"}"#,
            r#"{"index":0,"delta":{"type":"smell"},"event_type":"step.delta"}"#,
            r#"{"event_type":"step.delta"}"#,
        ]);
        assert_eq!(sample.lines()[1..], ["other step.pause", "other smell", "other step.delta"]);
        assert_eq!(sample.count(Anomaly::UnknownEvent), 3);
    }
}
