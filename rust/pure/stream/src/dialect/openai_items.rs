//! Output items of Responses and Realtime: messages, reasoning, tool calls. Their text comes as deltas, and again whole.

use serde::Deserialize;

use crate::emit::Emit;
use crate::json::{self, Leaf, List, Maybe};
use crate::{ChannelKey, ChannelKind, Place};

/// Items whose kind is remembered at most.
const MAX_ITEMS: usize = 256;
/// An item may hold both a summary of its reasoning and the reasoning itself: the parts of the one that comes second
/// are numbered from here on.
const SECOND_REASONING: u32 = 128;

/// One event of Responses or Realtime, with the fields that any of them has.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Leaf<'a>,
    #[serde(borrow)]
    pub(super) object: Leaf<'a>,
    #[serde(borrow)]
    pub(super) sequence_number: Leaf<'a>,
    #[serde(borrow)]
    pub(super) response_id: Leaf<'a>,
    #[serde(borrow)]
    pub(super) response: Leaf<'a>,
    #[serde(borrow)]
    pub(super) error: Leaf<'a>,
    #[serde(borrow)]
    pub(super) session: Leaf<'a>,
    #[serde(borrow)]
    pub(super) item_id: Leaf<'a>,
    #[serde(borrow)]
    pub(super) output_index: Leaf<'a>,
    #[serde(borrow)]
    pub(super) item: Leaf<'a>,
    #[serde(borrow)]
    content_index: Leaf<'a>,
    #[serde(borrow)]
    summary_index: Leaf<'a>,
    #[serde(borrow)]
    delta: Leaf<'a>,
    #[serde(borrow)]
    text: Leaf<'a>,
    #[serde(borrow)]
    refusal: Leaf<'a>,
    #[serde(borrow)]
    transcript: Leaf<'a>,
    #[serde(borrow)]
    arguments: Leaf<'a>,
    #[serde(borrow)]
    input: Leaf<'a>,
    #[serde(borrow)]
    code: Leaf<'a>,
    #[serde(borrow)]
    call_id: Leaf<'a>,
    #[serde(borrow)]
    name: Leaf<'a>,
    #[serde(borrow)]
    part: Leaf<'a>,
}

/// An output item.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Leaf<'a>,
    #[serde(borrow)]
    pub(super) id: Leaf<'a>,
    #[serde(borrow)]
    call_id: Leaf<'a>,
    #[serde(borrow)]
    name: Leaf<'a>,
    #[serde(borrow)]
    arguments: Leaf<'a>,
    #[serde(borrow)]
    input: Leaf<'a>,
    #[serde(borrow)]
    code: Leaf<'a>,
    #[serde(borrow)]
    action: Leaf<'a>,
    #[serde(borrow)]
    operation: Leaf<'a>,
    #[serde(borrow)]
    environment: Maybe<Kind<'a>>,
    #[serde(borrow)]
    content: List<Part<'a>>,
    #[serde(borrow)]
    summary: List<Part<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Leaf<'a>,
    #[serde(borrow)]
    text: Leaf<'a>,
    #[serde(borrow)]
    refusal: Leaf<'a>,
    #[serde(borrow)]
    transcript: Leaf<'a>,
    annotations: List<Anything>,
}

#[derive(Deserialize)]
struct Anything {}

/// What a fragment belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stem {
    Arguments,
    Audio,
    Code,
    Input,
    Refusal,
    ServerArguments,
    Summary,
    Text,
    Thought,
    Transcript,
}

impl Stem {
    fn of(stem: &str) -> Option<Self> {
        Some(match stem {
            "function_call_arguments" => Self::Arguments,
            "audio" | "output_audio" => Self::Audio,
            "code_interpreter_call_code" | "code_interpreter_call.code" => Self::Code,
            "custom_tool_call_input" => Self::Input,
            "refusal" => Self::Refusal,
            "mcp_call_arguments" | "mcp_call.arguments" => Self::ServerArguments,
            "reasoning_summary_text" | "reasoning_summary" => Self::Summary,
            "output_text" | "text" => Self::Text,
            "reasoning_text" | "reasoning" => Self::Thought,
            "audio.transcript" | "audio_transcript" | "output_audio_transcript" => Self::Transcript,
            _ => return None,
        })
    }

    fn channel(self) -> ChannelKind {
        match self {
            Self::Arguments | Self::Code | Self::Input | Self::ServerArguments => ChannelKind::Tool,
            Self::Audio => ChannelKind::Audio,
            Self::Refusal => ChannelKind::Refusal,
            Self::Summary | Self::Thought => ChannelKind::Reasoning,
            Self::Text | Self::Transcript => ChannelKind::Text,
        }
    }

    /// The field that holds the whole text in the event that closes it.
    fn whole<'a>(self, wire: &Wire<'a>) -> Leaf<'a> {
        match self {
            Self::Arguments | Self::ServerArguments => wire.arguments,
            Self::Audio => None,
            Self::Code => wire.code,
            Self::Input => wire.input,
            Self::Refusal => wire.refusal,
            Self::Summary | Self::Text | Self::Thought => wire.text,
            Self::Transcript => wire.transcript,
        }
    }
}

/// The items of one response, or of a session.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// The response calls a tool that the client runs.
    pub(super) calls_made: bool,
    /// Something of the response was read, so a whole copy of it is a copy.
    pub(super) any: bool,
    /// Which kind of reasoning came first in an item.
    reasoning: Vec<(u32, Stem)>,
    /// Items whose tool of the provider's own was told.
    told: Vec<u32>,
}

impl Items {
    /// A response begins.
    pub(super) fn next_response(&mut self) {
        self.calls_made = false;
        self.any = false;
    }

    /// Reads an event about item `index`. `name` is the event's name without `response.`. False where the event is
    /// about nothing inside an item.
    pub(super) fn event(&mut self, name: &str, index: u32, wire: &Wire<'_>, emit: &mut Emit<'_>) -> bool {
        match name {
            "output_item.added" => self.added(index, &json::inside(wire.item), emit),
            "output_item.done" => self.done(index, &json::inside(wire.item), emit),
            "content_part.done" => self.content(index, number(wire.content_index), &json::inside(wire.part), emit),
            "output_text.annotation.added" => emit.citation(),
            _ => return self.text_event(name, index, wire, emit),
        }
        true
    }

    fn text_event(&mut self, name: &str, index: u32, wire: &Wire<'_>, emit: &mut Emit<'_>) -> bool {
        let Some((stem, step)) = name.rsplit_once(['.', '_']).filter(|(_, step)| matches!(*step, "delta" | "done"))
        else {
            return false;
        };
        let Some(stem) = Stem::of(stem) else { return false };
        let key = self.key(stem, index, number(wire.content_index), number(wire.summary_index));
        if stem == Stem::Arguments || stem == Stem::Input {
            self.calls_made = true;
            let id = json::string(wire.call_id).or_else(|| json::string(wire.item_id)).unwrap_or_default();
            let name = json::string(wire.name).unwrap_or_default();
            if !emit.has_tool(key) && stem == Stem::Input {
                emit.free_text_tool_start(key, &id, &name);
            } else {
                emit.tool_start(key, &id, &name);
            }
        }
        if step == "delta" {
            self.fragment(stem, key, wire.delta, emit);
        } else {
            self.copy(stem, key, stem.whole(wire), emit);
        }
        true
    }

    fn key(&mut self, stem: Stem, index: u32, content: u32, summary: u32) -> ChannelKey {
        let key = ChannelKey::new(Place::Item, index, stem.channel());
        match stem {
            Stem::Summary | Stem::Thought => {
                let first =
                    self.reasoning.iter().rev().find(|(item, _)| *item == index).map_or(stem, |(_, first)| *first);
                if self.reasoning.last() != Some(&(index, first)) && self.reasoning.len() < MAX_ITEMS {
                    self.reasoning.push((index, first));
                }
                let part = if stem == Stem::Summary { summary } else { content };
                key.part(if first == stem { part } else { part.saturating_add(SECOND_REASONING) })
            }
            Stem::Audio | Stem::Refusal | Stem::Text | Stem::Transcript => key.part(content),
            Stem::Arguments | Stem::Code | Stem::Input | Stem::ServerArguments => key,
        }
    }

    fn fragment(&mut self, stem: Stem, key: ChannelKey, value: Leaf<'_>, emit: &mut Emit<'_>) {
        self.any = true;
        let Some(value) = value else { return };
        match stem {
            Stem::Audio => {
                if let bytes @ 1.. = json::base64_bytes(Some(value)) {
                    emit.audio(key, bytes);
                }
            }
            Stem::Code | Stem::ServerArguments => {
                if stem == Stem::Code {
                    emit.mark_code(key);
                }
                emit.server_tool_fragment(key, value);
            }
            _ => emit.fragment(key, value),
        }
    }

    /// The whole text of a channel: a copy, unless no fragment of it came.
    fn copy(&mut self, stem: Stem, key: ChannelKey, whole: Leaf<'_>, emit: &mut Emit<'_>) {
        if !emit.has_text(key) {
            self.fragment(stem, key, whole, emit);
        }
        if matches!(stem, Stem::Arguments | Stem::Input) {
            emit.tool_end(key);
        }
    }

    fn added(&mut self, index: u32, item: &Item<'_>, emit: &mut Emit<'_>) {
        self.any = true;
        let kind = json::string(item.kind).unwrap_or_default();
        let key = ChannelKey::new(Place::Item, index, ChannelKind::Tool);
        match kind.as_ref() {
            "function_call" => emit.tool_start(key, &item.call(), &item.name()),
            "custom_tool_call" => emit.free_text_tool_start(key, &item.call(), &item.name()),
            _ => return self.tell(index, &kind, item, emit),
        }
        self.calls_made = true;
    }

    /// Tells once that the provider runs a tool of its own.
    fn tell(&mut self, index: u32, kind: &str, item: &Item<'_>, emit: &mut Emit<'_>) {
        let Some(tool) = kind.strip_suffix("_call").filter(|_| !item.client_runs(kind)) else { return };
        if self.told.contains(&index) || self.told.len() == MAX_ITEMS {
            return;
        }
        self.told.push(index);
        let name = item.name();
        emit.server_tool(if name.is_empty() { tool } else { &name });
    }

    /// Reads an item that is whole.
    pub(super) fn done(&mut self, index: u32, item: &Item<'_>, emit: &mut Emit<'_>) {
        self.any = true;
        let kind = json::string(item.kind).unwrap_or_default();
        let key = ChannelKey::new(Place::Item, index, ChannelKind::Tool);
        match kind.as_ref() {
            "message" => {
                for (part, content) in item.content.iter().enumerate() {
                    self.content(index, part as u32, content, emit);
                }
            }
            "reasoning" => self.reasoned(index, item, emit),
            "function_call" => {
                self.added(index, item, emit);
                self.copy(Stem::Arguments, key, item.arguments, emit);
            }
            "custom_tool_call" => {
                if !emit.has_tool(key) {
                    self.added(index, item, emit);
                }
                self.copy(Stem::Input, key, item.input, emit);
            }
            kind if item.client_runs(kind) => {
                self.calls_made = true;
                let arguments = item.action.or(item.operation).map_or("", |leaf| leaf.get());
                emit.tool_call(key, &item.call(), kind.strip_suffix("_call").unwrap_or(kind), arguments);
            }
            kind => {
                self.tell(index, kind, item, emit);
                let (stem, given) = match kind {
                    "code_interpreter_call" => (Stem::Code, item.code),
                    "mcp_call" => (Stem::ServerArguments, item.arguments),
                    _ => return,
                };
                self.copy(stem, key, given, emit);
            }
        }
    }

    fn reasoned(&mut self, index: u32, item: &Item<'_>, emit: &mut Emit<'_>) {
        if emit.has_text_at(Place::Item, index, ChannelKind::Reasoning) {
            return;
        }
        for (stem, parts) in [(Stem::Summary, &item.summary), (Stem::Thought, &item.content)] {
            for (part, content) in parts.iter().enumerate().filter(|(_, content)| json::words(content.text).is_some()) {
                let key = self.key(stem, index, part as u32, part as u32);
                self.fragment(stem, key, content.text, emit);
            }
        }
    }

    /// A content part that is whole.
    fn content(&mut self, index: u32, part: u32, content: &Part<'_>, emit: &mut Emit<'_>) {
        let kind = json::string(content.kind).unwrap_or_default();
        let (stem, text) = match kind.as_ref() {
            "refusal" => (Stem::Refusal, content.refusal),
            "reasoning_text" => (Stem::Thought, content.text),
            "summary_text" => (Stem::Summary, content.text),
            _ => (Stem::Text, content.text.or(content.transcript)),
        };
        let Some(text) = json::words(text) else { return };
        let key = self.key(stem, index, part, part);
        if !emit.has_text(key) {
            self.fragment(stem, key, Some(text), emit);
            content.annotations.iter().for_each(|_| emit.citation());
        }
    }
}

impl Item<'_> {
    /// The id that the tool's result must name.
    fn call(&self) -> String {
        let id = json::words(self.call_id).or(self.id);
        json::string(id).unwrap_or_default().into_owned()
    }

    fn name(&self) -> String {
        json::string(self.name).unwrap_or_default().into_owned()
    }

    /// Whether the client runs the tool. A shell may be the provider's own or the client's.
    fn client_runs(&self, kind: &str) -> bool {
        match kind {
            "apply_patch_call" | "computer_call" | "custom_tool_call" | "function_call" | "local_shell_call" => true,
            "shell_call" => {
                let environment = self.environment.as_ref().and_then(|environment| json::string(environment.kind));
                environment.is_none_or(|kind| kind == "local")
            }
            _ => false,
        }
    }
}

fn number(leaf: Leaf<'_>) -> u32 {
    json::integer(leaf).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}
