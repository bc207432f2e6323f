//! Places of viewers: so many may look at one stream, and so many in all.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::audience::Audience;
use crate::streams::{Stream, StreamId};

/// A viewer's place among those that are allowed, free again when dropped.
pub(crate) struct Seat {
    at: Subject,
    pub(super) all: Arc<Audience>,
}

/// What a viewer looks at.
pub(crate) enum Subject {
    /// A stream of this process.
    Here(Arc<Stream>),
    /// One that only the log knows.
    Logged(StreamId),
}

/// How many look at each stream that only the log knows.
#[derive(Default)]
pub(super) struct Counts(Mutex<BTreeMap<StreamId, usize>>);

impl Seat {
    /// `None` where all places are taken.
    pub(crate) fn take(at: Subject, all: &Arc<Audience>, limits: (usize, usize)) -> Option<Self> {
        let seat = Self { at, all: Arc::clone(all) };
        let of_subject = seat.at.enter(all);
        let of_all = all.count.fetch_add(1, Ordering::AcqRel);
        let fits = of_subject < limits.0 && of_all < limits.1;
        if !fits {
            all.turned_away();
        }
        // Whoever does not fit gives both back.
        fits.then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.at.leave(&self.all);
        self.all.count.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Subject {
    /// One more looks at it; gives how many did.
    fn enter(&self, all: &Audience) -> usize {
        match self {
            Self::Here(stream) => stream.viewers.fetch_add(1, Ordering::AcqRel),
            Self::Logged(id) => all.logged.add(id, 1),
        }
    }

    fn leave(&self, all: &Audience) {
        match self {
            Self::Here(stream) => {
                if stream.viewers.fetch_sub(1, Ordering::AcqRel) == 1 {
                    stream.forget_snapshot();
                }
            }
            Self::Logged(id) => {
                all.logged.add(id, -1);
            }
        }
    }
}

impl Counts {
    /// Adds to a count; gives what it was. None is kept that is nothing.
    fn add(&self, id: &StreamId, one: isize) -> usize {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = counts.get(id).copied().unwrap_or_default();
        match before.saturating_add_signed(one) {
            0 => drop(counts.remove(id)),
            count => drop(counts.insert(id.clone(), count)),
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_only_the_log_knows_has_as_many_viewers_as_any_other() {
        let (all, id, other) = (Arc::<Audience>::default(), StreamId::new(), StreamId::new());
        let take = |id: &StreamId| Seat::take(Subject::Logged(id.clone()), &all, (1, 2));
        let first = take(&id).unwrap();
        assert!(take(&id).is_none());
        let second = take(&other).unwrap();
        assert!(take(&StreamId::new()).is_none());
        drop(first);
        assert!(take(&id).is_some());
        drop(second);
        assert_eq!((all.count.load(Ordering::Relaxed), all.logged.0.lock().unwrap().len()), (0, 0));
    }
}
