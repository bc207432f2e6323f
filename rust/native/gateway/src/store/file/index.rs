//! Which record of which file holds which events.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::record::{Kind, Record, events_of};
use crate::store::{Finished, Lease, Signal, StoreError};
use crate::streams::{End, Meta, Seq, StreamId};

/// What the log holds, for its writer and all readers.
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    index: Mutex<Index>,
}

#[derive(Default)]
pub(super) struct Index {
    pub(super) streams: BTreeMap<StreamId, Kept>,
}

/// One stream.
pub(super) struct Kept {
    pub(super) meta: Meta,
    pub(super) token: u64,
    /// The number behind the last event that was taken to be written.
    pub(super) accepted: Seq,
    /// The same of those that are written.
    pub(super) next: Seq,
    places: Vec<Place>,
    pub(super) finished: Option<Finished>,
    /// The file that its last record stands in.
    last_in: u64,
    /// Told where anything is written.
    moved: watch::Sender<u64>,
    pub(super) signals: watch::Sender<Option<Signal>>,
}

/// One record of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) at: u64,
    pub(super) length: usize,
    pub(super) first: Seq,
    pub(super) count: u64,
}

/// What a reader is to do next.
pub(super) enum Step {
    End,
    Lagged(Seq),
    Read(Place),
    Wait(watch::Receiver<u64>),
}

/// What the record of an end holds.
#[derive(Serialize, Deserialize)]
pub(super) struct Ended<'a> {
    pub(super) end: End,
    #[serde(borrow)]
    pub(super) shown: &'a RawValue,
}

impl Shared {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, index: Mutex::default() }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    /// Takes in a record that stands in that file at that byte.
    pub(super) fn add(&mut self, segment: u64, at: u64, record: &Record<'_>) {
        let Record { kind, id, number, body, length } = record;
        match kind {
            Kind::Deleted => drop(self.streams.remove(id)),
            Kind::Started => {
                if let Ok(meta) = serde_json::from_slice(body) {
                    let kept = self.streams.entry(id.clone()).or_insert_with(|| Kept::new(meta, *number));
                    kept.last_in = segment;
                }
            }
            Kind::Events => {
                let Some(kept) = self.streams.get_mut(id) else { return };
                let Some(count) = events_of(*number, body).map(|events| events.len() as u64) else { return };
                kept.written(Place { segment, at, length: *length, first: *number, count });
            }
            Kind::Ended => {
                let Some(kept) = self.streams.get_mut(id) else { return };
                if let Ok(Ended { end, shown }) = serde_json::from_slice(body) {
                    kept.ended(segment, Finished { end, next: *number, shown: shown.get().to_owned() });
                }
            }
        }
    }

    pub(super) fn get_mut(&mut self, id: &StreamId) -> Result<&mut Kept, StoreError> {
        self.streams.get_mut(id).ok_or(StoreError::Unknown)
    }

    /// The files before that one are gone.
    pub(super) fn forget_before(&mut self, oldest: u64) {
        for kept in self.streams.values_mut() {
            kept.places.retain(|place| place.segment >= oldest);
        }
        self.streams.retain(|_, kept| kept.finished.is_none() || kept.last_in >= oldest);
    }

    /// Forgets a stream of which nothing was written.
    pub(super) fn forget_unwritten(&mut self, lease: &Lease) {
        let is_new = |kept: &Kept| kept.token == lease.token && lease.token == 1 && kept.accepted == 0;
        if self.streams.get(&lease.id).is_some_and(is_new) {
            self.streams.remove(&lease.id);
        }
    }

    /// What a reader of a stream does who has the events before that one.
    pub(super) fn step(&self, id: &StreamId, next: Seq) -> Result<Step, StoreError> {
        let kept = self.streams.get(id).ok_or(StoreError::Unknown)?;
        let at = kept.places.partition_point(|place| place.first + place.count <= next);
        Ok(match (kept.places.get(at), &kept.finished) {
            (Some(place), _) if place.first > next => Step::Lagged(place.first),
            (Some(place), _) => Step::Read(*place),
            (None, Some(finished)) if finished.next > next => Step::Lagged(finished.next),
            (None, Some(_)) => Step::End,
            (None, None) if kept.next > next => Step::Lagged(kept.next),
            (None, None) => Step::Wait(kept.moved.subscribe()),
        })
    }
}

impl Kept {
    pub(super) fn new(meta: Meta, next: Seq) -> Self {
        Self {
            meta,
            token: 0,
            accepted: next,
            next,
            places: Vec::new(),
            finished: None,
            last_in: 0,
            moved: watch::Sender::default(),
            signals: watch::Sender::default(),
        }
    }

    /// Checks that the one with this token may write.
    pub(super) fn check(&self, token: u64) -> Result<(), StoreError> {
        if self.finished.is_some() {
            return Err(StoreError::Ended);
        }
        if self.token == token { Ok(()) } else { Err(StoreError::Lost) }
    }

    pub(super) fn written(&mut self, place: Place) {
        self.next = self.next.max(place.first + place.count);
        self.accepted = self.accepted.max(self.next);
        self.last_in = place.segment;
        self.places.push(place);
        self.moved.send_modify(|moved| *moved += 1);
    }

    pub(super) fn ended(&mut self, segment: u64, finished: Finished) {
        self.finished = Some(finished);
        self.last_in = segment;
        self.moved.send_modify(|moved| *moved += 1);
    }
}
