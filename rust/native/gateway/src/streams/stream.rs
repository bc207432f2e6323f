//! One stream: what is known of it, its events, and a way to end it.

mod reading;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::answering::Line as Written;
use super::event::{Event, Seq};
use super::fan::{self, Fan};
use super::known::{End, Last, Meta, Shown, State, Stored};
use super::ring::{Line, Ring};
use crate::cause::Cause;
use crate::frames::Frame;
use crate::log::events;
use crate::observe::Tap;
use crate::store::StoreError;
use crate::usage::UsageRecord;

/// Findings of a stream that are kept.
pub(crate) const MAX_FINDINGS: usize = 100;

/// One stream.
pub(crate) struct Stream {
    pub(crate) meta: Arc<Meta>,
    pub(super) began: Instant,
    log: Mutex<Log>,
    last: watch::Sender<Last>,
    cancelled: AtomicBool,
    cancelled_at: OnceLock<Instant>,
    waker: AtomicWaker,
    pub(crate) viewers: AtomicUsize,
    /// What a log keeps of it, where there is one.
    is_stored: bool,
    /// Where viewers wait, from the first one on.
    fan: OnceLock<Arc<Fan>>,
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
    ring: Ring,
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
    pub(crate) fn new(meta: Meta, is_stored: bool, tap: Option<Tap>) -> Self {
        let log = Log {
            token: 1,
            state: State::Waiting,
            upstream: None,
            cause: None,
            usage: Vec::new(),
            ring: Ring::default().kept_for_log(is_stored),
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
            cancelled: AtomicBool::new(false),
            cancelled_at: OnceLock::new(),
            waker: AtomicWaker::new(),
            viewers: AtomicUsize::new(0),
            is_stored,
            fan: OnceLock::new(),
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

    /// A new owner; what an older one says is refused from now on.
    pub(crate) fn take_over(&self) -> u64 {
        let mut log = self.log();
        log.token += 1;
        log.token
    }

    /// Appends what an owner has, from an event's number on; what is there already is passed over.
    pub(crate) fn append_owned(&self, token: u64, first: Seq, batch: &[Event]) -> Result<(), StoreError> {
        let mut log = self.log();
        log.check(token)?;
        let next = log.ring.next();
        let known = next.checked_sub(first).ok_or(StoreError::Gap { next, first })?;
        for event in batch.iter().skip(usize::try_from(known).unwrap_or(usize::MAX)) {
            log.ring.push(Line::Json(event.object()));
        }
        self.moved(log, 0);
        Ok(())
    }

    /// Ends it as its owner says.
    pub(crate) fn end_owned(&self, token: u64, end: End, summary: Option<String>) -> Result<(), StoreError> {
        self.log().check(token)?;
        self.finish(end, summary);
        Ok(())
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

    /// Ends it: its upstream is closed.
    pub(crate) fn cancel(&self) {
        let _ = self.cancelled_at.set(Instant::now());
        self.cancelled.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// The same for a person who asks for it.
    pub(crate) fn end_by_operator(&self) {
        self.blame(Cause::Operator);
        self.cancel();
    }

    /// How long ago it was cancelled.
    pub(crate) fn cancelled_since(&self) -> Option<Duration> {
        self.cancelled_at.get().map(Instant::elapsed)
    }

    /// Whether it was cancelled; else its owner is woken when it is.
    pub(crate) fn poll_cancelled(&self, cx: &std::task::Context<'_>) -> bool {
        self.waker.register(cx.waker());
        self.cancelled.load(Ordering::Acquire)
    }

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
}

impl Log {
    fn check(&self, token: u64) -> Result<(), StoreError> {
        if self.state == State::Ended {
            return Err(StoreError::Ended);
        }
        if self.token == token { Ok(()) } else { Err(StoreError::Lost) }
    }
}
