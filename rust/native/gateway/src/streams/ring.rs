//! The newest events of a stream, what passed to its client, and the text of events that are not kept any more.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::Deserialize;

use super::backlog::Share;
use super::event::{Event, Seq};
use super::passed::Passed;
use super::snapshot::Outline;
use super::texts::Texts;
use crate::frames::Frame;

/// Events that are kept.
pub(crate) const MAX_EVENTS: usize = 4096;
/// Bytes of them.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Bytes of them where the log has not taken them yet: so far may a disk be behind.
pub(crate) const MAX_UNWRITTEN: usize = 16 << 20;
/// Bytes of what passed to the client, where somebody looks on; shorter than the events' own, since few look at it.
const MAX_PASSED: usize = 64 << 10;
/// The same where nobody does.
const MAX_PASSED_UNSEEN: usize = 16 << 10;
/// Events whose encoding is kept for the next who reads them.
const ENCODED: usize = 64;

/// A bounded log; its reader is told what it has lost.
#[derive(Default)]
pub(crate) struct Ring {
    entries: VecDeque<Entry>,
    /// The number of the oldest that is kept.
    first: Seq,
    bytes: usize,
    /// Events from that one on wait for the log, where there is one.
    unwritten: Option<Seq>,
    /// What it has of the room for what waits.
    backlog: Option<Share>,
    texts: Texts,
    /// Events that were read, each in the place that its number says.
    encoded: Vec<Option<Event>>,
    /// Frames as they passed to the client.
    passed: Passed,
}

/// An event as it is kept.
enum Entry {
    /// JSON without its number.
    Other(Box<str>),
    /// A part of a text.
    Said { at: u64, length: u32, lane: u16 },
}

/// An event for those who look on.
pub(crate) enum Line<'a> {
    /// One JSON object on one line.
    Json(String),
    /// What the model wrote.
    Said { channel: &'a str, kind: &'a str, text: &'a str },
}

/// An event of nothing but text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fragment<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default, rename = "sequence")]
    _sequence: u64,
}

impl Ring {
    /// The number of the oldest event that is kept, or of the next.
    pub(crate) fn first(&self) -> Seq {
        self.first
    }

    /// The number of the next event.
    pub(crate) fn next(&self) -> Seq {
        self.first + self.entries.len() as u64
    }

    pub(crate) fn push(&mut self, told: Line<'_>) {
        let entry = match told {
            Line::Said { channel, kind, text } => self.said(channel, kind, text),
            Line::Json(json) => match serde_json::from_str(&json) {
                Ok(Fragment { channel, kind, text, .. }) => self.said(&channel, &kind, &text),
                Err(_) => Entry::Other(json.into()),
            },
        };
        self.bytes += entry.len();
        self.entries.push_back(entry);
        self.shrink();
    }

    /// Keeps events for a log that takes them.
    pub(super) fn kept_for_log(self, backlog: Option<Share>) -> Self {
        Self { unwritten: backlog.as_ref().map(|_| 0), backlog, ..self }
    }

    /// The log has what is before that event; without one it takes no more.
    pub(crate) fn written(&mut self, next: Option<Seq>) {
        self.unwritten = next;
        self.shrink();
    }

    /// Forgets what is more than may be kept.
    fn shrink(&mut self) {
        while self.entries.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let waits = self.unwritten.is_some_and(|next| self.first >= next);
            if waits && self.bytes <= MAX_UNWRITTEN && self.has_room() {
                return;
            }
            self.forget();
        }
        self.has_room();
    }

    /// Whether all streams together have room for what this one keeps beyond its own; what it needs no more it gives back.
    fn has_room(&mut self) -> bool {
        let beyond = self.bytes.saturating_sub(MAX_BYTES);
        self.backlog.as_mut().is_none_or(|backlog| backlog.resize(beyond))
    }

    fn said(&mut self, channel: &str, kind: &str, text: &str) -> Entry {
        match self.texts.push(channel, kind, text) {
            Some((lane, at)) => Entry::Said { at, length: u32::try_from(text.len()).unwrap_or(u32::MAX), lane },
            None => Entry::Other(Event::said(channel, kind, text).into()),
        }
    }

    /// A frame that passed to the client.
    pub(crate) fn pass(&mut self, frame: &Frame, is_seen: bool) {
        self.passed.push(frame, if is_seen { MAX_PASSED } else { MAX_PASSED_UNSEEN });
    }

    /// The event of a number.
    pub(crate) fn get(&self, sequence: Seq) -> Option<Event> {
        let entry = self.entries.get(usize::try_from(sequence.checked_sub(self.first)?).ok()?)?;
        Some(match entry {
            Entry::Other(json) => Event::new(sequence, json),
            Entry::Said { at, length, lane } => {
                let (channel, kind, text) = self.texts.get(*lane, *at, *length)?;
                Event::new(sequence, &Event::said(channel, kind, text))
            }
        })
    }

    /// The same, encoded once for all who read it while it is new.
    pub(crate) fn read(&mut self, sequence: Seq) -> Option<Event> {
        let place = (sequence % ENCODED as u64) as usize;
        if let Some(Some(event)) =
            self.encoded.get(place).filter(|event| event.as_ref().is_some_and(|event| event.sequence == sequence))
        {
            return Some(event.clone());
        }
        let event = self.get(sequence)?;
        self.encoded.resize(ENCODED, None);
        if let Some(kept) = self.encoded.get_mut(place) {
            *kept = Some(event.clone());
        }
        Some(event)
    }

    /// The first frame that holds an event or a later one, by its place among all, and that event: a later one where its
    /// frames are gone.
    pub(crate) fn passed_behind(&self, next: Seq) -> (u64, Seq) {
        self.passed.behind(next)
    }

    /// The frame of a place; `Err` has the place of the oldest that is kept.
    pub(crate) fn passed(&self, place: u64) -> Result<Option<Frame>, u64> {
        self.passed.get(place)
    }

    /// The text before the oldest event that is kept, or before one that is kept for a while yet.
    pub(super) fn outline(&self, is_newer: bool) -> Outline {
        let ahead = if is_newer { self.entries.len() / 4 } else { 0 };
        let ends = self.entries.iter().take(ahead).filter_map(|entry| match entry {
            Entry::Other(_) => None,
            Entry::Said { at, length, lane } => Some((*lane, at + u64::from(*length))),
        });
        Outline { next: self.first + ahead as u64, cut: self.texts.cut(), spans: self.texts.spans(ends) }
    }

    /// So many bytes of a lane of text from a byte on.
    pub(super) fn part(&self, lane: u16, at: u64, most: usize) -> Option<&str> {
        self.texts.part(lane, at, most)
    }

    /// The text of all events before the oldest that is kept, as a JSON object.
    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        self.texts.before()
    }

    /// Keeps the text alone.
    pub(crate) fn compact(&mut self) {
        while self.forget() {}
        self.passed.clear();
        self.entries = VecDeque::new();
        self.encoded = Vec::new();
        self.texts.shrink();
    }

    /// The oldest event becomes text, and the frames that hold nothing newer go.
    fn forget(&mut self) -> bool {
        let Some(entry) = self.entries.pop_front() else { return false };
        self.bytes -= entry.len();
        self.first += 1;
        if let Entry::Said { length, lane, .. } = entry {
            self.texts.forget(lane, length);
        }
        self.passed.forget_before(self.first);
        true
    }
}

impl Entry {
    /// Bytes that it holds.
    fn len(&self) -> usize {
        let held = match self {
            Self::Other(json) => json.len(),
            Self::Said { length, .. } => *length as usize,
        };
        held + size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::backlog::Backlog;
    use super::*;

    fn waiting(backlog: &Arc<Backlog>) -> Ring {
        Ring::default().kept_for_log(Some(backlog.share()))
    }

    fn said(ring: &mut Ring, text: &str) {
        ring.push(Line::Said { channel: "c", kind: "text", text });
    }

    #[test]
    fn what_is_forgotten_is_text() {
        let mut ring = Ring::default();
        for number in 0..MAX_EVENTS as u64 + 3 {
            said(&mut ring, &format!("{number} "));
        }
        assert_eq!((ring.first(), ring.next()), (3, MAX_EVENTS as u64 + 3));
        assert_eq!(ring.text(), r#"{"channels":{"c":"0 1 2 "}}"#);
    }

    #[test]
    fn what_the_log_has_not_taken_is_kept_as_far_as_there_is_room() {
        let mut ring = waiting(&Arc::new(Backlog::new(u64::MAX)));
        let burst = 10 * MAX_EVENTS as u64;
        (0..burst).for_each(|_| said(&mut ring, "a"));
        assert_eq!((ring.first(), ring.next()), (0, burst));
        ring.written(Some(burst - 10));
        assert_eq!(ring.first(), burst - MAX_EVENTS as u64);
        (0..20).for_each(|_| said(&mut ring, &"x".repeat(MAX_BYTES)));
        assert!(ring.bytes <= MAX_UNWRITTEN && ring.bytes > MAX_BYTES);
        ring.written(None);
        assert!(ring.bytes <= MAX_BYTES);
    }

    #[test]
    fn streams_that_wait_for_the_log_have_room_together() {
        let backlog = Arc::new(Backlog::new(3 * MAX_BYTES as u64));
        let (mut one, mut other) = (waiting(&backlog), waiting(&backlog));
        let long = "x".repeat(MAX_BYTES / 2);
        (0..6).for_each(|_| said(&mut one, &long));
        (0..6).for_each(|_| said(&mut other, &long));
        assert_eq!((one.first(), other.first()), (0, 3));
        one.written(Some(6));
        said(&mut other, &long);
        assert_eq!((one.first(), other.first()), (5, 3));
    }

    #[test]
    fn events_are_the_same_however_they_came_and_are_read() {
        let mut ring = Ring::default();
        said(&mut ring, "a \"b\"");
        ring.push(Line::Json(r#"{"sequence":1,"channel":"c","kind":"text","text":"\u00e9"}"#.to_owned()));
        ring.push(Line::Json(r#"{"kind":"ping"}"#.to_owned()));
        let expected = [
            r#"{"sequence":0,"channel":"c","kind":"text","text":"a \"b\""}"#,
            r#"{"sequence":1,"channel":"c","kind":"text","text":"é"}"#,
            r#"{"sequence":2,"kind":"ping"}"#,
        ];
        for (sequence, expected) in (0..).zip(expected) {
            assert_eq!(ring.get(sequence).unwrap().json(), expected);
            assert_eq!(ring.read(sequence), ring.get(sequence));
            assert_eq!(ring.read(sequence), ring.get(sequence));
        }
    }

    #[test]
    fn what_is_new_is_encoded_once() {
        let mut ring = Ring::default();
        for number in 0..2 * ENCODED as u64 + 5 {
            said(&mut ring, "a");
            let (first, again) = (ring.read(number).unwrap(), ring.read(number).unwrap());
            assert_eq!((first.sequence, first.sse().as_ptr()), (number, again.sse().as_ptr()));
        }
    }

    #[test]
    fn bytes_are_bounded_and_the_newest_is_kept() {
        let mut ring = Ring::default();
        for number in 0..40 {
            said(&mut ring, &"x".repeat(MAX_BYTES / 10));
            assert!(ring.bytes <= MAX_BYTES);
            assert!(ring.get(number).is_some());
        }
        assert!(ring.get(0).is_none());
    }
}
