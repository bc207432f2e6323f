//! Viewers of streams that only the log knows: they have places as others have.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::audience::Audience;
use crate::streams::StreamId;

/// How many look at each.
#[derive(Default)]
pub(super) struct Counts(Mutex<BTreeMap<StreamId, usize>>);

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

/// A viewer's place at one of them.
pub(crate) struct LoggedSeat {
    id: StreamId,
    all: Arc<Audience>,
}

impl LoggedSeat {
    /// `None` where all places are taken.
    pub(crate) fn take(id: &StreamId, all: &Arc<Audience>, limits: (usize, usize)) -> Option<Self> {
        let seat = Self { id: id.clone(), all: Arc::clone(all) };
        let of_stream = all.logged.add(id, 1);
        let of_all = all.count.fetch_add(1, Ordering::AcqRel);
        let fits = of_stream < limits.0 && of_all < limits.1;
        if !fits {
            all.turned_away();
        }
        // Whoever does not fit gives both back.
        fits.then_some(seat)
    }
}

impl Drop for LoggedSeat {
    fn drop(&mut self) {
        self.all.logged.add(&self.id, -1);
        self.all.count.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_only_the_log_knows_has_as_many_viewers_as_any_other() {
        let (all, id, other) = (Arc::<Audience>::default(), StreamId::new(), StreamId::new());
        let first = LoggedSeat::take(&id, &all, (1, 2)).unwrap();
        assert!(LoggedSeat::take(&id, &all, (1, 2)).is_none());
        let second = LoggedSeat::take(&other, &all, (1, 2)).unwrap();
        assert!(LoggedSeat::take(&StreamId::new(), &all, (1, 2)).is_none());
        drop(first);
        assert!(LoggedSeat::take(&id, &all, (1, 2)).is_some());
        drop(second);
        assert_eq!((all.count.load(Ordering::Relaxed), all.logged.0.lock().unwrap().len()), (0, 0));
    }
}
