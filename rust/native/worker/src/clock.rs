use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use midstream_series::{Span, Timestamp};

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// The current moment. It never goes back.
    fn now(&self) -> Timestamp;
}

/// The operating system's monotonic clock; its origin is the moment it was made.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that starts at 0.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(i64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}

/// A clock that moves when it is told to, for tests.
///
/// ```
/// use midstream_series::Span;
/// use midstream_worker::{Clock, ManualClock};
/// let clock = ManualClock::default();
/// clock.advance(Span::from_millis(20));
/// assert_eq!(clock.now().as_nanos(), 20_000_000);
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicI64,
}

impl ManualClock {
    /// Moves on by `span`; a negative one counts as none.
    pub fn advance(&self, span: Span) {
        self.nanos.fetch_add(span.as_nanos().max(0), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_never_goes_back() {
        let clock = SystemClock::start();
        let first = clock.now();
        assert!(clock.now() >= first);
    }

    #[test]
    fn a_manual_clock_ignores_negative_steps() {
        let clock = ManualClock::default();
        clock.advance(Span::from_nanos(-5));
        assert_eq!(clock.now(), Timestamp::default());
    }
}
