//! The actions that settings ask for, and which of them each field may hold.

use std::fmt;

use serde::Deserializer;
use serde::de::{EnumAccess, Error as _, VariantAccess, Visitor};

use crate::{Action, Error};

/// A field of the settings that holds an action.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    field: String,
    action: Option<Action>,
}

impl Asked {
    pub(crate) fn new(field: impl Into<String>, action: Option<Action>) -> Self {
        Self { field: field.into(), action }
    }

    /// Refuses an action that means nothing in this field, and one that only a gateway can carry out.
    ///
    /// # Errors
    /// [`Error::Setting`] with what is allowed.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let Some(action) = self.action.filter(|action| !allowed(&self.field).contains(action)) else { return Ok(()) };
        let allowed = format!("{}{}", words_of(&self.field).join(", "), reason(action));
        Err(Error::Setting { field: self.field.clone(), value: action.name().into(), allowed })
    }
}

/// What a field may ask for, by its path. No owner of streams can let another model continue yet.
fn allowed(field: &str) -> &'static [Action] {
    use Action::{EndReasoning, Hint, Observe, Redact, Stop, Warn};
    match field.split(['.', '[']).next() {
        Some("ending") => &[Observe, Warn],
        Some("pace") => &[Observe, Warn, Stop],
        Some("redact") => &[Observe, Warn, Redact, Stop],
        _ if field.starts_with("repeat.reasoning.") || field == "budget.reasoning_action" => {
            &[Observe, Warn, Hint, EndReasoning, Stop]
        }
        _ => &[Observe, Warn, Hint, Stop],
    }
}

/// The words that a field of actions takes.
pub(super) fn words_of(field: &str) -> Vec<&'static str> {
    std::iter::once("off").chain(allowed(field).iter().map(|action| action.name())).collect()
}

/// Why an action has no meaning in some fields.
fn reason(action: Action) -> &'static str {
    match action {
        Action::EndReasoning => ": only reasoning has an end that lets the answer come",
        Action::Reroute => ": another model continues a stream only behind a gateway",
        _ => "",
    }
}

/// Every word that some field takes: `off` in the place of no action.
pub(super) const WORDS: &[&str] = &{
    let mut words = ["off"; Action::ALL.len()];
    let mut at = 1;
    while at < words.len() {
        words[at] = Action::ALL[at].name();
        at += 1;
    }
    words
};

/// Reads an action, `"off"` being none. Which of them a field may hold is told by [`Asked`], with the field's name.
pub(crate) fn action<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Action>, D::Error> {
    struct Read;
    impl<'de> Visitor<'de> for Read {
        type Value = Option<Action>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&WORDS.join(", "))
        }

        fn visit_enum<A: EnumAccess<'de>>(self, given: A) -> Result<Option<Action>, A::Error> {
            let (word, access): (String, _) = given.variant()?;
            access.unit_variant()?;
            let known = WORDS.iter().position(|known| *known == word).and_then(|at| Action::ALL.get(at));
            let action = known.ok_or_else(|| A::Error::unknown_variant(&word, WORDS))?;
            Ok(Some(*action).filter(|action| *action != Action::Pass))
        }
    }
    deserializer.deserialize_enum("Action", WORDS, Read)
}

#[cfg(test)]
mod tests {
    use crate::{Action, Settings};

    fn refused(json: &str) -> String {
        Settings::from_json(json).unwrap_err().to_string()
    }

    #[test]
    fn an_action_without_a_meaning_names_its_field_and_what_is_allowed() {
        let stops = "allowed is off, observe, warn, hint, stop";
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
            (r#"{"pace": {"stall": "hint"}}"#, r#"pace.stall is "hint", allowed is off, observe, warn, stop"#.into()),
            (
                r#"{"redact": {"action": "hint"}}"#,
                r#"redact.action is "hint", allowed is off, observe, warn, redact"#.into(),
            ),
            (
                r#"{"repeat": {"tools": {"a.b": {"exact": "hold"}}}}"#,
                format!("repeat.tools.\"a.b\".exact is \"hold\", {stops}"),
            ),
        ] {
            let error = refused(json);
            assert!(error.starts_with(&told), "{error}");
        }
    }

    #[test]
    fn another_model_is_refused_where_settings_are_read() {
        for json in [r#"{"repeat": {"reasoning": {"exact": "reroute"}}}"#, r#"{"pace": {"stall": "reroute"}}"#] {
            let error = refused(json);
            assert!(error.contains(" is \"reroute\", allowed is off, observe, warn, "), "{error}");
            assert!(error.ends_with("only behind a gateway"), "{error}");
        }
    }

    #[test]
    fn what_is_misspelt_is_told_the_words_of_its_own_field() {
        for (json, told) in [
            (r#"{"repeat": {"near": "redat"}}"#, r#"repeat.near is "redat"; known: off, observe, warn, hint, stop"#),
            (
                r#"{"repeat": {"reasoning": {"near": "end"}}}"#,
                r#"repeat.reasoning.near is "end"; did you mean "end_reasoning"? known: off, observe, warn, hint, end_reasoning, stop"#,
            ),
            (r#"{"ending": {"action": "stopp"}}"#, r#"ending.action is "stopp"; known: off, observe, warn"#),
            (r#"{"pace": {"stall": 3}}"#, "pace.stall is 3, allowed is off, observe, warn, stop"),
            (r#"{"budget": {"action": "pass"}}"#, r#"budget.action is "pass"; known: off, observe, warn, hint, stop"#),
        ] {
            assert_eq!(refused(json), told);
        }
    }

    #[test]
    fn actions_are_written_as_they_are_named() {
        for action in Action::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.name());
        }
        assert!(Action::ALL.is_sorted());
    }
}
