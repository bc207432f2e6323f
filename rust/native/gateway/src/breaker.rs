//! A circuit breaker: an upstream that fails again and again is left alone for a while, then tried by one request.
//!
//! The states and their names are those of M. Nygard, "Release It!", Pragmatic Bookshelf, 2007, section 5.2.

use std::sync::{Mutex, MutexGuard, PoisonError};

use midstream_series::{Span, Timestamp};

/// Whether an upstream is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Circuit {
    /// It is.
    Closed,
    /// One request tries it.
    HalfOpen,
    /// It is not.
    Open,
}

/// Opens after failures in a row.
pub(crate) struct Breaker {
    /// How many; 0 opens never.
    failures: u64,
    open: Span,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u64,
    opened: Option<Timestamp>,
    /// A request tries an upstream that was left alone.
    is_tried: bool,
}

/// A request that may be made. Dropped without an outcome, as by a client that leaves, it tells nothing.
pub(crate) struct Try<'a> {
    breaker: &'a Breaker,
    /// It is the one that tries.
    is_probe: bool,
    is_told: bool,
}

impl Breaker {
    pub(crate) fn new(failures: u64, open: Span) -> Self {
        Self { failures, open, state: Mutex::default() }
    }

    /// Whether a request may be made; else how long none may.
    pub(crate) fn begin(&self, now: Timestamp) -> Result<Try<'_>, Span> {
        let mut state = self.state();
        let Some(until) = state.opened.map(|opened| opened + self.open) else {
            return Ok(Try { breaker: self, is_probe: false, is_told: false });
        };
        if now < until {
            return Err(until - now);
        }
        if state.is_tried {
            // How long the one that tries takes is not known.
            return Err(Span::from_millis(1000));
        }
        state.is_tried = true;
        Ok(Try { breaker: self, is_probe: true, is_told: false })
    }

    pub(crate) fn circuit(&self, now: Timestamp) -> Circuit {
        match self.state().opened {
            None => Circuit::Closed,
            Some(opened) if now < opened + self.open => Circuit::Open,
            Some(_) => Circuit::HalfOpen,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circuit {
    pub(crate) const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// The snake_case name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

impl Try<'_> {
    /// The upstream answered. True where the circuit closes by that.
    pub(crate) fn succeed(mut self) -> bool {
        self.is_told = true;
        std::mem::take(&mut *self.breaker.state()).opened.is_some()
    }

    /// It did not. True where the circuit opens by that.
    pub(crate) fn fail(mut self, now: Timestamp) -> bool {
        self.is_told = true;
        let mut state = self.breaker.state();
        state.failures = state.failures.saturating_add(1);
        let is_enough = self.breaker.failures > 0 && state.failures >= self.breaker.failures;
        let opens = self.is_probe || (is_enough && state.opened.is_none());
        if opens {
            state.opened = Some(now);
            state.is_tried = false;
        }
        opens
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        if self.is_probe && !self.is_told {
            self.breaker.state().is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_nanos(second * 1_000_000_000)
    }

    fn open() -> Breaker {
        let breaker = Breaker::new(3, Span::from_millis(10_000));
        for second in 0..3 {
            assert_eq!(breaker.begin(at(second)).ok().unwrap().fail(at(second)), second == 2);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let breaker = open();
        assert_eq!(breaker.circuit(at(3)), Circuit::Open);
        assert_eq!(breaker.begin(at(3)).err(), Some(Span::from_millis(9_000)));
    }

    #[test]
    fn an_answer_between_failures_keeps_it_closed() {
        let breaker = Breaker::new(2, Span::from_millis(10_000));
        breaker.begin(at(0)).ok().unwrap().fail(at(0));
        breaker.begin(at(1)).ok().unwrap().succeed();
        breaker.begin(at(2)).ok().unwrap().fail(at(2));
        assert_eq!(breaker.circuit(at(2)), Circuit::Closed);
    }

    #[test]
    fn one_request_tries_it_after_a_while_and_closes_it() {
        let breaker = open();
        let probe = breaker.begin(at(12)).ok().unwrap();
        assert_eq!(breaker.circuit(at(12)), Circuit::HalfOpen);
        assert!(breaker.begin(at(12)).is_err());
        probe.succeed();
        assert_eq!(breaker.circuit(at(12)), Circuit::Closed);
    }

    #[test]
    fn a_try_that_fails_opens_it_again() {
        let breaker = open();
        assert!(breaker.begin(at(12)).ok().unwrap().fail(at(13)));
        assert_eq!(breaker.circuit(at(22)), Circuit::Open);
        assert_eq!(breaker.circuit(at(23)), Circuit::HalfOpen);
    }

    #[test]
    fn a_try_that_is_given_up_lets_another_try() {
        let breaker = open();
        drop(breaker.begin(at(12)).ok().unwrap());
        assert!(breaker.begin(at(12)).is_ok());
    }

    #[test]
    fn without_a_number_it_never_opens() {
        let breaker = Breaker::new(0, Span::from_millis(10_000));
        for _ in 0..100 {
            assert!(!breaker.begin(at(0)).ok().unwrap().fail(at(0)));
        }
    }
}
