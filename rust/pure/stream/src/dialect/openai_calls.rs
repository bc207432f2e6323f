//! Tool calls of one choice, whose fragments name them by index, by id, or not at all.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::emit::Emit;
use crate::json::{self, Leaf, Maybe};
use crate::{Anomaly, ChannelKey, ChannelKind, Place};

/// Calls of one choice that are told apart at most.
const MAX_CALLS: usize = 256;

/// A fragment of a call, or a whole one.
#[derive(Deserialize)]
pub(super) struct Call<'a> {
    #[serde(borrow, default)]
    index: Leaf<'a>,
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(borrow, default)]
    function: Maybe<Function<'a>>,
    #[serde(borrow, default)]
    custom: Maybe<Custom<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Function<'a> {
    #[serde(borrow, default)]
    name: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) arguments: Leaf<'a>,
}

/// A custom tool takes free text.
#[derive(Deserialize)]
struct Custom<'a> {
    #[serde(borrow, default)]
    name: Leaf<'a>,
    #[serde(borrow, default)]
    input: Leaf<'a>,
}

#[derive(Debug)]
struct Slot {
    /// The provider's index; `None` where it gave none.
    index: Option<u64>,
    /// Empty where the provider gave none.
    id: String,
    part: u32,
}

/// The calls of one choice so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Slot>,
}

impl Calls {
    /// Reads one element of `tool_calls`. `position` is its place in a message that is not streamed.
    pub(super) fn fragment(&mut self, choice: u32, call: &Call<'_>, position: Option<u64>, emit: &mut Emit<'_>) {
        let index = json::integer(call.index).or(position);
        let id = json::string(json::words(call.id)).unwrap_or_default();
        if let Some(custom) = call.custom.as_ref() {
            let name = json::string(json::words(custom.name)).unwrap_or_default();
            let Some(key) = self.key(choice, index, &id, &name, emit) else { return };
            if !name.is_empty() {
                emit.free_text_tool_start(key, &id, &name);
            }
            arguments(key, custom.input, emit);
        } else if let Some(function) = call.function.as_ref() {
            self.function(choice, index, &id, function, emit);
        }
    }

    /// Reads a fragment in another envelope: index and id, name and arguments.
    pub(super) fn piece(
        &mut self,
        choice: u32,
        (index, id): (Leaf<'_>, Leaf<'_>),
        (name, arguments): (Leaf<'_>, Leaf<'_>),
        emit: &mut Emit<'_>,
    ) {
        let id = json::string(json::words(id)).unwrap_or_default();
        self.function(choice, json::integer(index), &id, &Function { name, arguments }, emit);
    }

    /// Reads a `function_call`, which has neither index nor id.
    pub(super) fn legacy(&mut self, choice: u32, function: &Function<'_>, emit: &mut Emit<'_>) {
        self.function(choice, None, "", function, emit);
    }

    fn function(&mut self, choice: u32, index: Option<u64>, id: &str, function: &Function<'_>, emit: &mut Emit<'_>) {
        let name = json::string(json::words(function.name)).unwrap_or_default();
        let Some(key) = self.key(choice, index, id, &name, emit) else { return };
        emit.tool_start(key, id, &name);
        arguments(key, function.arguments, emit);
    }

    /// The channel of a fragment. Some hosts give every call of an answer the index 0 or none: another id together with
    /// a name, or a name after arguments that are whole, begins another call.
    fn key(
        &mut self,
        choice: u32,
        index: Option<u64>,
        id: &str,
        name: &str,
        emit: &mut Emit<'_>,
    ) -> Option<ChannelKey> {
        let key = |part| ChannelKey::new(Place::Choice, choice, ChannelKind::Tool).part(part);
        let same_id = |slot: &&Slot| index.is_none() && !id.is_empty() && slot.id == id;
        let same_index = |slot: &&Slot| index.is_none() || slot.index == index;
        let slot = self.slots.iter().rev().find(same_id).or_else(|| self.slots.iter().rev().find(same_index));
        if let Some(slot) = slot {
            let other_id = !id.is_empty() && !slot.id.is_empty() && slot.id != id;
            let same_id = !id.is_empty() && slot.id == id;
            let another = !name.is_empty() && (other_id || (!same_id && emit.tool_is_whole(key(slot.part))));
            if !another {
                return Some(key(slot.part));
            }
        }
        if self.slots.len() == MAX_CALLS {
            emit.anomaly(Anomaly::Limit);
            return None;
        }
        let part = self.free_part(index);
        self.slots.push(Slot { index, id: id.to_owned(), part });
        Some(key(part))
    }

    /// The provider's index where no other call has it, else the next number.
    fn free_part(&self, index: Option<u64>) -> u32 {
        let next = self.slots.iter().map(|slot| slot.part.saturating_add(1)).max().unwrap_or(0);
        let wanted = index.and_then(|index| u32::try_from(index).ok());
        wanted.filter(|wanted| !self.slots.iter().any(|slot| slot.part == *wanted)).unwrap_or(next)
    }
}

/// Arguments are a string of JSON; some hosts send the object itself.
fn arguments(key: ChannelKey, arguments: Option<&RawValue>, emit: &mut Emit<'_>) {
    match arguments {
        Some(object) if object.get().starts_with('{') => emit.plain_fragment(key, object.get()),
        Some(text) => emit.fragment(key, text),
        None => {}
    }
}

crate::keep::keep!(struct Slot { index, id, part });
crate::keep::keep!(struct Calls { slots });
