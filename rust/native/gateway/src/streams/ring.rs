//! The newest events of a stream, what passed to its client, and the text of events that are not kept any more.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::event::{Event, Seq};
use crate::frames::Frame;

/// Events that are kept.
pub(crate) const MAX_EVENTS: usize = 4096;
/// Bytes of them.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Bytes of what passed to the client; shorter than the events' own, since few look at it.
const MAX_PASSED: usize = 64 << 10;
/// Bytes of text of those that are not kept any more.
const MAX_TEXT: usize = 4 << 20;

/// A bounded log; its reader is told what it has lost.
#[derive(Default)]
pub(crate) struct Ring {
    events: VecDeque<Event>,
    /// The number of the oldest that is kept.
    first: Seq,
    bytes: usize,
    /// Frames as they passed to the client.
    passed: VecDeque<Frame>,
    /// How many frames are gone.
    passed_first: u64,
    passed_bytes: usize,
    text: Text,
}

/// The text so far, by channel.
#[derive(Clone, Default, Serialize)]
pub(crate) struct Text {
    channels: BTreeMap<String, String>,
    /// Bytes that were dropped from the front, where there were too many.
    #[serde(skip_serializing_if = "is_zero")]
    cut: usize,
    #[serde(skip)]
    bytes: usize,
}

/// What text an event holds.
#[derive(Deserialize)]
struct Fragment<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

impl Ring {
    /// The number of the oldest event that is kept, or of the next.
    pub(crate) fn first(&self) -> Seq {
        self.first
    }

    /// The number of the next event.
    pub(crate) fn next(&self) -> Seq {
        self.first + self.events.len() as u64
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.bytes += event.len();
        self.events.push_back(event);
        self.shrink();
    }

    /// A frame that passed to the client.
    pub(crate) fn pass(&mut self, frame: Frame) {
        self.passed_bytes += frame.bytes.len();
        self.passed.push_back(frame);
        while self.passed_bytes > MAX_PASSED && self.forget_frame() {}
    }

    pub(crate) fn get(&self, sequence: Seq) -> Option<&Event> {
        self.events.get(usize::try_from(sequence.checked_sub(self.first)?).ok()?)
    }

    /// The first frame behind an event, by its place among all.
    pub(crate) fn passed_behind(&self, next: Seq) -> u64 {
        self.passed_first + self.passed.partition_point(|frame| frame.last < next) as u64
    }

    /// The frame of a place; `Err` has the place of the oldest that is kept.
    pub(crate) fn passed(&self, place: u64) -> Result<Option<&Frame>, u64> {
        let index = place.checked_sub(self.passed_first).ok_or(self.passed_first)?;
        Ok(usize::try_from(index).ok().and_then(|index| self.passed.get(index)))
    }

    /// The text of all events before the oldest that is kept.
    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    /// Keeps the text alone.
    pub(crate) fn compact(&mut self) {
        while self.forget() {}
        self.passed_first += self.passed.len() as u64;
        self.passed = VecDeque::new();
        self.events = VecDeque::new();
        self.passed_bytes = 0;
    }

    fn shrink(&mut self) {
        while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            self.forget();
        }
    }

    /// The oldest event becomes text, and the frames that hold nothing newer go.
    fn forget(&mut self) -> bool {
        let Some(event) = self.events.pop_front() else { return false };
        self.bytes -= event.len();
        self.first += 1;
        self.text.add(&event);
        while self.passed.front().is_some_and(|frame| frame.last < self.first) {
            self.forget_frame();
        }
        true
    }

    fn forget_frame(&mut self) -> bool {
        let Some(frame) = self.passed.pop_front() else { return false };
        self.passed_bytes -= frame.bytes.len();
        self.passed_first += 1;
        true
    }
}

impl Text {
    pub(crate) fn add(&mut self, event: &Event) {
        let json = event.json();
        let Ok(Fragment { channel: Some(channel), text: Some(text) }) = serde_json::from_slice(&json) else { return };
        match self.channels.get_mut(&*channel) {
            Some(kept) => kept.push_str(&text),
            None => drop(self.channels.insert(channel.into_owned(), text.clone().into_owned())),
        }
        self.bytes += text.len();
        if self.bytes > MAX_TEXT {
            self.halve();
        }
    }

    /// Drops the older half of the longest text.
    fn halve(&mut self) {
        let Some(longest) = self.channels.values_mut().max_by_key(|text| text.len()) else { return };
        let half = longest.ceil_char_boundary(longest.len() / 2);
        longest.drain(..half);
        self.cut += half;
        self.bytes -= half;
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sequence: Seq, text: &str) -> Event {
        Event::new(sequence, &format!(r#"{{"kind":"text","channel":"c","text":"{text}"}}"#))
    }

    #[test]
    fn what_is_forgotten_is_text() {
        let mut ring = Ring::default();
        for number in 0..MAX_EVENTS as u64 + 3 {
            ring.push(said(number, &format!("{number} ")));
        }
        assert_eq!((ring.first(), ring.next()), (3, MAX_EVENTS as u64 + 3));
        assert_eq!(serde_json::to_string(ring.text()).unwrap(), r#"{"channels":{"c":"0 1 2 "}}"#);
    }

    #[test]
    fn bytes_are_bounded_and_the_newest_is_kept() {
        let mut ring = Ring::default();
        for number in 0..40 {
            ring.push(said(number, &"x".repeat(MAX_BYTES / 10)));
            assert!(ring.bytes <= MAX_BYTES);
        }
        assert!(ring.get(39).is_some());
        assert!(ring.text.bytes <= MAX_TEXT && ring.text.cut == 0);
    }

    #[test]
    fn text_beyond_its_limit_is_cut_at_the_front_and_says_so() {
        let mut text = Text::default();
        for number in 0..6 {
            text.add(&said(number, &number.to_string().repeat(1 << 20)));
        }
        assert!(text.bytes <= MAX_TEXT && text.cut > 0);
        assert!(text.channels["c"].ends_with('5'));
    }
}
