//! Budgets of a day, from midnight to midnight, UTC.

use std::time::Duration;

use super::bucket::Refused;
use super::most::{Amount, Most};
use crate::config::LimitsConfig;

pub(super) const SECONDS: u64 = 86_400;
/// Requests that run may leave something of what they hold.
const SOON: Duration = Duration::from_secs(1);

/// What was used of a day's budgets.
#[derive(Clone, Copy, Default)]
pub(super) struct Day {
    /// Days since 1970.
    number: u64,
    used: Amount,
    /// Of requests that run, whatever the day.
    reserved: Amount,
}

impl Day {
    /// What was used, without what is reserved.
    pub(super) fn used(&self) -> Self {
        Self { reserved: Amount::default(), ..*self }
    }

    /// Reserves what a request may use; gives what it took, or what is used up.
    pub(super) fn reserve(
        &mut self,
        most: &Most,
        limits: &LimitsConfig,
        unix_s: u64,
    ) -> Result<Amount, (&'static str, Refused)> {
        self.turn(unix_s);
        let midnight = Duration::from_secs(SECONDS - unix_s % SECONDS);
        let Most { needed, wished } = most;
        let mut taken = *wished;
        if let Some(limit) = limits.tokens_per_day {
            let (least, used) = (needed.tokens.max(1), self.used.tokens);
            let left = limit.saturating_sub(used).saturating_sub(self.reserved.tokens);
            if needed.tokens > limit {
                return Err(("tokens", Refused::Never));
            }
            if least > left {
                let fits_alone = used.saturating_add(least) <= limit;
                return Err(("tokens", Refused::Wait(if fits_alone { SOON } else { midnight })));
            }
            taken.tokens = wished.tokens.min(left);
        }
        if let Some(limit) = limits.cost_per_day {
            let left = limit - self.used.cost - self.reserved.cost;
            if needed.cost > limit {
                return Err(("cost", Refused::Never));
            }
            if left <= 0.0 || needed.cost > left {
                let fits_alone = self.used.cost < limit && self.used.cost + needed.cost <= limit;
                return Err(("cost", Refused::Wait(if fits_alone { SOON } else { midnight })));
            }
            taken.cost = wished.cost.min(left);
        }
        self.reserved.tokens = self.reserved.tokens.saturating_add(taken.tokens);
        self.reserved.cost += taken.cost;
        Ok(taken)
    }

    pub(super) fn take(&mut self, tokens: u64, cost: f64, unix_s: u64) {
        self.turn(unix_s);
        self.used.tokens = self.used.tokens.saturating_add(tokens);
        self.used.cost += cost;
    }

    pub(super) fn give_back(&mut self, reserved: Amount) {
        self.reserved.tokens = self.reserved.tokens.saturating_sub(reserved.tokens);
        // Sums of fractions leave a rest, which is none once nothing runs.
        let cost = self.reserved.cost - reserved.cost;
        self.reserved.cost = if cost < 1e-9 { 0.0 } else { cost };
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

    fn tokens(tokens: u64) -> Most {
        let amount = Amount { tokens, cost: 0.0 };
        Most { needed: amount, wished: amount }
    }

    #[test]
    fn a_budget_is_used_up_until_midnight() {
        let mut day = Day::default();
        day.take(100, 0.0, 10);
        let wait = Refused::Wait(Duration::from_secs(SECONDS - 11));
        assert_eq!(day.reserve(&tokens(0), &limits(), 11), Err(("tokens", wait)));
        assert!(day.reserve(&tokens(0), &limits(), SECONDS).is_ok());
    }

    #[test]
    fn what_runs_has_its_part_reserved() {
        let mut day = Day::default();
        let reserved = day.reserve(&tokens(60), &limits(), 0).unwrap();
        assert_eq!(day.reserve(&tokens(60), &limits(), 0), Err(("tokens", Refused::Wait(SOON))));
        day.take(10, 0.0, 1);
        day.give_back(reserved);
        assert!(day.reserve(&tokens(60), &limits(), 2).is_ok());
        assert_eq!(day.reserve(&tokens(101), &limits(), 2), Err(("tokens", Refused::Never)));
    }

    #[test]
    fn an_answer_of_unknown_length_has_what_is_left() {
        let mut day = Day::default();
        day.take(30, 0.25, 0);
        let wished = Amount { tokens: 1024, cost: 7.0 };
        let most = Most { needed: Amount { tokens: 5, cost: 0.0 }, wished };
        let reserved = day.reserve(&most, &limits(), 0).unwrap();
        assert_eq!(reserved, Amount { tokens: 70, cost: 0.75 });
        assert_eq!(day.reserve(&most, &limits(), 0), Err(("tokens", Refused::Wait(SOON))));
        let only_cost = LimitsConfig { tokens_per_day: None, ..limits() };
        assert_eq!(day.reserve(&most, &only_cost, 0), Err(("cost", Refused::Wait(SOON))));
        day.give_back(reserved);
        assert_eq!(day.reserve(&most, &limits(), 0), Ok(reserved));
    }

    #[test]
    fn cost_that_was_known_behind_an_answer_is_used_until_midnight() {
        let mut day = Day::default();
        assert!(day.reserve(&tokens(0), &limits(), 0).is_ok());
        day.take(0, 1.5, 0);
        let refused = day.reserve(&tokens(0), &limits(), SECONDS - 1).unwrap_err();
        assert_eq!(refused, ("cost", Refused::Wait(Duration::from_secs(1))));
    }
}
