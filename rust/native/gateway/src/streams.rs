//! Streams that run or have ended: what is known of each, its events, and a way to end it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::access::Key;
use crate::cause::Cause;
use crate::endpoint::Api;
use crate::observe::{Observer, Tap, observer};
use crate::usage::UsageRecord;

/// Events of a stream that are kept for its viewers.
const MAX_EVENTS: usize = 4096;
/// Bytes of them.
const MAX_BYTES: usize = 1 << 20;
/// Streams that are remembered after their end.
const MAX_ENDED: usize = 1024;

/// 128 random bits, as 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StreamId(String);

impl StreamId {
    fn new() -> Self {
        let mut bits = [0; 16];
        // Without the system's source of randomness ids are still unlike each other.
        if getrandom::fill(&mut bits).is_err() {
            let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
            bits = nanos.to_be_bytes();
        }
        Self(format!("{:032x}", u128::from_be_bytes(bits)))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The upstream was asked and has not answered.
    Waiting,
    /// Its answer passes.
    Running,
    /// Over; the summary says how.
    Ended,
}

/// What is known of a stream from its request on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Meta {
    pub(crate) id: StreamId,
    pub(crate) api: Api,
    pub(crate) path: String,
    pub(crate) model: Option<String>,
    /// Whose key asked, by its name.
    pub(crate) key: Option<String>,
    pub(crate) tenant: Option<String>,
    /// Seconds since 1970.
    pub(crate) started: f64,
}

/// One stream.
pub(crate) struct Stream {
    pub(crate) meta: Arc<Meta>,
    log: Mutex<Log>,
    /// The number of the next event, and whether there will be one.
    last: watch::Sender<Last>,
    cancelled: AtomicBool,
    cancelled_at: OnceLock<Instant>,
    waker: AtomicWaker,
    tap: Option<Tap>,
}

/// Where a stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) next: u64,
    pub(crate) ended: bool,
}

struct Log {
    state: State,
    /// Who answers.
    upstream: Option<String>,
    cause: Option<Cause>,
    /// Those that are kept, oldest first.
    events: VecDeque<Bytes>,
    /// The number of the oldest that is kept.
    first: u64,
    bytes: usize,
    findings: Vec<Box<RawValue>>,
    summary: Option<Box<RawValue>>,
    usage: Vec<UsageRecord>,
}

/// What a viewer gets next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Viewed {
    /// The event of that number.
    Event(u64, Bytes),
    /// Those between are not kept any more.
    Lagged { from: u64, to: u64 },
    /// Nothing is left and nothing comes.
    Ended,
    /// Nothing is there yet.
    Wait,
}

/// A stream as the gateway's own endpoints show it.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    #[serde(flatten)]
    meta: &'a Meta,
    state: State,
    upstream: Option<String>,
    /// Why it ended before its end.
    cause: Option<Cause>,
    events: u64,
    findings: Vec<Box<RawValue>>,
    summary: Option<Box<RawValue>>,
    /// One record for each upstream that was asked and is done.
    usage: Vec<UsageRecord>,
}

impl Stream {
    fn new(meta: Meta, tap: Option<Tap>) -> Self {
        let log = Log {
            state: State::Waiting,
            upstream: None,
            cause: None,
            events: VecDeque::new(),
            first: 0,
            bytes: 0,
            findings: Vec::new(),
            summary: None,
            usage: Vec::new(),
        };
        Self {
            meta: Arc::new(meta),
            log: Mutex::new(log),
            last: watch::Sender::default(),
            cancelled: AtomicBool::new(false),
            cancelled_at: OnceLock::new(),
            waker: AtomicWaker::new(),
            tap,
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An upstream has answered.
    pub(crate) fn run(&self, upstream: &str) {
        let mut log = self.log();
        log.state = State::Running;
        log.upstream = Some(upstream.to_owned());
    }

    /// Appends events, each one JSON object.
    pub(crate) fn append(&self, events: impl IntoIterator<Item = Bytes>) {
        let mut log = self.log();
        for event in events {
            if let Some(tap) = &self.tap {
                tap.event(&self.meta, log.first + log.events.len() as u64, event.clone());
            }
            log.bytes += event.len();
            log.events.push_back(event);
            while log.events.len() > MAX_EVENTS || log.bytes > MAX_BYTES {
                let Some(oldest) = log.events.pop_front() else { break };
                log.bytes -= oldest.len();
                log.first += 1;
            }
        }
        let next = log.first + log.events.len() as u64;
        drop(log);
        self.last.send_if_modified(|last| std::mem::replace(&mut last.next, next) != next);
    }

    /// Notes what the guard found.
    pub(crate) fn found(&self, finding: String) {
        self.log().findings.extend(RawValue::from_string(finding));
    }

    /// Notes what ends it before its end, unless something else did already.
    pub(crate) fn blame(&self, cause: Cause) {
        let mut log = self.log();
        if log.state != State::Ended {
            log.cause.get_or_insert(cause);
        }
    }

    /// Notes what an upstream used.
    pub(crate) fn book(&self, record: UsageRecord) {
        self.log().usage.push(record);
    }

    /// The stream is over.
    pub(crate) fn end(&self, summary: Option<String>) {
        let mut log = self.log();
        if let Some(tap) = &self.tap {
            tap.end(&self.meta, log.first + log.events.len() as u64, summary.as_deref());
        }
        log.state = State::Ended;
        log.summary = summary.and_then(|summary| RawValue::from_string(summary).ok());
        drop(log);
        self.last.send_modify(|last| last.ended = true);
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.last.borrow().ended
    }

    /// The event of a number, or why there is none.
    pub(crate) fn next(&self, number: u64) -> Viewed {
        let log = self.log();
        if number < log.first {
            return Viewed::Lagged { from: number, to: log.first };
        }
        match usize::try_from(number - log.first).ok().and_then(|index| log.events.get(index)) {
            Some(event) => Viewed::Event(number, event.clone()),
            None if log.state == State::Ended => Viewed::Ended,
            None => Viewed::Wait,
        }
    }

    /// Tells of what comes.
    pub(crate) fn follow(&self) -> watch::Receiver<Last> {
        self.last.subscribe()
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
        let log = self.log();
        Shown {
            meta: &self.meta,
            state: log.state,
            upstream: log.upstream.clone(),
            cause: log.cause,
            events: log.first + log.events.len() as u64,
            findings: log.findings.clone(),
            summary: log.summary.clone(),
            usage: log.usage.clone(),
        }
    }
}

/// All streams of a gateway, oldest first.
#[derive(Default)]
pub(crate) struct Streams {
    kept: Mutex<Kept>,
    tap: OnceLock<Tap>,
}

#[derive(Default)]
struct Kept {
    by_id: BTreeMap<StreamId, Arc<Stream>>,
    order: VecDeque<StreamId>,
}

impl Streams {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new stream.
    pub(crate) fn start(&self, api: Api, path: &str, model: Option<String>, key: Option<&Key>) -> Arc<Stream> {
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let path = path.to_owned();
        let (key, tenant) = (key.map(|key| key.name.clone()), key.and_then(|key| key.tenant().map(str::to_owned)));
        let meta = Meta { id: StreamId::new(), api, path, model, key, tenant, started };
        let stream = Arc::new(Stream::new(meta, self.tap.get().cloned()));
        let mut kept = self.kept();
        kept.forget_oldest();
        kept.order.push_back(stream.meta.id.clone());
        kept.by_id.insert(stream.meta.id.clone(), Arc::clone(&stream));
        stream
    }

    /// Copies of the events of streams that start from now on; `None` where somebody has them already.
    pub(crate) fn observe(&self, capacity: usize) -> Option<Observer> {
        let (tap, observer) = observer(capacity);
        self.tap.set(tap).ok().map(|()| observer)
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Stream>> {
        self.kept().by_id.get(&StreamId(id.to_owned())).cloned()
    }

    /// Those that are remembered, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Stream>> {
        let kept = self.kept();
        kept.order.iter().filter_map(|id| kept.by_id.get(id)).cloned().collect()
    }
}

impl Kept {
    /// Streams that run are never forgotten.
    fn forget_oldest(&mut self) {
        let Self { by_id, order } = self;
        let mut ended = order.iter().filter(|id| by_id.get(id).is_some_and(|stream| stream.is_ended())).count();
        order.retain(|id| {
            let goes = ended > MAX_ENDED && by_id.get(id).is_some_and(|stream| stream.is_ended());
            if goes {
                ended -= 1;
                by_id.remove(id);
            }
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Arc<Stream> {
        Streams::default().start(Api::Openai, "/v1/chat/completions", None, None)
    }

    #[test]
    fn a_viewer_gets_every_event_once_and_then_the_end() {
        let stream = stream();
        stream.append(["{}", "[]"].map(Bytes::from));
        assert_eq!(stream.next(0), Viewed::Event(0, Bytes::from("{}")));
        assert_eq!(stream.next(1), Viewed::Event(1, Bytes::from("[]")));
        assert_eq!(stream.next(2), Viewed::Wait);
        stream.end(None);
        assert_eq!(stream.next(2), Viewed::Ended);
    }

    #[test]
    fn a_viewer_that_is_too_slow_is_told_what_it_missed() {
        let stream = stream();
        stream.append((0..MAX_EVENTS + 3).map(|_| Bytes::from("{}")));
        assert_eq!(stream.next(0), Viewed::Lagged { from: 0, to: 3 });
        assert_eq!(stream.next(3), Viewed::Event(3, Bytes::from("{}")));
    }

    #[test]
    fn streams_that_run_are_never_forgotten() {
        let streams = Streams::default();
        let running = streams.start(Api::Openai, "/", None, None);
        for _ in 0..MAX_ENDED + 5 {
            streams.start(Api::Openai, "/", None, None).end(None);
        }
        assert!(streams.get(running.meta.id.as_str()).is_some());
        assert!(streams.all().len() <= MAX_ENDED + 2);
    }
}
