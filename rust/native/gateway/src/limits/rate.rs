//! Requests of a minute; one that is refused elsewhere is given back.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

/// So many a minute; as many may come at once.
pub(super) struct Rate {
    limiter: RateLimiter<NotKeyed, Until, DefaultClock>,
    until: Until,
    /// What one request takes.
    one: Duration,
}

/// Up to when the minute is taken, counted from the limiter's begin.
#[derive(Clone, Default)]
struct Until(Arc<Mutex<Option<Nanos>>>);

impl Rate {
    pub(super) fn per_min(most: u64) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(u32::try_from(most).unwrap_or(u32::MAX))?);
        let until = Until::default();
        let limiter = RateLimiter::new(quota, until.clone(), DefaultClock::default());
        Some(Self { limiter, until, one: quota.replenish_interval() })
    }

    /// Takes one, or says how long to wait for it.
    pub(super) fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }

    /// Gives one back.
    pub(super) fn give_back(&self) {
        let one = Nanos::from(self.one).as_u64();
        let mut until = self.until.0.lock().unwrap_or_else(PoisonError::into_inner);
        *until = until.map(|until| until.as_u64().saturating_sub(one).into());
    }
}

impl StateStore for Until {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (measured, next) = measure(*until)?;
        *until = Some(next);
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_there_for_the_next() {
        let rate = Rate::per_min(2).unwrap();
        assert!(rate.take().is_ok() && rate.take().is_ok());
        assert!(rate.take().is_err());
        rate.give_back();
        assert!(rate.take().is_ok());
        assert!(rate.take().unwrap_err() > Duration::from_secs(20));
    }
}
