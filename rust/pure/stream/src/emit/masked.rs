//! What redaction asks of the reading of a frame: where each fragment stands, and which texts end.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::value::RawValue;

use super::Emit;
use super::alone::Said;
use crate::decode::FrameKind;
use crate::redact::{Fault, Fragment};
use crate::{Anomaly, ChannelIndex, ChannelKey, Place, Text, json};

impl Emit<'_> {
    /// A part of the stream cannot be read; where text is redacted it ends here.
    pub(crate) fn unreadable(&mut self) {
        if let Some(mask) = &mut self.known.mask {
            mask.fail(Fault::Unreadable);
        }
    }

    /// Counts an anomaly of a body whose text is read all the same.
    pub(crate) fn anomaly_of_body(&mut self, anomaly: Anomaly) {
        self.known.anomalies.add(anomaly);
    }

    /// The data that fragments stand in is `payload`, which the frame carries as base64 in `encoded`.
    pub(crate) fn carries(&mut self, payload: &str, encoded: &str) {
        self.says_more();
        let place = self.place(encoded);
        self.data = (payload.as_ptr() as usize, payload.len());
        match (&mut self.known.mask, place) {
            (Some(mask), Some(place)) => mask.carries(payload, place),
            (Some(mask), None) => mask.fail(Fault::Unplaceable),
            (None, _) => {}
        }
    }

    /// A string that streams the text of `key` beside the fragments, or a text that has no events. Each number `copy`
    /// from 1 on is a text of its own.
    pub(crate) fn copy(&mut self, key: ChannelKey, copy: u8, string: Option<&RawValue>) {
        let Some(inner) = string.and_then(|string| string.get().strip_prefix('"')?.strip_suffix('"')) else { return };
        self.says_more();
        if self.known.mask.is_none() {
            return;
        }
        let mut text = String::new();
        json::unescape_all(inner, &mut text);
        self.push_copy(key, copy, &text, self.place(inner));
    }

    /// All of the frame's data is text that has no events.
    pub(crate) fn unread_text(&mut self, key: ChannelKey, text: &str) {
        self.says_more();
        if self.known.text_ends.is_some() && !text.is_empty() {
            self.unreadable();
        }
        if self.known.mask.is_some() && !text.is_empty() {
            self.push_copy(key, 1, text, self.place(text));
        }
    }

    /// The frame holds text in members that its dialect does not know, where no check sees it; rules look for what streams
    /// in events of a type.
    pub(crate) fn foreign_text(&mut self, is_typed: bool) {
        self.says_more();
        self.known.end.unread();
        if self.known.text_ends.is_some() || !is_typed {
            self.unreadable();
        }
    }

    fn push_copy(&mut self, key: ChannelKey, copy: u8, text: &str, place: Option<Range<usize>>) {
        let Some(mask) = &mut self.known.mask else { return };
        mask.push(&Fragment::copy(key, copy, text, place), self.at);
    }

    /// A string that says all of an answer so far, again in each frame.
    pub(crate) fn copy_so_far(&mut self, string: Option<&RawValue>, is_whole: bool) {
        let Some(inner) = string.and_then(|string| string.get().strip_prefix('"')?.strip_suffix('"')) else { return };
        self.says_more();
        let place = self.place(inner);
        let (Some(mask), Some(place)) = (self.known.mask.as_mut().filter(|mask| !mask.is_dry()), place) else { return };
        let mut text = String::new();
        json::unescape_all(inner, &mut text);
        mask.push_so_far(&text, place, is_whole);
    }

    /// A copy's text ended.
    pub(crate) fn copy_ends(&mut self, key: ChannelKey, copy: u8) {
        if let Some(mask) = &mut self.known.mask {
            mask.end(&|other, number| other == key && number == copy, self.at, &mut |_, _| {});
        }
    }

    /// The text of a block, item or choice ended, whatever channels it has.
    pub(crate) fn place_ends(&mut self, place: Place, index: u32) {
        self.texts_end(|key| key.place == place && key.index == index);
    }

    /// The text of one channel ended.
    pub(crate) fn text_ends(&mut self, key: ChannelKey) {
        self.texts_end(|other| other == key);
    }

    pub(super) fn channel_ends(&mut self, channel: ChannelIndex) {
        if let Some(key) = self.known.channels.get(channel).map(|entry| entry.key) {
            self.text_ends(key);
        }
    }

    /// A finish reason may end every text, and surely those of its turn: the next turn has others.
    pub(super) fn lane_ends(&mut self, lane: u32) {
        self.may_end(Some(lane));
        self.texts_end(|key| key.place == Place::Turn && key.index == lane);
        // Text that goes on behind it begins a sentence of its own.
        self.held_end(|key| match key.place {
            Place::Choice | Place::Turn => key.index == lane,
            Place::Block | Place::Item | Place::Stream => true,
        });
    }

    /// The provider says that the stream failed, which mostly ends it.
    pub(super) fn may_end(&mut self, choice: Option<u32>) {
        if let Some(mask) = &mut self.known.mask {
            mask.may_end(choice);
        }
    }

    /// The text of one choice goes on, so that others which ended before do not: what they hold belongs before their end.
    pub(crate) fn ended_choices_end(&mut self) {
        while let Some(choice) = self.known.mask.as_ref().and_then(|mask| mask.ended_choice()) {
            self.place_ends(Place::Choice, choice);
        }
    }

    /// A mark ended the stream, unless the same frame said that only the answer ended.
    pub(crate) fn mark_ends_texts(&mut self) {
        if !self.known.mask.as_ref().is_some_and(|mask| mask.says_end()) {
            self.texts_end(|_| true);
        }
    }

    /// The frame is read: what may stream in it beside what the dialect has read is read too.
    pub(crate) fn read_beside(&mut self) {
        if let (Some(mask), Some(frame)) = (&mut self.known.mask, self.frame)
            && mask.read_beside(frame, self.at)
        {
            self.says_more();
        }
    }

    /// Whether text of a channel waits.
    pub(super) fn holds(&self, channel: ChannelIndex) -> bool {
        let key = self.known.channels.get(channel).map(|entry| entry.key);
        self.known.mask.as_ref().zip(key).is_some_and(|(mask, key)| mask.holds(key))
    }

    /// What the texts that `ends` names hold is decided and becomes events.
    pub(crate) fn texts_end(&mut self, ends: impl Fn(ChannelKey) -> bool) {
        if self.known.mask.is_none() {
            return self.held_end(ends);
        }
        if let Some(mask) = &mut self.known.mask {
            self.said = Said::More;
            let mut rests: Vec<(ChannelIndex, String)> = Vec::new();
            mask.end(&|key, _| ends(key), self.at, &mut |channel, rest| rests.push((channel, rest.to_owned())));
            if !mask.is_dry() && !mask.is_bare() {
                self.known.channels.forget_halves(&ends);
            }
            for (channel, rest) in rests {
                let start = self.events.arena.len();
                self.events.arena.push_str(&rest);
                self.stored(channel, start, None, false);
            }
            self.held_end(&ends);
            self.late_tools_end(ends);
        }
    }

    /// Keeps that the texts that `ends` names ended, where text is held.
    fn held_end(&mut self, ends: impl Fn(ChannelKey) -> bool) {
        let Some(ended) = &mut self.known.text_ends else { return };
        self.said = Said::More;
        let named = self.known.channels.iter().filter(|(_, channel)| ends(channel.key));
        ended.extend(named.map(|(index, _)| (self.events.list.len(), index)));
    }

    /// The fragment that stands in the arena from `start` on gives way to what is released of its channel. `inner` is
    /// where it stands in the data.
    pub(super) fn mask(
        &mut self,
        channel: ChannelIndex,
        start: usize,
        inner: Option<&str>,
        begins_cut: bool,
        is_signed: bool,
    ) {
        let place = inner.and_then(|inner| self.place(inner));
        let (Some(mask), Some(entry)) = (&mut self.known.mask, self.known.channels.get(channel)) else { return };
        let fragment = Fragment {
            key: entry.key,
            copy: 0,
            channel: Some(channel),
            text: self.events.arena.get(start..).unwrap_or_default(),
            place,
            begins_cut,
            ends_cut: entry.high_surrogate.is_some(),
            is_signed,
            tool: self.known.tools.name(channel),
        };
        self.known.end.content();
        if mask.push(&fragment, self.at) {
            self.events.arena.truncate(start);
            self.events.arena.push_str(mask.released());
        }
    }

    /// An empty string stands where a channel's fragment would.
    pub(super) fn empty_string(&mut self, key: ChannelKey, inner: &str) {
        if let (Some(place), Some(mask)) = (self.place(inner), &mut self.known.mask) {
            self.said = Said::More;
            mask.push_empty(key, place);
        }
    }

    /// A text of no channel with its secrets replaced; `None` where it stays.
    pub(super) fn masked(&mut self, text: &str) -> Option<String> {
        self.known.mask.as_mut().filter(|mask| !mask.is_dry()).and_then(|mask| mask.replace_in(text))
    }

    /// The same, as text of an event.
    pub(super) fn store_masked(&mut self, text: &str) -> Text {
        let masked = self.masked(text);
        self.events.store(masked.as_deref().unwrap_or(text))
    }

    /// A field of the frame as it passes. `names` says that it identifies something.
    pub(super) fn field<'text>(&mut self, text: &'text str, names: bool) -> Cow<'text, str> {
        let mask = self.known.mask.as_mut().filter(|mask| !mask.is_dry());
        mask.and_then(|mask| mask.replace_in_field(text, names)).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    /// Where in the data a slice of it stands.
    pub(super) fn place(&self, inner: &str) -> Option<Range<usize>> {
        let start = (inner.as_ptr() as usize).checked_sub(self.data.0)?;
        (start + inner.len() <= self.data.1).then(|| start..start + inner.len())
    }

    /// Whether decoded text is all of the data, or the inside of one of its strings, so that other text can stand there.
    pub(super) fn is_placeable(&self, text: &str) -> bool {
        let Some(place) = self.place(text) else { return false };
        let quote = |at: Option<usize>| {
            let payload = self.known.mask.as_ref().and_then(|mask| mask.payload());
            let data = payload.or(self.frame.map(|frame| frame.data)).unwrap_or_default();
            at.and_then(|at| data.as_bytes().get(at)) == Some(&b'"')
        };
        place == (0..self.data.1) || (quote(place.start.checked_sub(1)) && quote(Some(place.end)))
    }

    /// The frame is an error in words, which are read as such.
    pub(super) fn says_error_in_words(&self) -> bool {
        self.frame.is_some_and(|frame| {
            let is_error = frame.kind == FrameKind::Exception || frame.name == "error";
            is_error && !frame.data.trim_start().starts_with(['{', '['])
        })
    }
}
