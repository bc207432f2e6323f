use serde::Deserialize;

use crate::{Action, Error, settings};

/// What the check of loops asks for. `"off"` (`None`) switches a view off.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepeatSettings {
    /// The same characters over and over.
    #[serde(deserialize_with = "settings::action")]
    pub exact: Option<Action>,
    /// The same line with a number going up.
    #[serde(deserialize_with = "settings::action")]
    pub counter: Option<Action>,
    /// Re-worded repetition.
    #[serde(deserialize_with = "settings::action")]
    pub near: Option<Action>,
    /// Equal letters, CJK characters or emoji in a row that are a loop; at least 12.
    pub exact_run: u32,
}

impl Default for RepeatSettings {
    fn default() -> Self {
        Self { exact: Some(Action::Stop), counter: Some(Action::Warn), near: Some(Action::Warn), exact_run: 39 }
    }
}

impl RepeatSettings {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        at_least("repeat.exact_run", self.exact_run, 12)
    }
}

fn at_least(field: &str, value: u32, least: u32) -> Result<(), Error> {
    if value >= least {
        return Ok(());
    }
    Err(Error::Setting { field: field.into(), value: value.to_string(), allowed: format!("{least} or more") })
}
