//! Events that wait for the log, of all streams together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Room for what waits beyond that which each stream keeps anyway.
pub(super) struct Backlog {
    most: usize,
    used: AtomicUsize,
}

/// What one stream has of it.
pub(super) struct Share {
    of: Arc<Backlog>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn new(most: u64) -> Self {
        Self { most: usize::try_from(most).unwrap_or(usize::MAX), used: AtomicUsize::new(0) }
    }

    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { of: Arc::clone(self), bytes: 0 }
    }
}

impl Share {
    /// Makes it so many bytes; false where there is no room for more.
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes {
            let more = bytes - self.bytes;
            let fits = |used: usize| used.checked_add(more).filter(|used| *used <= self.of.most);
            if self.of.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
                return false;
            }
        } else if bytes < self.bytes {
            self.of.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_have_so_much_together_and_give_it_back() {
        let backlog = Arc::new(Backlog::new(10));
        let (mut one, mut other) = (backlog.share(), backlog.share());
        assert!(one.resize(7) && other.resize(3));
        assert!(!one.resize(8) && one.resize(4) && other.resize(6));
        drop(other);
        assert!(one.resize(10));
        drop(one);
        assert_eq!(backlog.used.load(Ordering::Relaxed), 0);
    }
}
