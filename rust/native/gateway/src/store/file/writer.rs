//! The one thread that writes the log: what waits is written together.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::index::{Ended, Place, Shared};
use super::record::{Kind, written};
use super::segments::Segments;
use crate::config::{Fsync, StoreConfig};
use crate::log::{Trouble, events};
use crate::store::{Finished, StoreError};
use crate::streams::{Seq, StreamId};

/// Under `batch`, what is written waits at most so long for the disk.
const SYNC_EVERY: Duration = Duration::from_millis(50);
/// How often the age of files is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Records that are written at once.
const MOST: usize = 1024;
/// A file that has so many bytes is followed by another.
const MAX_SEGMENT: u64 = 16 << 20;

/// A record to write.
pub(super) struct Command {
    pub(super) kind: Kind,
    pub(super) id: StreamId,
    /// The first event's number, or the next one's.
    pub(super) number: Seq,
    pub(super) count: u64,
    pub(super) body: Vec<u8>,
    /// With an end.
    pub(super) finished: Option<Finished>,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) segments: Segments,
    pub(super) commands: Receiver<Command>,
    fsync: Fsync,
    max_bytes: u64,
    max_age: Duration,
    /// What waits for the disk, and since when.
    waiting: Vec<oneshot::Sender<Result<(), StoreError>>>,
    since: Instant,
    /// When the file that is written was begun.
    begun: Instant,
    trouble: Trouble,
    /// The last record was taken by the system, if not by the disk.
    is_taken: bool,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        segments: Segments,
        commands: Receiver<Command>,
        config: &StoreConfig,
    ) -> Self {
        let now = Instant::now();
        Self {
            shared,
            segments,
            commands,
            fsync: config.fsync,
            max_bytes: config.max_bytes,
            max_age: Duration::from_secs_f64(config.max_age_s),
            waiting: Vec::new(),
            since: now,
            begun: now,
            trouble: Trouble::default(),
            is_taken: true,
        }
    }

    /// Writes until nobody can ask any more.
    pub(super) fn run(mut self) {
        loop {
            let wait =
                if self.waiting.is_empty() { LOOK_EVERY } else { SYNC_EVERY.saturating_sub(self.since.elapsed()) };
            match self.commands.recv_timeout(wait) {
                Ok(first) => {
                    let mut group = vec![first];
                    group.extend(self.commands.try_iter().take(MOST));
                    self.write(group);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.sync(),
            }
            if !self.waiting.is_empty() && self.since.elapsed() >= SYNC_EVERY {
                self.sync();
            }
            self.turn();
        }
    }

    fn write(&mut self, group: Vec<Command>) {
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(group.len());
        for Command { kind, id, number, body, .. } in &group {
            bytes.extend_from_slice(&written(*kind, id, *number, body));
            ends.push(bytes.len() as u64);
        }
        let (segment, before) = self.segments.current();
        if let Err(error) = self.segments.write(&bytes) {
            self.is_taken = false;
            self.tell(Some(error.kind()));
            group.into_iter().for_each(|command| self.fail(command, StoreError::Io(error.kind())));
            return;
        }
        self.is_taken = true;
        let mut start = 0;
        for (command, end) in group.into_iter().zip(ends) {
            let place = Place {
                segment,
                at: before + start,
                length: (end - start) as usize,
                first: command.number,
                count: command.count,
            };
            start = end;
            self.took(command, place);
        }
        match self.fsync {
            Fsync::Always => self.sync(),
            Fsync::Batch => {}
            Fsync::Never => {
                self.tell(None);
                self.answer(Ok(()));
            }
        }
    }

    /// A record is written.
    fn took(&mut self, command: Command, place: Place) {
        let mut index = self.shared.index();
        match (command.kind, index.get_mut(&command.id)) {
            (Kind::Deleted, _) => drop(index.streams.remove(&command.id)),
            (Kind::Events, Ok(kept)) => kept.written(place),
            (Kind::Ended, Ok(kept)) => {
                command.finished.into_iter().for_each(|finished| kept.ended(place.segment, finished));
            }
            _ => {}
        }
        drop(index);
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        self.waiting.push(command.done);
    }

    /// A record is not written: its events may be sent again.
    fn fail(&self, command: Command, error: StoreError) {
        if let Ok(kept) = self.shared.index().get_mut(&command.id) {
            kept.accepted = kept.next;
        }
        let _ = command.done.send(Err(error));
    }

    fn sync(&mut self) {
        let synced = self.segments.sync();
        let failure = synced.as_ref().err().map(std::io::Error::kind);
        if failure.is_some() || self.is_taken {
            self.tell(failure);
        }
        self.answer(synced.map_err(StoreError::from));
    }

    /// Tells where writing begins to fail, and where it works again.
    fn tell(&self, failure: Option<std::io::ErrorKind>) {
        match failure {
            Some(kind) if self.trouble.began() => events::store_failed(&self.shared.folder, &kind.to_string()),
            None if self.trouble.is_over() => events::store_recovered(&self.shared.folder),
            _ => {}
        }
    }

    fn answer(&mut self, result: Result<(), StoreError>) {
        for done in self.waiting.drain(..) {
            let _ = done.send(result.clone());
        }
    }

    /// Begins a new file where this one is full or old, and removes what is kept long enough.
    fn turn(&mut self) {
        let (_, bytes) = self.segments.current();
        let is_full = bytes >= MAX_SEGMENT.min(self.max_bytes / 4);
        let is_old = bytes > 0 && self.begun.elapsed() >= self.max_age / 4;
        if !is_full && !is_old {
            return;
        }
        // A file that cannot be begun is tried for again: the records go on in this one.
        if self.segments.rotate().is_err() {
            return;
        }
        self.begun = Instant::now();
        let _ = self.segments.write(&self.running());
        if let Ok(oldest) = self.segments.retain(self.max_bytes, self.max_age) {
            self.shared.index().forget_before(oldest);
        }
    }

    /// A segment begins with the streams that run: those before it may go.
    fn running(&self) -> Vec<u8> {
        let index = self.shared.index();
        let running = index.streams.iter().filter(|(_, kept)| kept.finished.is_none());
        let started = |(id, kept): (&StreamId, &super::index::Kept)| {
            written(Kind::Started, id, kept.next, &serde_json::to_vec(&kept.meta).unwrap_or_default())
        };
        running.flat_map(started).collect()
    }
}

/// The body of a record of an end.
pub(super) fn body_of_end(finished: &Finished) -> Vec<u8> {
    let Ok(shown) = serde_json::from_str(&finished.shown) else { return Vec::new() };
    serde_json::to_vec(&Ended { end: finished.end.clone(), shown }).unwrap_or_default()
}
