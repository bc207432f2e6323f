//! What redaction takes of a frame and makes of it.

use std::ops::Range;

use super::rewriting::Placed;
use super::template::Template;
use crate::{ChannelIndex, ChannelKey, Place};

/// Why a stream cannot go on although nothing was found that asks for it: its text could pass unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Text waited longer than is allowed.
    HeldTooLong,
    /// A secret stands in text that the provider signs.
    Signed,
    /// A frame's text cannot be replaced where it stands.
    Unplaceable,
    /// A part of the stream could not be read.
    Unreadable,
}

crate::keep::keep!(
    enum Fault {
        HeldTooLong,
        Signed,
        Unplaceable,
        Unreadable,
    }
);

/// A fragment of text as a dialect read it.
#[derive(Clone, Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) key: ChannelKey,
    /// 0 for the channel itself, else which text beside it that says the same.
    pub(crate) copy: u8,
    pub(crate) channel: Option<ChannelIndex>,
    pub(crate) text: &'a str,
    /// Where in the data its string stands, if in one.
    pub(crate) place: Option<Range<usize>>,
    /// Half a character stands at its begin.
    pub(crate) begins_cut: bool,
    /// The same for its end.
    pub(crate) ends_cut: bool,
    pub(crate) is_signed: bool,
    /// The tool whose arguments it is of.
    pub(crate) tool: Option<&'a str>,
}

impl<'a> Fragment<'a> {
    /// A text that has no events.
    pub(crate) fn copy(key: ChannelKey, copy: u8, text: &'a str, place: Option<Range<usize>>) -> Self {
        Self { key, copy, channel: None, text, place, begins_cut: false, ends_cut: false, is_signed: false, tool: None }
    }
}

/// What a frame became.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rewritten {
    /// Data of frames that come before it, each with the template it was made from.
    pub(crate) before: Vec<(Template, String)>,
    /// Its own data, if that changed.
    pub(crate) data: String,
    pub(crate) is_changed: bool,
}

/// What is known of a frame that is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// Its fragments.
    pub(super) placed: Vec<Placed>,
    /// What is left of channels that it ends: the lane, and where in the texts it stands.
    pub(super) rests: Vec<(usize, Range<usize>)>,
    pub(super) texts: String,
    /// What it carries as base64, and where in its data.
    pub(super) inner: Option<(String, Range<usize>)>,
    /// Strings that say all of an answer so far, as they are to be where it ends with this frame.
    pub(super) whole: Vec<Whole>,
    /// It says that an answer ended.
    pub(super) may_end: bool,
    /// The choices that it says so of.
    pub(super) ended: Vec<u32>,
    /// The choices whose text it holds.
    pub(super) choices: Vec<u32>,
    /// Text came behind it, of an answer that it ended.
    pub(super) goes_on: bool,
    /// It holds text of a channel.
    pub(super) has_text: bool,
    /// Its dialect does not know its event.
    pub(super) is_unknown: bool,
}

/// What stands in the place of a fragment unless more text follows.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    /// Its place among the fragments.
    pub(super) placed: usize,
    pub(super) text: Range<usize>,
    pub(super) is_changed: bool,
}

impl Parts {
    /// Whether text of `key` goes on with an answer that the frame ended.
    pub(super) fn ends(&self, key: ChannelKey) -> bool {
        key.place != Place::Choice || self.ended.is_empty() || self.ended.contains(&key.index)
    }

    /// Decides what copies of the whole answer say.
    pub(super) fn settle(&mut self) {
        for whole in self.whole.drain(..).filter(|_| !self.goes_on) {
            if let Some(placed) = self.placed.get_mut(whole.placed) {
                (placed.text, placed.is_changed) = (whole.text, whole.is_changed);
            }
        }
    }

    /// Puts what is left of a lane behind its last fragment, else into a frame of its own before this one.
    pub(super) fn append(&mut self, lane: usize, text: &str) {
        let start = self.texts.len();
        if let Some(placed) = self.placed.iter_mut().rfind(|placed| placed.lane == lane) {
            self.texts.extend_from_within(placed.text.clone());
            self.texts.push_str(text);
            placed.text = start..self.texts.len();
            placed.is_changed = true;
        } else {
            self.texts.push_str(text);
            self.rests.push((lane, start..self.texts.len()));
        }
    }

    /// Ready for another frame; what is allocated stays.
    pub(super) fn clear(&mut self) {
        self.placed.clear();
        self.rests.clear();
        self.texts.clear();
        self.inner = None;
        self.whole.clear();
        self.ended.clear();
        self.choices.clear();
        self.goes_on = false;
        self.may_end = false;
        self.has_text = false;
        self.is_unknown = false;
    }
}

crate::keep::keep!(struct Whole { placed, text, is_changed });
crate::keep::keep!(struct Parts { placed, rests, texts, inner, whole, may_end, ended, choices, goes_on, has_text, is_unknown });
