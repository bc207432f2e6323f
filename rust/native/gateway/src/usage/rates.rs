//! How many characters a token has, learned from streams whose provider counted.

use std::collections::BTreeMap;

/// Characters of a token, as long as nothing is known of a model.
const CHARACTERS: f64 = 4.0;
/// Models that are known apart.
const MAX_MODELS: usize = 1000;
/// Shorter answers tell little.
const FEWEST_TOKENS: u64 = 16;

/// Characters and tokens of each model's answers.
#[derive(Default)]
pub(super) struct Rates {
    of_model: BTreeMap<String, (u64, u64)>,
}

impl Rates {
    pub(super) fn learn(&mut self, model: Option<&str>, characters: u64, tokens: u64) {
        if tokens < FEWEST_TOKENS || characters == 0 {
            return;
        }
        let name = model.unwrap_or_default();
        if !self.of_model.contains_key(name) && self.of_model.len() >= MAX_MODELS {
            return;
        }
        let (all_characters, all_tokens) = self.of_model.entry(name.to_owned()).or_default();
        *all_characters = all_characters.saturating_add(characters);
        *all_tokens = all_tokens.saturating_add(tokens);
    }

    /// Tokens of so many characters.
    pub(super) fn estimate(&self, model: Option<&str>, characters: u64) -> u64 {
        let known = self.of_model.get(model.unwrap_or_default());
        let rate = known.map_or(CHARACTERS, |(characters, tokens)| *characters as f64 / *tokens as f64);
        (characters as f64 / rate).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_of_which_nothing_is_known_writes_four_characters_a_token() {
        assert_eq!(Rates::default().estimate(Some("m"), 9), 3);
    }

    #[test]
    fn each_models_rate_is_its_own() {
        let mut rates = Rates::default();
        rates.learn(Some("m"), 500, 100);
        rates.learn(Some("m"), 100, 100);
        assert_eq!(rates.estimate(Some("m"), 30), 10);
        assert_eq!(rates.estimate(Some("other"), 40), 10);
    }

    #[test]
    fn a_short_answer_teaches_nothing() {
        let mut rates = Rates::default();
        rates.learn(Some("m"), 1, 15);
        assert_eq!(rates.estimate(Some("m"), 40), 10);
    }
}
