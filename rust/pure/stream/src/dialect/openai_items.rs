//! Output items of Responses and Realtime: messages, reasoning, tool calls. Their text comes as deltas, and again whole.

use super::openai_wire::{Item, Part, Stem, Wire};
use crate::emit::Emit;
use crate::json::{self, Leaf};
use crate::{ChannelKey, ChannelKind, Place};

/// Items whose kind is remembered at most.
const MAX_ITEMS: usize = 256;
/// An item may hold both a summary of its reasoning and the reasoning itself: the parts of the one that comes second
/// are numbered from here on.
const SECOND_REASONING: u32 = 128;

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
    /// Ids of items that have no number.
    ids: Vec<String>,
}

impl Items {
    /// A response begins.
    pub(super) fn next_response(&mut self) {
        self.calls_made = false;
        self.any = false;
        self.ids.clear();
    }

    /// The number of the item that an event names by its id alone.
    pub(super) fn number(&mut self, wire: &Wire<'_>) -> u32 {
        let own = wire.item.and_then(|item| json::inside::<Item<'_>>(Some(item)).id);
        let Some(id) = json::string(json::words(wire.item_id).or(own)) else { return 0 };
        let known = self.ids.iter().rposition(|known| *known == id);
        if known.is_none() && self.ids.len() < MAX_ITEMS {
            self.ids.push(id.into_owned());
        }
        known.unwrap_or(self.ids.len().saturating_sub(1)) as u32
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
        let part = if stem == Stem::Command { wire.command_index } else { wire.content_index };
        let key = self.key(stem, index, number(part), number(wire.summary_index));
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
                let known = self.reasoning.iter().rev().find(|(item, _)| *item == index).map(|(_, first)| *first);
                if known.is_none() && self.reasoning.len() < MAX_ITEMS {
                    self.reasoning.push((index, stem));
                }
                let first = known.unwrap_or(stem);
                let part = if stem == Stem::Summary { summary } else { content };
                key.part(if first == stem { part } else { part.saturating_add(SECOND_REASONING) })
            }
            Stem::Audio | Stem::Refusal | Stem::Text | Stem::Transcript => key.part(content),
            // The call itself, which holds all its commands, has the number 0.
            Stem::Command => key.part(content.saturating_add(1)),
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
            Stem::Code | Stem::Command | Stem::ServerArguments => {
                if stem != Stem::ServerArguments {
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
        emit.text_ends(key);
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
        self.whole(index, item, emit);
        emit.place_ends(Place::Item, index);
    }

    fn whole(&mut self, index: u32, item: &Item<'_>, emit: &mut Emit<'_>) {
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
        emit.text_ends(key);
    }
}

fn number(leaf: Leaf<'_>) -> u32 {
    json::integer(leaf).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

crate::keep::keep!(struct Items { calls_made, any, reasoning, told, ids });
