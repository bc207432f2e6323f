//! llama.cpp's own completions, which stand where OpenAI's do: `content`, then `stop` with why and the counts.

use serde::Deserialize;

use super::payload;
use crate::decode::Frame;
use crate::emit::Emit;
use crate::json::{self, Leaf, Maybe};
use crate::{ChannelKey, ChannelKind, Place, Reason, Usage, UsageSource};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Chunk<'a> {
    #[serde(borrow)]
    index: Leaf<'a>,
    #[serde(borrow)]
    content: Leaf<'a>,
    #[serde(borrow)]
    model: Leaf<'a>,
    #[serde(borrow)]
    stop: Leaf<'a>,
    #[serde(borrow)]
    stop_type: Leaf<'a>,
    // Of servers that have no `stop_type`.
    #[serde(borrow)]
    stopped_limit: Leaf<'a>,
    #[serde(borrow)]
    tokens_evaluated: Leaf<'a>,
    #[serde(borrow)]
    tokens_predicted: Leaf<'a>,
    #[serde(borrow)]
    timings: Maybe<Timings<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Timings<'a> {
    #[serde(borrow)]
    cache_n: Leaf<'a>,
}

/// Reads a frame that has no choices; `ended` where the answer to one of several prompts has. False where it has nothing
/// of this format.
pub(super) fn read(frame: &Frame<'_>, ended: &mut bool, emit: &mut Emit<'_>) -> bool {
    let Ok(Maybe(Some(chunk))) = serde_json::from_str::<Maybe<Chunk<'_>>>(frame.data) else { return false };
    let stops = is_true(chunk.stop);
    let content = chunk.content.filter(|content| content.get().starts_with('"'));
    if content.is_none() && !stops {
        return false;
    }
    let index = payload::index(chunk.index);
    if !emit.end().has_lanes() || !emit.has_model() && chunk.model.is_some() {
        emit.start("", &json::string(chunk.model).unwrap_or_default());
    }
    // The answer to another prompt may begin behind the end of one.
    emit.end().unmark();
    emit.end().seen(index);
    if let Some(content) = content {
        emit.fragment(ChannelKey::new(Place::Choice, index, ChannelKind::Text), content);
    }
    if stops {
        chunk.end(index, std::mem::replace(ended, true), emit);
    }
    true
}

impl Chunk<'_> {
    fn end(&self, index: u32, is_another: bool, emit: &mut Emit<'_>) {
        let raw = match json::string(self.stop_type).unwrap_or_default() {
            raw if !raw.is_empty() => raw,
            _ if is_true(self.stopped_limit) => "limit".into(),
            _ => "stop".into(),
        };
        let reason = match raw.as_ref() {
            "eos" | "stop" | "word" => Reason::Stop,
            "limit" => Reason::Length,
            _ => Reason::Other,
        };
        let usage = Usage {
            input: json::integer(self.tokens_evaluated),
            output: json::integer(self.tokens_predicted),
            cache_read: self.timings.as_ref().and_then(|timings| json::integer(timings.cache_n)),
            source: UsageSource::Reported,
            ..Usage::default()
        };
        emit.finish(index, reason, &raw);
        if usage.input.or(usage.output).is_some() {
            if is_another {
                emit.next_answer();
            }
            emit.usage(usage);
        }
        if emit.end().is_told() {
            emit.end().mark();
        }
    }
}

fn is_true(leaf: Leaf<'_>) -> bool {
    leaf.is_some_and(|leaf| leaf.get() == "true")
}
