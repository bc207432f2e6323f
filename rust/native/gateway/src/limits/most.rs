//! What a request may use, before its answer says what it does.

/// Tokens of an answer whose request names no most.
pub(crate) const ASSUMED_ANSWER: u64 = 1024;

/// The most that a request may use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Most {
    /// Of its own text and of the answers as long as it lets them be: less than that must not be left.
    pub(crate) needed: Amount,
    /// The same with answers of the length that is assumed where it names none: as much of it as is left is reserved.
    pub(crate) wished: Amount,
}

/// Tokens, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Amount {
    pub(crate) tokens: u64,
    pub(crate) cost: f64,
}

/// What a request lets its answers be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// How many it asks for; 0 where no model writes.
    pub(crate) count: u64,
    /// The most tokens of each, where it names them.
    pub(crate) max_tokens: Option<u64>,
}

impl Most {
    /// Of a request of so many tokens; `cost` gives what tokens of requests and answers cost.
    pub(crate) fn of(input: u64, answers: Answers, cost: impl Fn(u64, u64) -> f64) -> Self {
        let amount = |each: u64| {
            let output = answers.count.saturating_mul(each);
            Amount { tokens: input.saturating_add(output), cost: cost(input, output) }
        };
        let named = answers.max_tokens.unwrap_or_default();
        Self { needed: amount(named), wished: amount(answers.max_tokens.unwrap_or(ASSUMED_ANSWER)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_as_long_as_the_request_lets_it_be() {
        let cost = |input: u64, output: u64| input as f64 + 10.0 * output as f64;
        let most = |count, max_tokens| Most::of(5, Answers { count, max_tokens }, cost);
        let named = Amount { tokens: 25, cost: 205.0 };
        assert_eq!(most(2, Some(10)), Most { needed: named, wished: named });
        assert_eq!(most(1, None).needed, Amount { tokens: 5, cost: 5.0 });
        assert_eq!(most(2, None).wished.tokens, 5 + 2 * ASSUMED_ANSWER);
        assert_eq!(most(0, None).wished.tokens, 5);
        assert_eq!(most(u64::MAX, Some(2)).needed.tokens, u64::MAX);
    }
}
