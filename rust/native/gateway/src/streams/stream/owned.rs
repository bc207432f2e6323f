//! Streams that are written by whoever owns them, one at a time.

use super::super::event::{Event, Seq};
use super::super::known::{End, State};
use super::super::ring::Line;
use super::{Log, Stream};
use crate::store::StoreError;

impl Stream {
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
}

impl Log {
    fn check(&self, token: u64) -> Result<(), StoreError> {
        if self.state == State::Ended {
            return Err(StoreError::Ended);
        }
        if self.token == token { Ok(()) } else { Err(StoreError::Lost) }
    }
}
