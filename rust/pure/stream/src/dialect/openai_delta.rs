//! What a chunk of chat says: the fields of its deltas.

use serde::Deserialize;

use crate::json::{self, Leaf};

/// A delta, or the whole message of an answer that is not streamed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Leaf<'a>,
    #[serde(borrow)]
    pub(super) reasoning_content: Leaf<'a>,
    #[serde(borrow)]
    pub(super) reasoning: Leaf<'a>,
    #[serde(borrow)]
    pub(super) reasoning_details: Leaf<'a>,
    #[serde(borrow)]
    pub(super) refusal: Leaf<'a>,
    #[serde(borrow)]
    pub(super) tool_calls: Leaf<'a>,
    #[serde(borrow)]
    pub(super) function_call: Leaf<'a>,
    #[serde(borrow)]
    pub(super) audio: Leaf<'a>,
    #[serde(borrow)]
    pub(super) annotations: Leaf<'a>,
    #[serde(borrow)]
    pub(super) executed_tools: Leaf<'a>,
}

/// A part of content that is a list, or of `reasoning_details`.
#[derive(Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow, default)]
    pub(super) r#type: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) text: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) thinking: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) refusal: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) summary: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) format: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) signature: Leaf<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sound<'a> {
    #[serde(borrow)]
    pub(super) data: Leaf<'a>,
    #[serde(borrow)]
    pub(super) transcript: Leaf<'a>,
}

#[derive(Deserialize)]
pub(super) struct Executed<'a> {
    #[serde(borrow, default)]
    pub(super) index: Leaf<'a>,
    #[serde(borrow, default)]
    pub(super) r#type: Leaf<'a>,
}

#[derive(Deserialize)]
pub(super) struct Anything {}

impl Part<'_> {
    pub(super) fn is_signed(&self) -> bool {
        json::words(self.signature).is_some()
            || json::string(self.format).is_some_and(|format| format.starts_with("anthropic"))
    }
}
