//! Which record of which file holds which events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::record::{self, Kind, Record, events_of};
use crate::store::{Damage, Finished, Lease, Signal, StoreError};
use crate::streams::{End, Meta, Seq, StreamId};

/// What the log holds, for its writer and all readers.
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    index: Mutex<Index>,
}

#[derive(Default)]
pub(super) struct Index {
    pub(super) streams: BTreeMap<StreamId, Kept>,
    /// Events of streams whose begin is damaged, or stands in a file to come.
    orphans: BTreeMap<StreamId, Vec<Place>>,
    /// Streams that records name which are damaged.
    named: BTreeSet<StreamId>,
    damaged_bytes: u64,
}

/// One stream.
pub(super) struct Kept {
    pub(super) meta: Meta,
    pub(super) token: u64,
    /// The number behind the last event that was taken to be written.
    pub(super) accepted: Seq,
    /// The same of those that are written.
    pub(super) next: Seq,
    /// The number of the first event that the files may have.
    begin: Seq,
    places: Vec<Place>,
    pub(super) finished: Option<Finished>,
    /// The file that its last record stands in.
    pub(super) last_in: u64,
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
                    self.begin(id, meta, *number).last_in = segment;
                }
            }
            Kind::Events => {
                let Some(count) = events_of(*number, body).map(|events| events.len() as u64) else { return };
                let place = Place { segment, at, length: *length, first: *number, count };
                match self.streams.get_mut(id) {
                    Some(kept) => kept.written(place),
                    None => self.orphans.entry(id.clone()).or_default().push(place),
                }
            }
            Kind::Ended => {
                if let Ok(Ended { end, shown }) = serde_json::from_slice(body) {
                    // What is known at the end holds what was known at the begin.
                    if !self.streams.contains_key(id)
                        && let Some(meta) = serde_json::from_str(shown.get()).ok().filter(|_| self.damaged_bytes > 0)
                    {
                        self.begin(id, meta, 0);
                    }
                    let Some(kept) = self.streams.get_mut(id) else { return };
                    kept.ended(segment, Finished { end, next: *number, shown: shown.get().to_owned() });
                }
            }
        }
    }

    /// A stream begins, or goes on in another file.
    fn begin(&mut self, id: &StreamId, meta: Meta, number: Seq) -> &mut Kept {
        let orphans = self.orphans.remove(id).unwrap_or_default();
        let begin = orphans.first().map_or(number, |_| 0);
        let kept = self.streams.entry(id.clone()).or_insert_with(|| Kept::new(meta, begin));
        orphans.into_iter().for_each(|place| kept.written(place));
        kept.next = kept.next.max(number);
        kept.accepted = kept.accepted.max(kept.next);
        kept
    }

    /// Takes in what was a record, or several.
    pub(super) fn add_damaged(&mut self, bytes: &[u8]) {
        self.damaged_bytes += bytes.len() as u64;
        let Some(Record { kind, id, number, body, .. }) = record::damaged(bytes) else { return };
        // Records of one stream follow each other: what does not fit is damaged too.
        if let Some(kept) = self.streams.get_mut(&id).filter(|kept| kind == Kind::Events && kept.next == number) {
            kept.next += events_of(number, body).map_or(0, |events| events.len() as u64);
            kept.accepted = kept.next;
        }
        self.named.insert(id);
    }

    /// What is damaged, and how many events each stream has lost by that.
    pub(super) fn damage(&mut self) -> Damage {
        let (orphans, named) = (std::mem::take(&mut self.orphans), std::mem::take(&mut self.named));
        let mut damage = Damage { bytes: self.damaged_bytes, streams: Vec::new() };
        if damage.bytes == 0 {
            return damage;
        }
        for (id, kept) in &self.streams {
            let lost = kept.lost();
            if named.contains(id) || lost > 0 {
                damage.streams.push((id.clone(), lost));
            }
        }
        let count = |places: Vec<Place>| places.iter().map(|place| place.count).sum();
        damage.streams.extend(orphans.into_iter().map(|(id, places)| (id, count(places))));
        damage
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
            begin: next,
            places: Vec::new(),
            finished: None,
            last_in: 0,
            moved: watch::Sender::default(),
            signals: watch::Sender::default(),
        }
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Events that no record holds any more.
    fn lost(&self) -> u64 {
        #[derive(Deserialize)]
        struct Shown {
            stored: Option<Stored>,
        }
        #[derive(Deserialize)]
        struct Stored {
            not_resumable: bool,
        }
        // Events that never came into the log are lost for another reason, and were told then.
        let is_whole = |finished: &&Finished| {
            let stored = serde_json::from_str(&finished.shown).ok().and_then(|Shown { stored }| stored);
            stored.is_none_or(|stored| !stored.not_resumable)
        };
        let end = self.finished.as_ref().filter(is_whole).map_or(0, |finished| finished.next).max(self.next);
        let held: u64 = self.places.iter().map(|place| place.count).sum();
        end.saturating_sub(self.begin).saturating_sub(held)
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
