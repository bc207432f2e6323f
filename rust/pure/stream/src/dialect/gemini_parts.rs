//! The parts of a Gemini answer, as generateContent and Live send them.

use serde::Deserialize;

use super::gemini_arguments::{Arguments, PartialArg};
use super::payload::has_members;
use crate::emit::Emit;
use crate::json::{Few, Leaf, base64_bytes, inside, integer, is_true, string, words};
use crate::{Anomaly, ChannelKey, ChannelKind, Place, Usage, UsageSource};

/// Lanes whose calls are numbered at most.
const MAX_LANES: usize = 64;

#[derive(Deserialize)]
pub(super) struct Content<'a> {
    #[serde(borrow, default)]
    pub(super) parts: Few<Part<'a>>,
}

/// Text is what most parts hold; the rest are leaves, read when they are there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow, default)]
    text: Leaf<'a>,
    #[serde(borrow, default)]
    thought: Leaf<'a>,
    #[serde(borrow, default)]
    thought_signature: Leaf<'a>,
    #[serde(borrow, default)]
    function_call: Leaf<'a>,
    #[serde(borrow, default)]
    executable_code: Leaf<'a>,
    #[serde(borrow, default)]
    code_execution_result: Leaf<'a>,
    #[serde(borrow, default)]
    inline_data: Leaf<'a>,
    #[serde(borrow, default)]
    tool_call: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FunctionCall<'a> {
    #[serde(borrow)]
    id: Leaf<'a>,
    #[serde(borrow)]
    name: Leaf<'a>,
    #[serde(borrow)]
    args: Leaf<'a>,
    #[serde(borrow)]
    partial_args: Few<PartialArg<'a>>,
    #[serde(borrow)]
    will_continue: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Code<'a> {
    #[serde(borrow)]
    code: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Inline<'a> {
    #[serde(borrow)]
    mime_type: Leaf<'a>,
    #[serde(borrow)]
    data: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServerCall<'a> {
    #[serde(borrow)]
    tool_type: Leaf<'a>,
}

/// Token counts under the names of generateContent and of Live.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts<'a> {
    #[serde(borrow, default)]
    prompt_token_count: Leaf<'a>,
    #[serde(borrow, default)]
    candidates_token_count: Leaf<'a>,
    #[serde(borrow, default)]
    response_token_count: Leaf<'a>,
    #[serde(borrow, default)]
    thoughts_token_count: Leaf<'a>,
    #[serde(borrow, default)]
    cached_content_token_count: Leaf<'a>,
}

impl Counts<'_> {
    /// Vertex repeats the traffic type without a count in every chunk: no event.
    pub(super) fn emit(&self, emit: &mut Emit<'_>) {
        let usage = Usage {
            input: integer(self.prompt_token_count),
            output: integer(self.candidates_token_count).or(integer(self.response_token_count)),
            reasoning: integer(self.thoughts_token_count),
            cache_read: integer(self.cached_content_token_count),
            cache_write: None,
            source: UsageSource::Reported,
        };
        if usage.input.is_some() || usage.output.is_some() {
            emit.usage(usage);
        }
    }
}

/// Numbers the calls and codes of each lane and keeps the call whose arguments are under way.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    place: Place,
    lanes: Vec<Lane>,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    number: u32,
    calls: u32,
    codes: u32,
    open: Option<Open>,
}

/// A call whose arguments are under way.
#[derive(Clone, Debug)]
struct Open {
    name: String,
    arguments: Arguments,
}

impl Lane {
    /// Whether `call` is a new one. A piece of the open call has no name, or repeats it beside more values.
    fn begins(&self, name: &str, call: &FunctionCall<'_>) -> bool {
        match &self.open {
            Some(open) => !name.is_empty() && (open.name != name || call.partial_args.is_empty()),
            None => !name.is_empty() || has_members(call.args) || !call.partial_args.is_empty(),
        }
    }
}

impl Parts {
    pub(super) fn of(place: Place) -> Self {
        Self { place, lanes: Vec::new() }
    }

    /// Whether the lane has called a tool.
    pub(super) fn has_called(&self, number: u32) -> bool {
        self.lanes.iter().any(|lane| lane.number == number && lane.calls > 0)
    }

    /// Reads one part; says whether it holds content.
    pub(super) fn read(&mut self, number: u32, part: &Part<'_>, emit: &mut Emit<'_>) -> bool {
        let key = |kind| ChannelKey::new(self.place, number, kind);
        let before = emit.count();
        match part.text {
            // The signature stands for what the model thought, and covers the text of its part.
            Some(text) if is_true(part.thought) && part.thought_signature.is_some() => {
                emit.signed_fragment(key(ChannelKind::Reasoning), text);
            }
            Some(text) if is_true(part.thought) => emit.fragment(key(ChannelKind::Reasoning), text),
            Some(text) => emit.fragment(key(ChannelKind::Text), text),
            None => {}
        }
        if part.inline_data.is_some() {
            let inline: Inline<'_> = inside(part.inline_data);
            let is_audio = string(inline.mime_type).is_some_and(|mime| mime.starts_with("audio/"));
            match is_audio {
                true => emit.audio(key(ChannelKind::Audio), base64_bytes(inline.data)),
                false => emit.other("inlineData"),
            }
        }
        if part.function_call.is_some() {
            self.call(number, &inside(part.function_call), emit);
        }
        if part.executable_code.is_some() {
            self.code(number, &inside(part.executable_code), emit);
        }
        if part.code_execution_result.is_some() {
            emit.other("codeExecutionResult");
        }
        if part.tool_call.is_some() {
            let call: ServerCall<'_> = inside(part.tool_call);
            emit.server_tool(&string(call.tool_type).unwrap_or_default());
        }
        emit.count() > before
    }

    /// Code that the provider runs is no answer to the user: each piece has a channel of its own.
    fn code(&mut self, number: u32, code: &Code<'_>, emit: &mut Emit<'_>) {
        let place = self.place;
        let Some(lane) = self.lane(number, emit) else { return };
        lane.codes += 1;
        let key = ChannelKey::new(place, number, ChannelKind::Text).part(lane.codes);
        emit.server_tool("code_execution");
        if let Some(code) = words(code.code) {
            emit.mark_code(key);
            emit.fragment(key, code);
        }
    }

    /// A call that is whole, or one more piece of a call whose arguments come as values at paths.
    pub(super) fn call(&mut self, number: u32, call: &FunctionCall<'_>, emit: &mut Emit<'_>) {
        let place = self.place;
        let Some(lane) = self.lane(number, emit) else { return };
        let key = |calls: u32| ChannelKey::new(place, number, ChannelKind::Tool).part(calls.saturating_sub(1));
        let goes_on = is_true(call.will_continue);
        let name = string(call.name).unwrap_or_default();
        if lane.begins(&name, call) {
            lane.calls += 1;
            emit.tool_start(key(lane.calls), &string(call.id).unwrap_or_default(), &name);
            let streams = goes_on || !call.partial_args.is_empty();
            lane.open = streams.then(|| Open { name: name.into_owned(), arguments: Arguments::default() });
        } else if lane.open.is_none() {
            return;
        }
        let mut text = String::new();
        match &mut lane.open {
            Some(open) => {
                call.partial_args.iter().for_each(|arg| open.arguments.push(arg, &mut text));
                if !goes_on {
                    open.arguments.close(&mut text);
                }
            }
            None => text.push_str(call.args.map_or("", |args| args.get())),
        }
        let call_key = key(lane.calls);
        for arg in call.partial_args.iter() {
            emit.copy(call_key, 1, arg.string_value);
            if !is_true(arg.will_continue) {
                emit.copy_ends(call_key, 1);
            }
        }
        emit.plain_fragment(key(lane.calls), &text);
        if !goes_on {
            lane.open = None;
            emit.tool_end(key(lane.calls));
        }
    }

    fn lane(&mut self, number: u32, emit: &mut Emit<'_>) -> Option<&mut Lane> {
        let at = self.lanes.iter().position(|lane| lane.number == number).unwrap_or(self.lanes.len());
        if at == MAX_LANES {
            emit.anomaly(Anomaly::Limit);
            return None;
        }
        if at == self.lanes.len() {
            self.lanes.push(Lane { number, ..Lane::default() });
        }
        self.lanes.get_mut(at)
    }
}

crate::keep::keep!(struct Parts { place, lanes });
crate::keep::keep!(struct Lane { number, calls, codes, open });
crate::keep::keep!(struct Open { name, arguments });
