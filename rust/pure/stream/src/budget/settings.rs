use midstream_series::Span;
use serde::Deserialize;

use crate::settings::{self, Asked};
use crate::{Action, Error};

/// How much a stream may take, and what follows where it takes more. A limit that is `None` is none.
///
/// ```
/// use midstream_stream::Settings;
/// let settings = Settings::from_json(r#"{"budget": {"output_tokens": 4000, "warn_at": 0.8}}"#)?;
/// assert_eq!(settings.budget.output_tokens, Some(4000));
/// # Ok::<(), midstream_stream::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetSettings {
    /// Tokens of all that the model writes, reasoning included. Until the provider reports them, characters divided by 4.
    pub output_tokens: Option<u64>,
    /// Tokens of its reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Characters of all that the model writes, reasoning included.
    pub output_characters: Option<u64>,
    /// Characters of its reasoning.
    pub reasoning_characters: Option<u64>,
    /// Seconds from the request, or from the first call where that is not known.
    pub wall_time_s: Option<f64>,
    /// Tool calls that the model begins.
    pub tool_calls: Option<u64>,
    /// In the unit of the prices.
    pub cost: Option<f64>,
    /// Of a million input tokens.
    pub price_input: Option<f64>,
    /// Of a million output tokens.
    pub price_output: Option<f64>,
    /// Of a million input tokens that were read from a cache; as `price_input` where it is not given.
    pub price_cached_input: Option<f64>,
    /// What more than a limit asks for. `None` switches the check off.
    #[serde(deserialize_with = "settings::action")]
    pub action: Option<Action>,
    /// The same for the limits of reasoning; as `action` where it is not given.
    #[serde(deserialize_with = "given_action")]
    pub reasoning_action: Option<Action>,
    /// Share of each limit from which on a warning is given, once.
    pub warn_at: Option<f64>,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self {
            output_tokens: None,
            reasoning_tokens: None,
            output_characters: None,
            reasoning_characters: None,
            wall_time_s: None,
            tool_calls: None,
            cost: None,
            price_input: None,
            price_output: None,
            price_cached_input: None,
            action: Some(Action::Stop),
            reasoning_action: None,
            warn_at: None,
        }
    }
}

impl BudgetSettings {
    /// Whether anything is counted.
    pub(crate) fn is_set(&self) -> bool {
        self.action.is_some() && self.limits().any(|(_, limit)| limit.is_some())
    }

    /// Refuses limits where nothing is counted.
    pub(crate) fn refuse_limits(&self) -> Result<(), Error> {
        match self.limits().find(|(_, limit)| limit.is_some() && self.action.is_some()) {
            Some((field, limit)) => {
                Err(wrong(field, limit.unwrap_or_default(), "none for checks alone; a guard counts"))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn asked(&self) -> [Asked; 2] {
        let of_reasoning = self.reasoning_action.filter(|action| *action != Action::Pass);
        [Asked::new("budget.action", self.action), Asked::new("budget.reasoning_action", of_reasoning)]
    }

    /// What more than a limit of reasoning asks for.
    pub(super) fn reasoning_action(&self) -> Option<Action> {
        self.action.and(self.reasoning_action.or(self.action)).filter(|action| *action != Action::Pass)
    }

    /// How long the stream may take.
    pub(super) fn wall_time(&self) -> Option<Span> {
        self.wall_time_s.map(seconds)
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (field, limit) in self.limits() {
            let Some(limit) = limit.filter(|limit| !(*limit > 0.0 && *limit <= 1e15)) else { continue };
            return Err(wrong(field, limit, "above 0"));
        }
        if let Some(seconds) = self.wall_time_s.filter(|seconds| *seconds > 1e9) {
            return Err(wrong("budget.wall_time_s", seconds, "above 0 and at most 1e9 seconds"));
        }
        if let Some(share) = self.warn_at.filter(|share| !(*share > 0.0 && *share < 1.0)) {
            return Err(wrong("budget.warn_at", share, "above 0 and below 1"));
        }
        self.validate_needs()?;
        self.validate_prices()
    }

    /// What means nothing without a limit.
    fn validate_needs(&self) -> Result<(), Error> {
        let of_reasoning = self.reasoning_tokens.or(self.reasoning_characters).is_some();
        if let Some(action) = self.reasoning_action.filter(|_| !of_reasoning) {
            let value = if action == Action::Pass { "off" } else { action.name() };
            let allowed = "none without budget.reasoning_tokens or budget.reasoning_characters";
            return Err(Error::Setting {
                field: "budget.reasoning_action".into(),
                value: value.into(),
                allowed: allowed.into(),
            });
        }
        match self.warn_at.filter(|_| self.limits().all(|(_, limit)| limit.is_none())) {
            Some(share) => Err(wrong("budget.warn_at", share, "none without a limit to warn of")),
            None => Ok(()),
        }
    }

    fn validate_prices(&self) -> Result<(), Error> {
        let prices = [
            ("budget.price_input", self.price_input),
            ("budget.price_output", self.price_output),
            ("budget.price_cached_input", self.price_cached_input),
        ];
        for (field, price) in prices {
            let is_needed = self.cost.is_some();
            match price {
                Some(price) if !is_needed => return Err(wrong(field, price, "no price without budget.cost")),
                Some(price) if !(0.0..=1e15).contains(&price) => return Err(wrong(field, price, "0 or above")),
                None if is_needed && field != "budget.price_cached_input" => {
                    let (field, value) = (field.into(), "not given".into());
                    return Err(Error::Setting { field, value, allowed: "a price, which budget.cost needs".into() });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn limits(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> {
        let count = |limit: Option<u64>| limit.map(|limit| limit as f64);
        [
            ("budget.output_tokens", count(self.output_tokens)),
            ("budget.reasoning_tokens", count(self.reasoning_tokens)),
            ("budget.output_characters", count(self.output_characters)),
            ("budget.reasoning_characters", count(self.reasoning_characters)),
            ("budget.wall_time_s", self.wall_time_s),
            ("budget.tool_calls", count(self.tool_calls)),
            ("budget.cost", self.cost),
        ]
        .into_iter()
    }
}

pub(super) fn seconds(seconds: f64) -> Span {
    Span::from_nanos((seconds * 1e9) as i64)
}

/// Reads an action that may be left out; `Pass` is one that was switched off.
fn given_action<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Action>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Given(#[serde(deserialize_with = "settings::action")] Option<Action>);
    let given: Option<Given> = Option::deserialize(deserializer)?;
    Ok(given.map(|Given(action)| action.unwrap_or_default()))
}

fn wrong(field: &str, value: f64, allowed: &str) -> Error {
    Error::Setting { field: field.into(), value: value.to_string(), allowed: allowed.into() }
}
