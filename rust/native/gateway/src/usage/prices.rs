//! What tokens cost.

use midstream_stream::{Settings, Summary};

use super::Tokens;

/// Prices of a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Prices(Option<(f64, f64)>);

impl Prices {
    /// Those of a guard's budget.
    pub(crate) fn of(settings: &Settings) -> Self {
        let budget = &settings.budget;
        Self(budget.price_output.map(|output| (budget.price_input.unwrap_or_default(), output)))
    }

    /// What so many tokens of a request and its answers cost; nothing without prices.
    pub(crate) fn of_tokens(self, input: u64, output: u64) -> f64 {
        let (price_input, price_output) = self.0.unwrap_or_default();
        (input as f64 * price_input + output as f64 * price_output) / 1e6
    }

    /// What these tokens cost, none of which came from a cache; `None` without prices.
    pub(super) fn cost_of(self, tokens: Tokens) -> Option<f64> {
        let (input, output) = self.0?;
        let count = |tokens: Option<u64>| tokens.unwrap_or_default() as f64;
        Some((count(tokens.input) * input + count(tokens.output) * output) / 1e6)
    }

    /// What a stream cost, where the guard's own count of tokens was another.
    pub(super) fn cost(self, summary: &Summary, tokens: Tokens) -> Option<f64> {
        let counted = Tokens { input: summary.usage.input, output: summary.usage.output, ..tokens };
        let more = self.cost_of(tokens)? - self.cost_of(counted)?;
        Some((summary.cost.unwrap_or_default() + more).max(0.0))
    }
}
