//! Responses that a provider keeps: who reads one again has what was booked for it before.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use midstream_stream::{Dialect, Summary};

use super::Tokens;
use crate::background::{LONGEST_ID, read_again};

/// Responses that are known; the oldest is forgotten first.
const KEPT: usize = 4096;

/// What was booked for each response.
#[derive(Default)]
pub(super) struct Responses(Mutex<Booked>);

#[derive(Default)]
struct Booked {
    /// Tokens of requests and answers.
    of: BTreeMap<Name, (u64, u64)>,
    /// Oldest first.
    order: VecDeque<Name>,
}

/// Who keeps it, and its id there.
type Name = (String, String);

impl Responses {
    /// What of these tokens is not booked yet, for an answer to a request of that path.
    pub(super) fn book(&self, upstream: &str, path: &str, summary: &Summary, tokens: Tokens) -> Tokens {
        let again = read_again(path);
        let id = again.or(summary.id.as_deref()).filter(|id| id.len() <= LONGEST_ID);
        let Some(id) = id.filter(|_| summary.dialect == Dialect::OpenaiResponses.name()) else { return tokens };
        let mut booked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        booked.take((upstream.to_owned(), id.to_owned()), tokens, again.is_some())
    }
}

impl Booked {
    fn take(&mut self, name: Name, tokens: Tokens, is_again: bool) -> Tokens {
        let now = (tokens.input.unwrap_or_default(), tokens.output.unwrap_or_default());
        let Some(before) = self.of.get_mut(&name) else {
            self.order.push_back(name.clone());
            self.of.insert(name, now);
            if self.order.len() > KEPT
                && let Some(oldest) = self.order.pop_front()
            {
                self.of.remove(&oldest);
            }
            return tokens;
        };
        if !is_again {
            *before = now;
            return tokens;
        }
        let rest = |tokens: Option<u64>, booked: u64| tokens.map(|tokens| tokens.saturating_sub(booked));
        let rest = Tokens { input: rest(tokens.input, before.0), output: rest(tokens.output, before.1), ..tokens };
        *before = (before.0.max(now.0), before.1.max(now.1));
        rest
    }
}

#[cfg(test)]
mod tests {
    use midstream_stream::UsageSource;

    use super::*;

    fn take(booked: &mut Booked, id: &str, (input, output): (u64, u64), is_again: bool) -> (u64, u64) {
        let tokens = Tokens::of(Some(input), Some(output), UsageSource::Reported);
        let rest = booked.take(("one".to_owned(), id.to_owned()), tokens, is_again);
        (rest.input.unwrap(), rest.output.unwrap())
    }

    #[test]
    fn who_reads_a_response_again_has_what_is_not_booked_yet() {
        let mut booked = Booked::default();
        assert_eq!(take(&mut booked, "r", (7, 5), false), (7, 5));
        assert_eq!(take(&mut booked, "r", (7, 20), true), (0, 15));
        assert_eq!(take(&mut booked, "r", (7, 20), true), (0, 0));
        assert_eq!(take(&mut booked, "r", (7, 3), true), (0, 0));
        assert_eq!(take(&mut booked, "other", (7, 20), true), (7, 20));
    }

    #[test]
    fn another_request_is_booked_whatever_the_id_of_its_answer() {
        let mut booked = Booked::default();
        assert_eq!(take(&mut booked, "r", (7, 5), false), (7, 5));
        assert_eq!(take(&mut booked, "r", (7, 5), false), (7, 5));
    }

    #[test]
    fn so_many_are_known_and_the_oldest_is_forgotten() {
        let mut booked = Booked::default();
        for number in 0..=KEPT {
            take(&mut booked, &number.to_string(), (1, 1), false);
        }
        assert_eq!((booked.of.len(), booked.order.len()), (KEPT, KEPT));
        assert_eq!(take(&mut booked, "1", (1, 1), true), (0, 0));
        assert_eq!(take(&mut booked, "0", (1, 1), true), (1, 1));
    }
}
