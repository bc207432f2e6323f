//! xAI gRPC chunks as JSON: `chunk.outputs[]`, numbered through all turns of an answer. A turn that only calls tools of
//! the server is followed by theirs and by another turn, so its reason is not the end.

use serde::Deserialize;

use super::failure::Failure;
use super::{Dialect, Parse, payload};
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{self, Few, Leaf, Maybe};
use crate::{Anomaly, ChannelKey, ChannelKind, Place, Reason, Usage, UsageSource};

/// Tool calls of one stream that are told apart at most.
const MAX_CALLS: usize = 256;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    chunk: Maybe<Chunk<'a>>,
    #[serde(borrow, default)]
    error: Leaf<'a>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    model: Leaf<'a>,
    #[serde(borrow, default)]
    outputs: Few<Output<'a>>,
    #[serde(borrow, default)]
    usage: Maybe<Counts<'a>>,
    #[serde(borrow, default)]
    citations: Leaf<'a>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    delta: Maybe<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Leaf<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    role: Leaf<'a>,
    #[serde(borrow, default)]
    content: Leaf<'a>,
    #[serde(borrow, default)]
    reasoning_content: Leaf<'a>,
    #[serde(borrow, default)]
    tool_calls: Few<Call<'a>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    r#type: Leaf<'a>,
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

#[derive(Deserialize)]
struct Counts<'a> {
    #[serde(borrow, default)]
    prompt_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    completion_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    reasoning_tokens: Leaf<'a>,
    #[serde(borrow, default)]
    cached_prompt_text_tokens: Leaf<'a>,
}

/// The turns of an answer and the tools they call.
#[derive(Clone, Debug, Default)]
pub(super) struct XaiGrpc {
    /// The client's calls: output and id.
    calls: Vec<(u32, String)>,
    /// Turns that called a tool of the server and wait for the next turn.
    waiting: Vec<u32>,
    /// Ids of the server's calls.
    server_calls: Vec<String>,
}

impl Parse for XaiGrpc {
    fn begin(&mut self, emit: &mut Emit<'_>) {
        emit.end().expect_finish();
    }

    fn frame(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        let Some(line) = payload::object::<Line<'_>>(frame, emit) else { return };
        if let Some(failure) = Failure::read(line.error) {
            failure.emit(emit);
        }
        if let Some(chunk) = line.chunk.as_ref() {
            self.chunk(chunk, emit);
        }
        if emit.is_silent() {
            payload::unknown(frame.name, emit);
        }
    }
}

impl XaiGrpc {
    fn chunk(&mut self, chunk: &Chunk<'_>, emit: &mut Emit<'_>) {
        if !emit.has_started() {
            let word = |leaf| json::string(leaf).unwrap_or_default();
            emit.start(&word(chunk.id), &word(chunk.model));
        }
        for output in chunk.outputs.iter() {
            self.output(output, emit);
        }
        if let Some(counts) = chunk.usage.as_ref() {
            emit.usage(Usage {
                input: json::integer(counts.prompt_tokens),
                output: json::integer(counts.completion_tokens),
                reasoning: json::integer(counts.reasoning_tokens),
                cache_read: json::integer(counts.cached_prompt_text_tokens),
                cache_write: None,
                source: UsageSource::Reported,
            });
        }
        let citations: Vec<serde::de::IgnoredAny> = json::inside(chunk.citations);
        citations.iter().for_each(|_| emit.citation());
    }

    fn output(&mut self, output: &Output<'_>, emit: &mut Emit<'_>) {
        let index = json::integer(output.index).unwrap_or_default() as u32;
        if let Some(delta) = output.delta.as_ref() {
            // What a tool of the server answered is no text of the model.
            if json::string(delta.role).as_deref() == Some("ROLE_TOOL") {
                return emit.other("ROLE_TOOL");
            }
            self.delta(index, delta, emit);
        }
        let raw = json::string(json::words(output.finish_reason)).unwrap_or_default();
        if !matches!(raw.as_ref(), "" | "REASON_INVALID") {
            self.finish(index, &raw, emit);
        }
    }

    fn delta(&mut self, index: u32, delta: &Delta<'_>, emit: &mut Emit<'_>) {
        for turn in self.waiting.extract_if(.., |turn| *turn < index) {
            emit.end().finish(turn, false);
        }
        emit.end().seen(index);
        let key = |kind| ChannelKey::new(Place::Choice, index, kind);
        if let Some(text) = delta.reasoning_content {
            emit.fragment(key(ChannelKind::Reasoning), text);
        }
        if let Some(text) = delta.content {
            emit.fragment(key(ChannelKind::Text), text);
        }
        for call in delta.tool_calls.iter() {
            self.call(index, call, emit);
        }
    }

    fn call(&mut self, index: u32, call: &Call<'_>, emit: &mut Emit<'_>) {
        let id = json::string(call.id).unwrap_or_default();
        let Some(function) = call.function.as_ref() else { return };
        let name = json::string(function.name).unwrap_or_default();
        let kind = json::string(call.r#type).unwrap_or_default();
        if self.calls.len() + self.server_calls.len() >= MAX_CALLS {
            return emit.anomaly(Anomaly::Limit);
        }
        if !matches!(kind.as_ref(), "" | "TOOL_CALL_TYPE_CLIENT_SIDE_TOOL" | "TOOL_CALL_TYPE_INVALID") {
            if !self.server_calls.iter().any(|known| *known == id) {
                self.server_calls.push(id.into_owned());
                emit.server_tool(&name);
            }
            if !self.waiting.contains(&index) {
                self.waiting.push(index);
            }
            return;
        }
        let known = self.calls.iter().filter(|(output, _)| *output == index).position(|(_, known)| *known == id);
        let part = known.unwrap_or_else(|| {
            self.calls.push((index, id.clone().into_owned()));
            self.calls.iter().filter(|(output, _)| *output == index).count() - 1
        });
        let key = ChannelKey::new(Place::Choice, index, ChannelKind::Tool).part(part as u32);
        emit.tool_start(key, &id, &name);
        if let Some(arguments) = function.arguments {
            emit.fragment(key, arguments);
        }
    }

    fn finish(&mut self, index: u32, raw: &str, emit: &mut Emit<'_>) {
        let calls_client = self.calls.iter().any(|(output, _)| *output == index);
        if raw == "REASON_TOOL_CALLS" && self.waiting.contains(&index) && !calls_client {
            return emit.other(raw);
        }
        self.waiting.retain(|turn| *turn != index);
        emit.tools_end(Place::Choice, index);
        emit.finish(index, reason(raw), raw);
    }
}

fn reason(raw: &str) -> Reason {
    match raw {
        "REASON_STOP" => Reason::Stop,
        "REASON_MAX_CONTEXT" | "REASON_MAX_LEN" => Reason::Length,
        "REASON_TOOL_CALLS" => Reason::Tool,
        _ => Reason::Other,
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    chunk: Maybe<Chunk<'a>>,
}

/// Told by a chunk with outputs.
pub(super) fn sniff(frame: &Frame<'_>) -> Option<Dialect> {
    let Maybe(Some(head)) = serde_json::from_str::<Maybe<Head<'_>>>(frame.data).ok()? else { return None };
    head.chunk.as_ref()?.outputs.given.then_some(Dialect::XaiGrpc)
}

crate::keep::keep!(struct XaiGrpc { calls, waiting, server_calls });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EndingState;
    use crate::dialect::sample::Sample;

    fn output(index: u32, delta: &str, reason: &str) -> String {
        let reason = if reason.is_empty() { String::new() } else { format!(r#","finish_reason":"{reason}""#) };
        format!(
            r#"{{"chunk":{{"id":"i","model":"grok","outputs":[{{"index":{index},"delta":{delta}{reason}}}],
            "usage":{{"completion_tokens":2,"prompt_tokens":9}}}}}}"#
        )
    }

    fn read(frames: &[String]) -> Sample {
        Sample::of(Dialect::Auto, &frames.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn reasoning_text_usage_and_reason_are_read() {
        let sample = read(&[
            output(0, r#"{"role":"ROLE_ASSISTANT","reasoning_content":"hm"}"#, ""),
            output(0, r#"{"role":"ROLE_ASSISTANT","content":"Hi"}"#, ""),
            output(0, r#"{"role":"ROLE_ASSISTANT"}"#, "REASON_STOP"),
        ]);
        assert_eq!(sample.dialect, Dialect::XaiGrpc);
        assert_eq!((sample.text("choice:0/reasoning"), sample.text("choice:0/text")), ("hm".into(), "Hi".into()));
        assert_eq!(sample.only(&["start", "finish"]), ["start i grok", "finish 0 stop REASON_STOP"]);
        assert_eq!((sample.known.usage().input, sample.known.usage().output), (Some(9), Some(2)));
        assert_eq!(sample.ending().state, EndingState::Complete);
    }

    #[test]
    fn a_turn_that_calls_tools_of_the_server_is_not_the_end() {
        let call = r#""tool_calls":[{"id":"c","type":"TOOL_CALL_TYPE_WEB_SEARCH_TOOL","function":{"name":"web_search","arguments":"{}"}}]"#;
        let mut frames = vec![
            output(0, &format!(r#"{{"role":"ROLE_ASSISTANT",{call}}}"#), ""),
            output(0, r#"{"role":"ROLE_ASSISTANT"}"#, "REASON_TOOL_CALLS"),
            output(1, &format!(r#"{{"role":"ROLE_TOOL","content":"found",{call}}}"#), ""),
        ];
        let sample = read(&frames);
        assert_eq!(sample.only(&["server_tool", "text"]), ["server_tool web_search"]);
        assert_eq!(sample.ending().state, EndingState::Truncated);
        frames.push(output(2, r#"{"role":"ROLE_ASSISTANT","content":"It rains"}"#, ""));
        assert_eq!(read(&frames).ending().state, EndingState::Truncated);
        frames.push(output(2, r#"{"role":"ROLE_ASSISTANT"}"#, "REASON_STOP"));
        assert_eq!(read(&frames).ending().state, EndingState::Complete);
    }

    #[test]
    fn calls_of_the_clients_tools_are_whole_at_the_reason() {
        let call = r#"{"tool_calls":[{"id":"x","type":"TOOL_CALL_TYPE_CLIENT_SIDE_TOOL","function":{"name":"f","arguments":"{}"}},
            {"id":"y","function":{"name":"g","arguments":"[1]"}}]}"#;
        let sample = read(&[output(0, call, ""), output(0, "{}", "REASON_TOOL_CALLS")]);
        let calls: Vec<_> =
            sample.known.tools.calls().iter().map(|c| (c.id.as_str(), c.arguments.as_str(), c.complete)).collect();
        assert_eq!(calls, [("x", "{}", true), ("y", "[1]", true)]);
        assert_eq!(sample.ending().state, EndingState::Complete);
    }
}
