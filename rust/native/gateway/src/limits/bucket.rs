//! Tokens of a minute.
//!
//! A rate limiter of requests counts what is known before. What an answer takes is known behind it: the most that it may
//! take is reserved and given back at its end, and a bucket from which more was taken than it held owes the rest.

use std::time::Duration;

use midstream_series::Timestamp;

/// Tokens that come back evenly over a minute.
pub(super) struct Bucket {
    size: f64,
    level: f64,
    at: Timestamp,
}

/// Why nothing is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refused {
    /// It never holds so many.
    Never,
    /// It will hold them then.
    Wait(Duration),
}

impl Bucket {
    pub(super) fn new(per_min: u64, now: Timestamp) -> Self {
        let size = per_min as f64;
        Self { size, level: size, at: now }
    }

    /// Reserves up to `wished`, where as much as is `needed` is there, and one token at least; gives what it took.
    pub(super) fn reserve(&mut self, needed: u64, wished: u64, now: Timestamp) -> Result<u64, Refused> {
        self.fill(now);
        let needed = needed.max(1) as f64;
        if needed > self.size {
            return Err(Refused::Never);
        }
        if self.level < needed {
            return Err(Refused::Wait(Duration::from_secs_f64((needed - self.level) * 60.0 / self.size)));
        }
        let reserved = wished.min(self.level as u64);
        self.level -= reserved as f64;
        Ok(reserved)
    }

    /// Takes what was used, there or not.
    pub(super) fn take(&mut self, tokens: u64) {
        self.level -= tokens as f64;
    }

    /// Gives back what was reserved.
    pub(super) fn give_back(&mut self, tokens: u64) {
        self.level += tokens as f64;
    }

    fn fill(&mut self, now: Timestamp) {
        let since = (now - self.at).as_secs_f64().max(0.0);
        self.at = now;
        self.level = (self.level + since * self.size / 60.0).min(self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_nanos(second * 1_000_000_000)
    }

    #[test]
    fn what_is_reserved_is_not_there_for_others_until_it_is_given_back() {
        let mut bucket = Bucket::new(60, at(0));
        assert_eq!(bucket.reserve(50, 50, at(0)), Ok(50));
        assert_eq!(bucket.reserve(20, 20, at(0)), Err(Refused::Wait(Duration::from_secs(10))));
        bucket.take(5);
        bucket.give_back(50);
        assert_eq!(bucket.reserve(20, 20, at(0)), Ok(20));
    }

    #[test]
    fn of_what_is_wished_as_much_is_reserved_as_is_there() {
        let mut bucket = Bucket::new(60, at(0));
        assert_eq!(bucket.reserve(0, 1024, at(0)), Ok(60));
        assert_eq!(bucket.reserve(0, 1024, at(0)), Err(Refused::Wait(Duration::from_secs(1))));
    }

    #[test]
    fn a_bucket_that_owes_fills_up_first() {
        let mut bucket = Bucket::new(60, at(0));
        assert_eq!(bucket.reserve(0, 0, at(0)), Ok(0));
        bucket.take(90);
        assert_eq!(bucket.reserve(0, 0, at(0)), Err(Refused::Wait(Duration::from_secs(31))));
        assert_eq!(bucket.reserve(0, 0, at(31)), Ok(0));
    }

    #[test]
    fn more_than_a_minute_holds_is_never_there() {
        assert_eq!(Bucket::new(60, at(0)).reserve(61, 61, at(1000)), Err(Refused::Never));
    }

    #[test]
    fn a_bucket_holds_one_minute() {
        let mut bucket = Bucket::new(60, at(0));
        assert_eq!(bucket.reserve(60, 60, at(1000)), Ok(60));
        assert!(bucket.reserve(1, 1, at(1000)).is_err());
    }
}
