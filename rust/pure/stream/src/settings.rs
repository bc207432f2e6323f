//! What the checks look for, and how it is read.

mod asked;
mod file;
mod given;
mod nearest;
mod node;
mod read;

use serde::{Deserialize, Deserializer};

pub(crate) use self::asked::{Asked, action};
pub use self::file::{
    FileError, MAX_FILE, guard_file_of_json, json_of_guard_file, read_guard_file, read_json_tables, read_tables,
};
pub(crate) use self::given::{Copies, OrOff};
pub(crate) use self::nearest::{by_name, nearest};
pub(crate) use self::node::quoted;
pub use self::read::NOT_SHOWN;
use crate::redact::RedactSettings;
use crate::{
    Action, ActionsSettings, BudgetSettings, EndingSettings, Error, HoldSettings, PaceSettings, RepeatSettings,
};

/// What the checks look for and what follows. The same settings serve any number of streams.
///
/// ```
/// use midstream_stream::{Action, Settings};
/// let settings = Settings::from_json(r#"{"repeat": {"near": "off"}, "shadow": true}"#)?;
/// assert_eq!(settings.repeat.near, None);
/// assert_eq!(settings.repeat.exact, Some(Action::Stop));
/// # Ok::<(), midstream_stream::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Loops of an agent's actions.
    pub actions: ActionsSettings,
    /// How much a stream may take. [`Checks`](crate::Checks) alone, without a [`Guard`](crate::Guard), refuses limits.
    pub budget: BudgetSettings,
    /// How streams end.
    pub ending: EndingSettings,
    /// Text that waits for the caller's check; `None` where none does. [`Checks`](crate::Checks) alone, without a
    /// [`Guard`](crate::Guard), refuses it.
    pub hold: Option<HoldSettings>,
    /// Times and stalls.
    pub pace: PaceSettings,
    /// Secrets in text. [`Checks`](crate::Checks) alone, without a [`Guard`](crate::Guard), refuses rules.
    pub redact: RedactSettings,
    /// Loops in text.
    pub repeat: RepeatSettings,
    /// Run every check and act on none: decisions are at most `observe`, findings say what would have been done.
    pub shadow: bool,
}

impl Settings {
    /// Settings from a JSON object of tables, one a check; what is left out has its default.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] and [`Error::UnknownWord`] for what is misspelt, [`Error::Setting`] for a value that is not
    /// allowed.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        read_json_tables(text, Self::validate)
    }

    /// Whether time alone can end a stream.
    pub fn stops_when_quiet(&self) -> bool {
        let budget = self.budget.action.filter(|_| self.budget.wall_time_s.is_some());
        let hold = self.hold.as_ref().and_then(HoldSettings::at_max_hold);
        [self.pace.stall, budget, hold].into_iter().flatten().any(Action::halts) && !self.shadow
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first field whose value is not allowed.
    pub fn validate(&self) -> Result<(), Error> {
        self.actions.validate()?;
        self.budget.validate()?;
        self.ending.validate()?;
        self.hold.as_ref().map_or(Ok(()), HoldSettings::validate)?;
        self.pace.validate()?;
        self.redact.validate()?;
        self.repeat.validate()?;
        self.asked().iter().try_for_each(Asked::validate)
    }

    /// Every field that holds an action.
    fn asked(&self) -> Vec<Asked> {
        let mut asked = vec![self.ending.asked(), self.pace.asked(), self.redact.asked()];
        asked.extend(self.budget.asked());
        asked.extend(self.repeat.fields());
        asked
    }
}

/// The same where a kind of channel or a tool has one of its own.
pub(crate) fn other_action<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Action>>, D::Error> {
    action(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_names_the_nearest() {
        let error = Settings::from_json(r#"{"repaet": {}}"#).unwrap_err();
        assert!(error.to_string().contains("did you mean \"repeat\"?"), "{error}");
    }

    #[test]
    fn a_misspelt_action_names_the_nearest() {
        let error = Settings::from_json(r#"{"repeat": {"exact": "stopp"}}"#).unwrap_err();
        assert!(error.to_string().starts_with("repeat.exact is \"stopp\"; did you mean \"stop\"?"), "{error}");
    }
}
