//! What viewers, operators and the log read of a stream.

use std::sync::atomic::Ordering;

use serde_json::value::RawValue;

use super::super::event::{Event, Seq};
use super::super::known::{Shown, State, Stored, Viewed};
use super::super::snapshot::Outline;
use super::{Log, Stream};
use crate::frames::Frame;

impl Stream {
    /// The numbers of the oldest event that is kept and of the next.
    pub(crate) fn kept(&self) -> (Seq, Seq) {
        let log = self.log();
        (log.ring.first(), log.ring.next())
    }

    /// The event of a number, or why there is none.
    pub(crate) fn next(&self, number: Seq) -> Viewed<Event> {
        let mut log = self.log();
        if number < log.ring.first() {
            return Viewed::Lagged(log.ring.first());
        }
        let event = log.ring.read(number);
        log.viewed(event)
    }

    /// So many events from a number on, of so many bytes together; fewer where fewer are there.
    pub(crate) fn batch(&self, from: Seq, most: usize) -> Vec<Event> {
        let log = self.log();
        let (mut bytes, mut batch) = (0, Vec::new());
        while let Some(event) = log.ring.get(from + batch.len() as u64).filter(|_| bytes < most) {
            bytes += event.len();
            batch.push(event);
        }
        batch
    }

    /// The place of the first frame that holds an event or a later one, and that event: a later one where its frames are
    /// gone.
    pub(crate) fn passed_behind(&self, next: Seq) -> (u64, Seq) {
        self.log().ring.passed_behind(next)
    }

    /// The frame of a place.
    pub(crate) fn passed(&self, place: u64) -> Viewed<Frame> {
        let log = self.log();
        match log.ring.passed(place) {
            Ok(frame) => log.viewed(frame),
            Err(_) => Viewed::Lagged(log.ring.first()),
        }
    }

    /// So many bytes of a lane of text from a byte on, or fewer where a character would be cut; `None` where they are not
    /// kept any more.
    pub(in crate::streams) fn part(&self, lane: u16, at: u64, most: usize) -> Option<String> {
        self.log().ring.part(lane, at, most).map(str::to_owned)
    }

    /// What is known of it.
    pub(crate) fn show(&self) -> Shown<'_> {
        let last = self.last();
        let log = self.log();
        Shown {
            meta: &self.meta,
            state: log.state,
            end: log.end.clone(),
            upstream: log.upstream.clone(),
            cause: log.cause,
            events: log.ring.next(),
            stored: self.is_stored.then_some(Stored { durable: last.durable, not_resumable: last.broken }),
            viewers: self.viewers.load(Ordering::Relaxed),
            findings: log.findings.iter().cloned().collect(),
            finding_count: log.found,
            notes: log.notes.clone(),
            summary: log.summary.clone(),
            usage: log.usage.clone(),
        }
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(&self.show()).unwrap_or_default()
    }

    /// The newest of what was found, as JSON, and how much was found.
    pub(crate) fn findings(&self) -> (Vec<Box<RawValue>>, u64) {
        let log = self.log();
        (log.findings.iter().cloned().collect(), log.found)
    }

    /// Keeps the text of an ended stream, without its events.
    pub(crate) fn compact(&self) {
        self.log().ring.compact();
    }
}

impl Log {
    /// The text before the oldest event that is kept; where its reader is slow, before one that is kept for a while yet.
    pub(in crate::streams) fn outline(&self, is_slow: bool) -> Outline {
        self.ring.outline(is_slow)
    }

    fn viewed<T>(&self, next: Option<T>) -> Viewed<T> {
        match next {
            Some(next) => Viewed::Next(next),
            None if self.state == State::Ended => Viewed::Ended,
            None => Viewed::Wait,
        }
    }
}
