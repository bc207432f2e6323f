//! Streams that run or have ended: all that a gateway remembers.

mod answering;
mod backlog;
mod event;
mod fan;
mod id;
mod known;
mod passed;
mod ring;
mod snapshot;
mod stream;
mod texts;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

use crate::access::Key;
use crate::endpoint::Api;
use crate::metrics::Metrics;
use crate::observe::{Observer, Tap, observer};
use crate::store::{StreamStore, keeper};
use crate::usage::unix_s;
use crate::viewers::audience::Audience;

pub(crate) use self::answering::Answering;
use self::backlog::Backlog;
pub(crate) use self::event::{Event, Seq};
pub use self::id::StreamId;
pub use self::known::State;
pub(crate) use self::known::{End, Last, Meta, Shown, Viewed, Whose};
pub(crate) use self::ring::Line;
pub(crate) use self::snapshot::Snapshot;
pub(crate) use self::stream::{MAX_FINDINGS, Stream};

/// Streams that are remembered after their end, at most.
const MAX_ENDED: usize = 10_000;
/// Those of them whose events are still kept.
const MAX_WHOLE: usize = 256;
/// How long an ended stream keeps its events for viewers that are behind.
const WHOLE: Duration = Duration::from_secs(30);
/// How long a gateway that stops waits for its log.
const SETTLE: Duration = Duration::from_secs(5);
/// Bytes of a path that are kept; one that asks a model is no longer.
const LONGEST_PATH: usize = 1024;
/// Streams of which only the end is known.
const MAX_GONE: usize = 10_000;

/// All streams of a gateway, oldest first.
pub(crate) struct Streams {
    kept: Mutex<Kept>,
    /// How long an ended stream is remembered.
    keep: Duration,
    /// Where their events go beside, and who counts what fails there.
    log: Option<(Arc<dyn StreamStore>, Arc<Metrics>)>,
    backlog: Arc<Backlog>,
    /// Viewers of all streams.
    pub(crate) viewers: Arc<Audience>,
    /// Streams that are still brought to the log.
    keeping: watch::Sender<usize>,
    tap: OnceLock<Tap>,
}

#[derive(Default)]
struct Kept {
    by_id: BTreeMap<StreamId, Arc<Stream>>,
    order: VecDeque<StreamId>,
    gone: BTreeMap<StreamId, Gone>,
    gone_order: VecDeque<StreamId>,
}

/// A stream that was remembered once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Gone {
    pub(crate) id: StreamId,
    pub(crate) end: Option<End>,
    #[serde(skip)]
    key: Option<String>,
    #[serde(skip)]
    tenant: Option<String>,
}

impl Gone {
    fn of(stream: &Stream) -> Self {
        let Meta { id, key, tenant, .. } = &*stream.meta;
        Self { id: id.clone(), end: stream.end_state(), key: key.clone(), tenant: tenant.clone() }
    }

    pub(crate) fn whose(&self) -> Whose<'_> {
        Whose { id: &self.id, key: self.key.as_deref(), tenant: self.tenant.as_deref() }
    }
}

/// What is known of an id.
pub(crate) enum Known {
    Gone(Gone),
    Here(Arc<Stream>),
    Never,
}

impl Streams {
    pub(crate) fn new(
        keep: Duration,
        log: Option<(Arc<dyn StreamStore>, Arc<Metrics>)>,
        viewers: Arc<Audience>,
    ) -> Self {
        let (backlog, keeping) = (Arc::new(Backlog::new(u64::MAX)), watch::Sender::default());
        Self { kept: Mutex::default(), keep, log, backlog, viewers, keeping, tap: OnceLock::new() }
    }

    /// So many bytes of events may wait for the log, of all streams together.
    pub(crate) fn with_backlog(self, most: u64) -> Self {
        Self { backlog: Arc::new(Backlog::new(most)), ..self }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new stream.
    pub(crate) fn start(&self, api: Api, path: &str, model: Option<String>, key: Option<&Key>) -> Arc<Stream> {
        let key_name = key.map(|key| key.name.clone());
        let tenant = key.and_then(|key| key.tenant().map(str::to_owned));
        let path = path.get(..path.floor_char_boundary(LONGEST_PATH)).unwrap_or_default().to_owned();
        let meta = Meta { id: StreamId::new(), api, path, model, started: unix_s(), key: key_name, tenant };
        let stream = self.add(meta);
        if let Some((store, metrics)) = &self.log {
            keeper::start(Arc::clone(store), Arc::clone(&stream), Arc::clone(metrics), self.keeping.clone());
        }
        stream
    }

    /// Remembers a stream that is known under an id.
    pub(crate) fn add(&self, meta: Meta) -> Arc<Stream> {
        let backlog = self.log.as_ref().map(|_| self.backlog.share());
        let stream = Arc::new(Stream::new(meta, backlog, self.tap.get().cloned()));
        let mut kept = self.kept();
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
        self.kept().by_id.get(&StreamId::of(id)?).cloned()
    }

    /// What is known of an id.
    pub(crate) fn known(&self, id: &str) -> Known {
        let Some(id) = StreamId::of(id) else { return Known::Never };
        let kept = self.kept();
        if let Some(stream) = kept.by_id.get(&id) {
            return Known::Here(Arc::clone(stream));
        }
        kept.gone.get(&id).cloned().map_or(Known::Never, Known::Gone)
    }

    /// Those that are remembered, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Stream>> {
        let kept = self.kept();
        kept.order.iter().filter_map(|id| kept.by_id.get(id)).cloned().collect()
    }

    /// How many have not ended.
    pub(crate) fn running(&self) -> usize {
        self.kept().by_id.values().filter(|stream| !stream.is_ended()).count()
    }

    /// Where the events of streams outlive the process.
    pub(crate) fn log(&self) -> Option<&Arc<dyn StreamStore>> {
        self.log.as_ref().map(|(store, _)| store)
    }

    /// Waits until the log has what it is to have, or cannot take it.
    pub(crate) async fn settle(&self) {
        let mut keeping = self.keeping.subscribe();
        let settled = keeping.wait_for(|keeping| *keeping == 0);
        let _ = tokio::time::timeout(SETTLE, settled).await;
    }

    /// Forgets a stream; false where none has that id.
    pub(crate) fn forget(&self, id: &StreamId) -> bool {
        let mut kept = self.kept();
        kept.order.retain(|kept| kept != id);
        kept.by_id.remove(id).is_some()
    }

    /// Makes ended streams smaller, then forgets them. Streams that run are never forgotten.
    pub(crate) fn sweep(&self, now: Instant) {
        let ended: Vec<(Arc<Stream>, Duration)> = self
            .all()
            .into_iter()
            .filter_map(|stream| {
                let at = stream.ended_at()?;
                Some((stream, now.saturating_duration_since(at)))
            })
            .collect();
        let newest = ended.len().saturating_sub(MAX_WHOLE);
        for (index, (stream, age)) in ended.iter().enumerate() {
            let is_viewed = stream.viewers.load(std::sync::atomic::Ordering::Relaxed) > 0;
            if !is_viewed && (index < newest || *age >= WHOLE) {
                stream.compact();
            }
        }
        let newest = ended.len().saturating_sub(MAX_ENDED);
        let goes = |(index, (_, age)): &(usize, &(Arc<Stream>, Duration))| *index < newest || *age >= self.keep;
        let going = ended.iter().enumerate().filter(goes).map(|(_, (stream, _))| Gone::of(stream));
        let going: BTreeMap<StreamId, Gone> = going.map(|gone| (gone.id.clone(), gone)).collect();
        if !going.is_empty() {
            self.kept().go(going);
        }
    }
}

impl Kept {
    fn go(&mut self, going: BTreeMap<StreamId, Gone>) {
        self.order.retain(|id| !going.contains_key(id));
        for (id, gone) in going {
            self.by_id.remove(&id);
            self.gone_order.push_back(id.clone());
            self.gone.insert(id, gone);
        }
        while self.gone_order.len() > MAX_GONE {
            if let Some(id) = self.gone_order.pop_front() {
                self.gone.remove(&id);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    impl Default for Streams {
        fn default() -> Self {
            Self::new(Duration::from_secs(600), None, Arc::default())
        }
    }

    pub(crate) fn streams() -> Streams {
        Streams::default()
    }

    pub(crate) fn started(streams: &Streams) -> Arc<Stream> {
        streams.start(Api::Openai, "/v1/chat/completions", None, None)
    }

    fn text(viewed: Viewed<Event>) -> Viewed<String> {
        match viewed {
            Viewed::Next(event) => Viewed::Next(String::from_utf8(event.json().to_vec()).unwrap()),
            Viewed::Lagged(oldest) => Viewed::Lagged(oldest),
            Viewed::Ended => Viewed::Ended,
            Viewed::Wait => Viewed::Wait,
        }
    }

    #[test]
    fn no_more_of_a_path_is_kept_than_there_is_room_for() {
        let streams = streams();
        let stream = streams.start(Api::Openai, &format!("/v1/{}", "\u{e9}".repeat(LONGEST_PATH)), None, None);
        assert_eq!(stream.meta.path.len(), LONGEST_PATH);
    }

    #[test]
    fn a_viewer_gets_every_event_once_and_then_the_end() {
        let stream = started(&streams());
        stream.append([r#"{"a":1}"#, "{}"].map(str::to_owned));
        assert_eq!(text(stream.next(0)), Viewed::Next(r#"{"sequence":0,"a":1}"#.into()));
        assert_eq!(text(stream.next(1)), Viewed::Next(r#"{"sequence":1}"#.into()));
        assert_eq!(stream.next(2), Viewed::Wait);
        stream.end(None);
        assert_eq!(stream.next(2), Viewed::Ended);
    }

    #[test]
    fn a_viewer_that_is_too_slow_is_told_what_it_missed() {
        let stream = started(&streams());
        stream.append((0..ring::MAX_EVENTS + 3).map(|_| "{}".to_owned()));
        assert_eq!(stream.next(0), Viewed::Lagged(3));
        assert!(matches!(stream.next(3), Viewed::Next(_)));
    }

    #[test]
    fn streams_that_run_are_never_forgotten() {
        let streams = streams();
        let running = started(&streams);
        let ended: Vec<_> = (0..MAX_ENDED + 5).map(|_| started(&streams)).collect();
        ended.iter().for_each(|stream| stream.end(None));
        streams.sweep(Instant::now());
        assert!(streams.get(running.meta.id.as_str()).is_some());
        assert_eq!(streams.all().len(), MAX_ENDED + 1);
        streams.sweep(Instant::now() + Duration::from_secs(601));
        assert_eq!(streams.all().len(), 1);
    }

    #[test]
    fn of_a_forgotten_stream_its_end_is_known() {
        let streams = streams();
        let stream = started(&streams);
        stream.end(Some(r#"{"ending":"halted"}"#.to_owned()));
        streams.sweep(Instant::now() + Duration::from_secs(601));
        let Known::Gone(gone) = streams.known(stream.meta.id.as_str()) else { panic!("gone") };
        assert_eq!(gone.end, Some(End::new("halted", None)));
        assert!(matches!(streams.known("other"), Known::Never));
    }

    #[tokio::test]
    async fn of_an_ended_stream_the_text_is_kept() {
        let streams = streams();
        let stream = started(&streams);
        stream.append(["Hel", "lo"].map(|text| format!(r#"{{"kind":"text","channel":"c","text":"{text}"}}"#)));
        stream.end(None);
        streams.sweep(Instant::now() + WHOLE);
        assert_eq!(stream.next(0), Viewed::Lagged(2));
        let snapshot = stream.snapshot(false).await;
        assert_eq!((snapshot.next, snapshot.json().as_str()), (2, r#"{"sequence":1,"channels":{"c":"Hello"}}"#));
        assert_eq!(stream.next(2), Viewed::Ended);
    }
}
