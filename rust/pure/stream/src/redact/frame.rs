//! What redaction takes of a frame and makes of it.

use std::ops::Range;

use super::beside::BESIDE;
use super::rewriting::Placed;
use super::template::Template;
use crate::{ChannelIndex, ChannelKey};

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
    /// A text that no dialect reads.
    pub(super) fn beside(key: ChannelKey, text: &'a str, place: Range<usize>) -> Self {
        let place = Some(place);
        Self {
            key,
            copy: BESIDE,
            channel: None,
            text,
            place,
            begins_cut: false,
            ends_cut: false,
            is_signed: false,
            tool: None,
        }
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
    /// It says that an answer ended.
    pub(super) may_end: bool,
    /// It holds text of a channel.
    pub(super) has_text: bool,
    /// Its dialect does not know its event.
    pub(super) is_unknown: bool,
}

impl Parts {
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
        self.may_end = false;
        self.has_text = false;
        self.is_unknown = false;
    }
}

crate::keep::keep!(struct Parts { placed, rests, texts, inner, may_end, has_text, is_unknown });
