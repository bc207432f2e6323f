//! A log of files: segments of records, appended by one thread, read by anybody.
//!
//! An append is acknowledged once its record is handed to the system (`never`), or once the disk has it (`batch`, for
//! all streams together every 50 ms; `always`, for each group of records before the next is taken).

mod bury;
mod index;
mod record;
mod segments;
mod writer;

use std::io;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use futures_util::future::{BoxFuture, FutureExt, ready};
use futures_util::stream::{BoxStream, StreamExt, unfold};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use self::bury::bury;
use self::index::{Place, Shared, Step};
use self::record::{Kind, body_of, events_of};
use self::segments::{Segments, read_at};
use self::writer::{Command, Writer, body_of_end};
use super::{Damage, Entry, Finished, Lease, Signal, Status, StoreError, StreamStore, Unended};
use crate::config::StoreConfig;
use crate::log;
use crate::streams::{Event, Meta, Seq, StreamId};

/// The streams of a folder.
pub(crate) struct FileLog {
    shared: Arc<Shared>,
    /// What did not read back when it was opened.
    pub(crate) damage: Damage,
    /// Whoever writes, until the log is closed.
    writing: Mutex<Option<(Sender<Command>, JoinHandle<()>)>>,
}

impl FileLog {
    /// Opens a folder. Streams that were running when its last process died are ended: failed, their owner lost. Their
    /// usage is what `book` gives for each, as JSON.
    pub(crate) fn open(
        folder: &Path,
        config: &StoreConfig,
        book: impl FnOnce(&[Unended]) -> Vec<Vec<Box<RawValue>>>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(folder.to_owned()));
        let mut segments = Segments::open(folder, |segment, at, found| match found {
            Ok(record) => shared.index().add(segment, at, record),
            Err(bytes) => shared.index().add_damaged(bytes),
        })?;
        let damage = shared.index().damage();
        bury(&shared, &mut segments, book)?;
        let (commands, taken) = channel();
        let writer = Writer::new(Arc::clone(&shared), segments, taken, config);
        let thread = log::thread("midstream-store", move || writer.run())?;
        Ok(Self { shared, damage, writing: Mutex::new(Some((commands, thread))) })
    }

    fn writing(&self) -> MutexGuard<'_, Option<(Sender<Command>, JoinHandle<()>)>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(
        &self,
        kind: Kind,
        id: &StreamId,
        events: (Seq, u64),
        body: Vec<u8>,
        finished: Option<Finished>,
    ) -> Result<(), StoreError> {
        let (done, answered) = oneshot::channel();
        let (number, count) = events;
        let command = Command { kind, id: id.clone(), number, count, body, finished, done };
        let commands = self.writing().as_ref().map(|(commands, _)| commands.clone()).ok_or(StoreError::Stopped)?;
        commands.send(command).map_err(|_| StoreError::Stopped)?;
        // The thread ends behind its last sender alone.
        drop(commands);
        answered.await.map_err(|_| StoreError::Stopped)?
    }
}

impl StreamStore for FileLog {
    fn acquire(&self, meta: Meta) -> BoxFuture<'_, Result<Lease, StoreError>> {
        let id = meta.id.clone();
        let taken = {
            let mut index = self.shared.index();
            let kept = index.streams.entry(id.clone()).or_insert_with(|| index::Kept::new(meta, 0));
            kept.token += 1;
            let lease = Lease { id: id.clone(), token: kept.token, signals: kept.signals.subscribe() };
            let body = serde_json::to_vec(&kept.meta).unwrap_or_default();
            kept.check(kept.token).map(|()| (lease, kept.next, body))
        };
        async move {
            let (lease, next, body) = taken?;
            let written = self.write(Kind::Started, &id, (next, 0), body, None).await;
            // Nothing is known of a stream whose begin could not be written.
            written.inspect_err(|_| self.shared.index().forget_unwritten(&lease))?;
            Ok(lease)
        }
        .boxed()
    }

    fn append<'a>(&'a self, lease: &'a Lease, first: Seq, batch: &'a [Event]) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            let new = {
                let mut index = self.shared.index();
                let kept = index.get_mut(&lease.id)?;
                kept.check(lease.token)?;
                let next = kept.accepted;
                let known = next.checked_sub(first).ok_or(StoreError::Gap { next, first })?;
                let new = batch.get(usize::try_from(known).unwrap_or(usize::MAX)..).unwrap_or_default();
                kept.accepted = next + new.len() as u64;
                (next, new)
            };
            let (next, new) = new;
            if new.is_empty() {
                return Ok(());
            }
            self.write(Kind::Events, &lease.id, (next, new.len() as u64), body_of(new), None).await
        }
        .boxed()
    }

    fn finalize(&self, lease: Lease, last: Finished) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.shared.index().get_mut(&lease.id)?.check(lease.token)?;
            let (body, next) = (body_of_end(&last), last.next);
            self.write(Kind::Ended, &lease.id, (next, 0), body, Some(last)).await
        }
        .boxed()
    }

    fn read(&self, id: &StreamId, from: Seq) -> BoxStream<'static, Result<Entry, StoreError>> {
        let reader =
            Reader { shared: Arc::clone(&self.shared), id: id.clone(), next: from, read: Vec::new().into_iter() };
        unfold(Some(reader), async |reader| {
            let mut reader = reader?;
            match reader.entry().await {
                Ok(entry) => Some((Ok(entry?), Some(reader))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    fn status(&self, id: &StreamId) -> BoxFuture<'_, Result<Status, StoreError>> {
        let status = self.shared.index().get_mut(id).map(|kept| Status {
            meta: kept.meta.clone(),
            next: kept.finished.as_ref().map_or(kept.next, |finished| finished.next),
            finished: kept.finished.clone(),
        });
        ready(status).boxed()
    }

    fn ended(&self) -> BoxFuture<'_, Result<Vec<Meta>, StoreError>> {
        let index = self.shared.index();
        let kept = index.streams.values().filter(|kept| kept.finished.is_some());
        let mut ended: Vec<Meta> = kept.map(|kept| kept.meta.clone()).collect();
        drop(index);
        ended.sort_by(|one, other| one.started.total_cmp(&other.started));
        ready(Ok(ended)).boxed()
    }

    fn signal(&self, id: &StreamId, signal: Signal) -> BoxFuture<'_, Result<(), StoreError>> {
        let told = self.shared.index().get_mut(id).and_then(|kept| {
            if kept.finished.is_some() {
                return Err(StoreError::Ended);
            }
            kept.signals.send_replace(Some(signal));
            Ok(())
        });
        ready(told).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let writing = self.writing().take();
        let closed = tokio::task::spawn_blocking(move || {
            if let Some((commands, thread)) = writing {
                drop(commands);
                let _ = thread.join();
            }
        });
        closed.map(drop).boxed()
    }

    fn delete(&self, id: &StreamId) -> BoxFuture<'_, Result<(), StoreError>> {
        let known = self.shared.index().get_mut(id).map(|_| ());
        let id = id.clone();
        async move {
            known?;
            self.write(Kind::Deleted, &id, (0, 0), Vec::new(), None).await
        }
        .boxed()
    }
}

/// One reader of one stream.
struct Reader {
    shared: Arc<Shared>,
    id: StreamId,
    next: Seq,
    read: std::vec::IntoIter<Event>,
}

impl Reader {
    async fn entry(&mut self) -> Result<Option<Entry>, StoreError> {
        loop {
            if let Some(event) = self.read.find(|event| event.sequence >= self.next) {
                self.next = event.sequence + 1;
                return Ok(Some(Entry::Event(event)));
            }
            let step = self.shared.index().step(&self.id, self.next)?;
            match step {
                Step::End => return Ok(None),
                Step::Lagged(oldest) => {
                    self.next = oldest;
                    return Ok(Some(Entry::Lagged(oldest)));
                }
                Step::Read(place) => self.read = self.events(place).await?.into_iter(),
                Step::Wait(mut moved) => moved.changed().await.map_err(|_| StoreError::Unknown)?,
            }
        }
    }

    async fn events(&self, place: Place) -> Result<Vec<Event>, StoreError> {
        let folder = self.shared.folder.clone();
        let read = tokio::task::spawn_blocking(move || read_at(&folder, place.segment, place.at, place.length));
        let bytes = read.await.map_err(|_| StoreError::Stopped)??;
        let record = record::read(&bytes).ok_or(StoreError::Damaged)?;
        events_of(place.first, record.body).ok_or(StoreError::Damaged)
    }
}

/// What reads as a record is one, to the byte.
///
/// # Panics
/// Where it is not.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn check_record(bytes: &[u8]) {
    if let Some(record) = record::read(bytes) {
        let again = record::written(record.kind, &record.id, record.number, record.body);
        assert_eq!(bytes.get(..record.length), Some(again.as_slice()));
    }
    let _ = (events_of(0, bytes), record::damaged(bytes), record::is_torn(bytes));
    if let Some(at) = record::next(bytes) {
        assert!(at > 0 && record::read(bytes.get(at..).unwrap_or_default()).is_some());
    }
    // Random bytes have no sum that holds: what follows one is read here too.
    let sealed = record::written(Kind::Events, &StreamId::new(), 0, bytes);
    assert_eq!(record::read(&sealed).map(|record| record.body), Some(bytes));
}

#[cfg(test)]
mod tests;
