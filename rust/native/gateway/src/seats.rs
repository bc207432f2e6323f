//! How many requests an upstream has at a time, and how many wait for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The seats of one upstream.
pub(crate) struct Seats {
    /// `None` where there are as many as are asked for.
    free: Option<Arc<Semaphore>>,
    taken: Arc<AtomicUsize>,
    waiting: AtomicUsize,
    max_waiting: usize,
    wait: Duration,
}

/// One request's seat, free again when dropped.
pub(crate) struct Seat {
    _permit: Option<OwnedSemaphorePermit>,
    taken: Arc<AtomicUsize>,
}

impl Seats {
    pub(crate) fn new(max_concurrent: Option<usize>, max_waiting: usize, wait: Duration) -> Self {
        Self {
            free: max_concurrent.map(|most| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))),
            taken: Arc::default(),
            waiting: AtomicUsize::new(0),
            max_waiting,
            wait,
        }
    }

    /// Waits for a seat, first come first served; `None` where too many wait, or it takes too long.
    pub(crate) async fn take(&self) -> Option<Seat> {
        let Some(free) = &self.free else { return Some(self.seat(None)) };
        if let Ok(permit) = Arc::clone(free).try_acquire_owned() {
            return Some(self.seat(Some(permit)));
        }
        let waiting = Waiting::begin(&self.waiting);
        if waiting.before >= self.max_waiting {
            return None;
        }
        let permit = timeout(self.wait, Arc::clone(free).acquire_owned()).await.ok()?.ok()?;
        Some(self.seat(Some(permit)))
    }

    fn seat(&self, permit: Option<OwnedSemaphorePermit>) -> Seat {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Seat { _permit: permit, taken: Arc::clone(&self.taken) }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Waiting<'a> {
    all: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn begin(all: &'a AtomicUsize) -> Self {
        Self { all, before: all.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_seat_that_is_left_goes_to_who_waits() {
        let seats = Seats::new(Some(1), 1, Duration::from_secs(20));
        let first = seats.take().await.unwrap();
        let (second, ()) = tokio::join!(seats.take(), async {
            while seats.waiting() == 0 {
                tokio::task::yield_now().await;
            }
            assert!(seats.take().await.is_none());
            drop(first);
        });
        assert_eq!((second.is_some(), seats.waiting()), (true, 0));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let seats = Seats::new(Some(1), 1, Duration::from_millis(10));
        let _first = seats.take().await.unwrap();
        assert!(seats.take().await.is_none());
        assert_eq!((seats.taken(), seats.waiting()), (1, 0));
    }

    #[tokio::test]
    async fn without_a_number_everyone_sits() {
        let seats = Seats::new(None, 0, Duration::ZERO);
        let all = [seats.take().await, seats.take().await];
        assert_eq!((all.iter().flatten().count(), seats.taken()), (2, 2));
    }
}
