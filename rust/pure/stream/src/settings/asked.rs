//! The actions that settings ask for, and which of them each field may hold.

use serde::{Deserialize, Deserializer};

use crate::{Action, Error};

/// A field of the settings that holds an action.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    field: String,
    action: Option<Action>,
    allowed: &'static [Action],
}

impl Asked {
    /// What any text may ask for.
    pub(crate) const OF_TEXT: &[Action] = &[Action::Observe, Action::Warn, Action::Hint, Action::Reroute, Action::Stop];
    /// What reasoning may ask for.
    pub(crate) const OF_REASONING: &[Action] =
        &[Action::Observe, Action::Warn, Action::Hint, Action::Reroute, Action::EndReasoning, Action::Stop];

    pub(crate) fn new(field: impl Into<String>, action: Option<Action>, allowed: &'static [Action]) -> Self {
        Self { field: field.into(), action, allowed }
    }

    /// Refuses an action that means nothing in this field.
    ///
    /// # Errors
    /// [`Error::Setting`] with what is allowed.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        match self.action {
            Some(action) if !self.allowed.contains(&action) => Err(self.refused(action, |_| true, reason(action))),
            _ => Ok(()),
        }
    }

    /// Refuses an action that only a gateway can carry out.
    ///
    /// # Errors
    /// [`Error::Setting`] with what is allowed.
    pub(crate) fn refuse_reroute(&self) -> Result<(), Error> {
        match self.action {
            Some(Action::Reroute) => {
                let why = ": another model continues a stream only behind a gateway";
                Err(self.refused(Action::Reroute, |action| action != Action::Reroute, why))
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, action: Action, is_possible: fn(Action) -> bool, why: &str) -> Error {
        let possible = self.allowed.iter().copied().filter(|action| is_possible(*action)).map(Action::name);
        let allowed: Vec<&str> = std::iter::once("off").chain(possible).collect();
        Error::Setting {
            field: self.field.clone(),
            value: action.name().into(),
            allowed: format!("{}{why}", allowed.join(", ")),
        }
    }
}

/// Why so strong an action has no meaning in some fields.
fn reason(action: Action) -> &'static str {
    match action {
        Action::EndReasoning => ": only reasoning has an end that lets the answer come",
        _ => "",
    }
}

/// Reads an action, `"off"` being none. Which of them a field may hold is told by [`Asked`], with the field's name.
pub(crate) fn action<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Action>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Named {
        Off,
        Observe,
        Warn,
        Hint,
        Reroute,
        EndReasoning,
        Redact,
        Hold,
        Stop,
    }
    Ok(match Named::deserialize(deserializer)? {
        Named::Off => None,
        Named::Observe => Some(Action::Observe),
        Named::Warn => Some(Action::Warn),
        Named::Hint => Some(Action::Hint),
        Named::Reroute => Some(Action::Reroute),
        Named::EndReasoning => Some(Action::EndReasoning),
        Named::Redact => Some(Action::Redact),
        Named::Hold => Some(Action::Hold),
        Named::Stop => Some(Action::Stop),
    })
}

#[cfg(test)]
mod tests {
    use crate::{Guard, Options, Settings};

    #[test]
    fn an_action_without_a_meaning_names_its_field_and_what_is_allowed() {
        let stops = "allowed is off, observe, warn, hint, reroute, stop";
        for (json, told) in [
            (
                r#"{"repeat": {"exact": "end_reasoning"}}"#,
                format!("repeat.exact is \"end_reasoning\", {stops}: only reas"),
            ),
            (r#"{"repeat": {"near": "redact"}}"#, format!("repeat.near is \"redact\", {stops}")),
            (
                r#"{"repeat": {"reasoning": {"near": "hold"}}}"#,
                r#"repeat.reasoning.near is "hold", allowed is off"#.into(),
            ),
            (
                r#"{"pace": {"stall": "hint"}}"#,
                r#"pace.stall is "hint", allowed is off, observe, warn, reroute"#.into(),
            ),
            (
                r#"{"redact": {"action": "hint"}}"#,
                r#"redact.action is "hint", allowed is off, observe, warn, redact"#.into(),
            ),
        ] {
            let error = Settings::from_json(json).unwrap_err().to_string();
            assert!(error.starts_with(&told), "{error}");
        }
    }

    #[test]
    fn another_model_is_refused_where_the_guard_is_built_and_not_where_settings_are_read() {
        for json in [r#"{"repeat": {"reasoning": {"exact": "reroute"}}}"#, r#"{"pace": {"stall": "reroute"}}"#] {
            let settings = Settings::from_json(json).unwrap();
            let error = Guard::new(Options { settings, ..Options::default() }).err().unwrap().to_string();
            assert!(error.contains("is reroute, allowed is off, observe, warn, "), "{error}");
            assert!(error.ends_with("only behind a gateway"), "{error}");
        }
    }
}
