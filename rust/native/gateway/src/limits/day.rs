//! Budgets of a day, from midnight to midnight, UTC.

use std::time::Duration;

use super::bucket::Refused;
use crate::config::LimitsConfig;

pub(super) const SECONDS: u64 = 86_400;

/// What was used of a day's budgets.
#[derive(Clone, Copy, Default)]
pub(super) struct Day {
    /// Days since 1970.
    number: u64,
    tokens: u64,
    /// Of requests that run, whatever the day.
    reserved: u64,
    cost: f64,
}

impl Day {
    /// What was used, without what is reserved.
    pub(super) fn used(&self) -> Self {
        Self { reserved: 0, ..*self }
    }

    /// Whether a request may begin, and what is used up else.
    pub(super) fn reserve(
        &mut self,
        tokens: u64,
        limits: &LimitsConfig,
        unix_s: u64,
    ) -> Result<(), (&'static str, Refused)> {
        self.turn(unix_s);
        let wait = Refused::Wait(Duration::from_secs(SECONDS - unix_s % SECONDS));
        if let Some(most) = limits.tokens_per_day {
            if tokens > most {
                return Err(("tokens", Refused::Never));
            }
            if self.tokens.saturating_add(self.reserved).saturating_add(tokens.max(1)) > most {
                return Err(("tokens", wait));
            }
        }
        if limits.cost_per_day.is_some_and(|most| self.cost >= most) {
            return Err(("cost", wait));
        }
        self.reserved += tokens;
        Ok(())
    }

    pub(super) fn take(&mut self, tokens: u64, cost: f64, unix_s: u64) {
        self.turn(unix_s);
        self.tokens = self.tokens.saturating_add(tokens);
        self.cost += cost;
    }

    pub(super) fn give_back(&mut self, tokens: u64) {
        self.reserved = self.reserved.saturating_sub(tokens);
    }

    fn turn(&mut self, unix_s: u64) {
        let number = unix_s / SECONDS;
        if number != self.number {
            *self = Self { number, reserved: self.reserved, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> LimitsConfig {
        LimitsConfig { tokens_per_day: Some(100), cost_per_day: Some(1.0), ..LimitsConfig::default() }
    }

    #[test]
    fn a_budget_is_used_up_until_midnight() {
        let mut day = Day::default();
        day.take(100, 0.0, 10);
        let wait = Refused::Wait(Duration::from_secs(SECONDS - 11));
        assert_eq!(day.reserve(0, &limits(), 11), Err(("tokens", wait)));
        assert_eq!(day.reserve(0, &limits(), SECONDS), Ok(()));
    }

    #[test]
    fn what_runs_has_its_part_reserved() {
        let mut day = Day::default();
        assert_eq!(day.reserve(60, &limits(), 0), Ok(()));
        assert!(day.reserve(60, &limits(), 0).is_err());
        day.take(10, 0.0, 1);
        day.give_back(60);
        assert_eq!(day.reserve(60, &limits(), 2), Ok(()));
        assert_eq!(day.reserve(101, &limits(), 2), Err(("tokens", Refused::Never)));
    }

    #[test]
    fn cost_is_known_behind_an_answer() {
        let mut day = Day::default();
        assert_eq!(day.reserve(0, &limits(), 0), Ok(()));
        day.take(0, 1.5, 0);
        assert_eq!(day.reserve(0, &limits(), SECONDS - 1).unwrap_err().1, Refused::Wait(Duration::from_secs(1)));
    }
}
