//! Brings the events of one stream to a store, behind the back of its client.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Finished, Lease, Signal, StoreError, StreamStore};
use crate::log::events;
use crate::metrics::Metrics;
use crate::streams::{End, Event, Meta, Seq, Stream};

/// Events are collected for this long.
const BATCH: Duration = Duration::from_millis(10);
/// Bytes of them that are taken from the stream at once: it waits meanwhile.
const BATCH_BYTES: usize = 32 << 10;
/// Bytes of them in one append, where a burst is behind.
const MOST_BYTES: usize = 1 << 20;
/// When an end is tried again that the log did not take, at first and at last.
const AGAIN: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Starts to bring what a stream appends. The ring of the stream is what waits, as far as there is room: whoever is
/// overtaken there has lost events, and the stream cannot be resumed from the store any more.
pub(crate) fn start(
    store: Arc<dyn StreamStore>,
    stream: Arc<Stream>,
    metrics: Arc<Metrics>,
    keeping: watch::Sender<usize>,
) {
    let keeping = Keeping::new(keeping);
    tokio::spawn(async move {
        let Ok(lease) = store.acquire(Meta::clone(&stream.meta)).await else { return give_up(&stream, &metrics, 0) };
        let signals = lease.signals.clone();
        let unwritten = tokio::select! {
            unwritten = keep(&*store, &stream, &metrics, lease) => unwritten,
            () = obey(&stream, signals) => None,
        };
        // Nobody waits for a log that does not take what there is.
        drop(keeping);
        if let Some((lease, finished)) = unwritten {
            end_later(&*store, &lease, &finished).await;
        }
    });
}

/// Counts itself among those that have not ended.
struct Keeping(watch::Sender<usize>);

impl Keeping {
    fn new(count: watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Gives the end where the log did not take it.
async fn keep(store: &dyn StreamStore, stream: &Stream, metrics: &Metrics, lease: Lease) -> Option<(Lease, Finished)> {
    let (mut next, mut follow) = (0, stream.follow());
    loop {
        let last = *follow.borrow_and_update();
        if let Err(lost) = bring(store, stream, &lease, &mut next).await {
            give_up(stream, metrics, lost);
            break;
        }
        if last.ended && next >= last.next {
            break;
        }
        if !last.ended {
            if next >= last.next {
                follow.changed().await.ok()?;
            }
            tokio::time::sleep(BATCH).await;
        }
    }
    stream.written(None);
    // The end of a stream that lost events is written too: it did end.
    while !stream.last().ended {
        follow.changed().await.ok()?;
    }
    let end = stream.end_state().unwrap_or_else(|| End::new("failed", None));
    let finished = Finished { end, next: stream.last().next, shown: stream.json() };
    let failed = store.finalize(lease.clone(), finished.clone()).await.err()?;
    if !stream.last().broken {
        give_up(stream, metrics, 0);
    }
    matches!(failed, StoreError::Io(_)).then_some((lease, finished))
}

/// Tries again until the log takes the end of a stream: one without would look as if its process had died.
async fn end_later(store: &dyn StreamStore, lease: &Lease, finished: &Finished) {
    let mut wait = AGAIN;
    loop {
        tokio::time::sleep(wait).await;
        match store.finalize(lease.clone(), finished.clone()).await {
            Err(StoreError::Io(_)) => wait = (wait * 2).min(LONGEST_WAIT),
            _ => return,
        }
    }
}

/// Appends what is there; `Err` has how many events are lost.
async fn bring(store: &dyn StreamStore, stream: &Stream, lease: &Lease, next: &mut Seq) -> Result<(), u64> {
    loop {
        let (oldest, end) = stream.kept();
        if oldest > *next {
            return Err(oldest - *next);
        }
        let batch = collect(stream, *next);
        if batch.is_empty() {
            return Ok(());
        }
        store.append(lease, *next, &batch).await.map_err(|_| end - *next)?;
        *next += batch.len() as u64;
        stream.written(Some(*next));
        stream.durable(*next);
    }
}

/// What one append takes, from an event on.
fn collect(stream: &Stream, from: Seq) -> Vec<Event> {
    let (mut bytes, mut batch) = (0, Vec::new());
    while bytes < MOST_BYTES {
        let more = stream.batch(from + batch.len() as u64, BATCH_BYTES);
        if more.is_empty() {
            break;
        }
        bytes += more.iter().map(Event::len).sum::<usize>();
        batch.extend(more);
    }
    batch
}

fn give_up(stream: &Stream, metrics: &Metrics, lost: u64) {
    metrics.not_resumable(lost);
    events::stream_not_stored(stream.meta.id.as_str(), lost);
    stream.written(None);
    stream.broken();
}

/// Does what readers elsewhere ask for, until the stream is kept to its end.
async fn obey(stream: &Stream, mut signals: watch::Receiver<Option<Signal>>) {
    while signals.changed().await.is_ok() {
        match *signals.borrow_and_update() {
            Some(Signal::Cancel) => stream.cancel(),
            None => {}
        }
    }
    std::future::pending().await
}
