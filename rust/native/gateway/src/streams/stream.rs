//! One stream: what is known of it, its events, and a way to end it.

mod cancel;
mod owned;
mod reading;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use serde_json::value::RawValue;
use tokio::sync::watch;

use self::cancel::Cancel;
use super::answering::Line as Written;
use super::backlog::Share;
use super::event::Seq;
use super::fan::{self, Fan};
use super::known::{End, Last, Meta, State};
use super::ring::{Line, Ring};
use super::snapshot::Encoded;
use crate::cause::Cause;
use crate::frames::Frame;
use crate::log::events;
use crate::observe::Tap;
use crate::usage::UsageRecord;

/// Findings of a stream that are kept.
pub(crate) const MAX_FINDINGS: usize = 100;

/// One stream.
pub(crate) struct Stream {
    pub(crate) meta: Arc<Meta>,
    pub(super) began: Instant,
    log: Mutex<Log>,
    last: watch::Sender<Last>,
    cancel: Cancel,
    pub(crate) viewers: AtomicUsize,
    /// What a log keeps of it, where there is one.
    is_stored: bool,
    /// Where viewers wait, from the first one on.
    fan: OnceLock<Arc<Fan>>,
    /// The text that viewers are told who are too slow for events.
    pub(super) encoded: tokio::sync::Mutex<Encoded>,
    tap: Option<Tap>,
}

pub(super) struct Log {
    /// Who owns it: what an older owner says is refused.
    token: u64,
    pub(super) state: State,
    /// Who answers.
    pub(super) upstream: Option<String>,
    pub(super) cause: Option<Cause>,
    pub(super) usage: Vec<UsageRecord>,
    pub(super) ring: Ring,
    /// The newest, and how many there were.
    pub(super) findings: VecDeque<Box<RawValue>>,
    pub(super) found: u64,
    notes: Vec<Box<RawValue>>,
    summary: Option<Box<RawValue>>,
    pub(super) end: Option<End>,
    ended_at: Option<Instant>,
    pub(super) line: Written,
}

impl Stream {
    pub(super) fn new(meta: Meta, backlog: Option<Share>, tap: Option<Tap>) -> Self {
        let is_stored = backlog.is_some();
        let log = Log {
            token: 1,
            state: State::Waiting,
            upstream: None,
            cause: None,
            usage: Vec::new(),
            ring: Ring::default().kept_for_log(backlog),
            findings: VecDeque::new(),
            found: 0,
            notes: Vec::new(),
            summary: None,
            end: None,
            ended_at: None,
            line: Written::default(),
        };
        Self {
            meta: Arc::new(meta),
            began: Instant::now(),
            log: Mutex::new(log),
            last: watch::Sender::default(),
            cancel: Cancel::default(),
            viewers: AtomicUsize::new(0),
            is_stored,
            fan: OnceLock::new(),
            encoded: tokio::sync::Mutex::default(),
            tap,
        }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An upstream has answered.
    pub(crate) fn run(&self, upstream: &str) {
        let mut log = self.log();
        log.state = State::Running;
        log.upstream = Some(upstream.to_owned());
    }

    /// Appends events, each one JSON object on one line; gives the number of the first.
    pub(crate) fn append(&self, events: impl IntoIterator<Item = String>) -> Seq {
        self.tell(events.into_iter().map(Line::Json))
    }

    /// The same of events in either form.
    pub(crate) fn tell<'a>(&self, lines: impl IntoIterator<Item = Line<'a>>) -> Seq {
        let mut log = self.log();
        let first = log.ring.next();
        for (sequence, line) in (first..).zip(lines) {
            log.ring.push(line);
            let Some(tap) = &self.tap else { continue };
            if let Some(event) = log.ring.read(sequence) {
                tap.event(&self.meta, sequence, event.json());
            }
        }
        self.moved(log, 0);
        first
    }

    /// Frames that passed to the client.
    pub(crate) fn pass(&self, frames: &[Frame]) {
        let mut log = self.log();
        let count = frames.len() as u64;
        let is_seen = self.viewers.load(Ordering::Relaxed) > 0;
        frames.iter().for_each(|frame| log.ring.pass(frame, is_seen));
        self.moved(log, count);
    }

    fn moved(&self, log: MutexGuard<'_, Log>, passed: u64) {
        let next = log.ring.next();
        drop(log);
        self.last.send_if_modified(|last| {
            let before = *last;
            // Who comes second here may have been first there.
            last.next = last.next.max(next);
            last.passed += passed;
            *last != before
        });
    }

    /// Notes what the guard found.
    pub(crate) fn found(&self, finding: String) {
        let mut log = self.log();
        log.found += 1;
        if log.findings.len() >= MAX_FINDINGS {
            log.findings.pop_front();
        }
        log.findings.extend(RawValue::from_string(finding));
    }

    /// Notes what ends it before its end, unless something else did already.
    pub(crate) fn blame(&self, cause: Cause) {
        let mut log = self.log();
        if log.state != State::Ended {
            log.cause.get_or_insert(cause);
        }
    }

    /// What ended it before its end.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.log().cause
    }

    /// Notes what an upstream used.
    pub(crate) fn book(&self, record: UsageRecord) {
        self.log().usage.push(record);
    }

    /// Adds a note; false where there are as many as may be.
    pub(crate) fn annotate(&self, note: Box<RawValue>, most: usize) -> bool {
        let event = format!("{{\"kind\":\"note\",\"note\":{note}}}");
        let mut log = self.log();
        if log.notes.len() >= most {
            return false;
        }
        log.notes.push(note);
        // Nothing comes behind the end.
        if log.state != State::Ended {
            log.ring.push(Line::Json(event));
            self.moved(log, 0);
        }
        true
    }

    /// The stream is over; without a summary nobody has answered.
    pub(crate) fn end(&self, summary: Option<String>) {
        let cause = self.cause();
        let end = summary.as_deref().map_or_else(|| End::unanswered(cause), |summary| End::of(summary, cause));
        self.finish(end, summary);
    }

    fn finish(&self, end: End, summary: Option<String>) {
        let mut log = self.log();
        if let Some(tap) = &self.tap {
            tap.end(&self.meta, log.ring.next(), summary.as_deref());
        }
        log.state = State::Ended;
        log.summary = summary.and_then(|summary| RawValue::from_string(summary).ok());
        log.end = Some(end);
        log.ended_at = Some(Instant::now());
        let next = log.ring.next();
        let ended = self.ended(&log);
        drop(log);
        ended.iter().for_each(events::stream_ended);
        self.last.send_modify(|last| *last = Last { next, ended: true, ..*last });
    }

    /// Since when it is over.
    pub(crate) fn ended_at(&self) -> Option<Instant> {
        self.log().ended_at
    }

    pub(crate) fn state(&self) -> State {
        self.log().state
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.last.borrow().ended
    }

    pub(crate) fn end_state(&self) -> Option<End> {
        self.log().end.clone()
    }

    /// Tells of what comes.
    pub(crate) fn follow(&self) -> watch::Receiver<Last> {
        self.last.subscribe()
    }

    /// The same for a viewer, in a runtime: there may be many, and nobody waits until they are woken.
    pub(crate) fn look(self: &Arc<Self>) -> watch::Receiver<Last> {
        let fan = self.fan.get_or_init(|| {
            let fan = Arc::new(Fan::new(self.last()));
            fan::start(Arc::clone(self), Arc::clone(&fan));
            fan
        });
        fan.follow()
    }

    pub(crate) fn last(&self) -> Last {
        *self.last.borrow()
    }

    /// Events before that one outlive the process.
    pub(crate) fn durable(&self, next: Seq) {
        self.last.send_if_modified(|last| std::mem::replace(&mut last.durable, next) != next);
    }

    /// The log has what is before that event: the ring need not keep it any longer for that.
    pub(crate) fn written(&self, next: Option<Seq>) {
        self.log().ring.written(next);
    }

    /// The log has lost events of it.
    pub(crate) fn broken(&self) {
        self.last.send_if_modified(|last| !std::mem::replace(&mut last.broken, true));
    }
}
