use serde::{Deserialize, Deserializer};

use crate::redact::RedactSettings;
use crate::{Action, ActionsSettings, EndingSettings, Error, PaceSettings, RepeatSettings};

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
    /// How streams end.
    pub ending: EndingSettings,
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
    /// [`Error::UnknownName`] for a misspelt key or action, [`Error::Setting`] for a value that is not allowed.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let settings: Self = serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))?;
        settings.validate()?;
        Ok(settings)
    }

    /// Whether time alone can end a stream.
    pub fn stops_when_quiet(&self) -> bool {
        self.pace.stall == Some(Action::Stop) && !self.shadow
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first field whose value is not allowed.
    pub fn validate(&self) -> Result<(), Error> {
        self.actions.validate()?;
        self.ending.validate()?;
        self.pace.validate()?;
        self.redact.validate()?;
        self.repeat.validate()
    }
}

/// Serde's messages name what was wrong between backquotes and list what is known.
fn unreadable(message: &str) -> Error {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((name, known)) if message.starts_with("unknown ") => Error::UnknownName {
            what: match message.starts_with("unknown variant") {
                true if known.contains(&"reasoning") => "channel",
                true => "action",
                false => "setting",
            },
            name: (*name).to_owned(),
            nearest: nearest(name, known.iter().copied()),
            known: known.iter().map(|name| (*name).to_owned()).collect(),
        },
        _ => {
            Error::Setting { field: "settings".into(), value: message.to_owned(), allowed: "a table per check".into() }
        }
    }
}

/// The one of `all` that is named `name`.
pub(crate) fn by_name<T: Copy>(
    what: &'static str,
    name: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<T, Error> {
    all.iter().copied().find(|one| name_of(*one) == name).ok_or_else(|| Error::UnknownName {
        what,
        name: name.to_owned(),
        nearest: nearest(name, all.iter().copied().map(name_of)),
        known: all.iter().copied().map(name_of).map(str::to_owned).collect(),
    })
}

/// Characters of a name that are compared.
const LONGEST_NAME: usize = 64;

/// The known name at the smallest edit distance from `name`, if at most a third of it differs, or if it goes on where
/// `name` ends.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let name: String = name.chars().take(LONGEST_NAME).collect::<String>().to_lowercase();
    let limit = name.chars().count().div_ceil(3).max(1);
    known
        .map(|other| (edits(&name, other), other))
        .filter(|(edits, other)| *edits <= limit || (name.len() > 2 && other.starts_with(&name)))
        .min()
        .map(|(_, other)| other.into())
}

/// How many characters of two short names differ; two that change places count as one.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let (mut above, mut before) = (row.clone(), None);
    for (i, x) in a.chars().enumerate() {
        let two_above = std::mem::replace(&mut above, row.clone());
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(x != *y);
            row[j + 1] = replaced.min(row[j] + 1).min(above[j + 1] + 1);
            if j > 0 && before == Some(*y) && b[j - 1] == x {
                row[j + 1] = row[j + 1].min(two_above[j - 1] + 1);
            }
        }
        before = Some(x);
    }
    row[b.len()]
}

/// Reads an action, `"off"` being none.
pub(crate) fn action<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Action>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Named {
        Off,
        Observe,
        Warn,
        Stop,
    }
    Ok(match Named::deserialize(deserializer)? {
        Named::Off => None,
        Named::Observe => Some(Action::Observe),
        Named::Warn => Some(Action::Warn),
        Named::Stop => Some(Action::Stop),
    })
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
        assert!(error.to_string().starts_with("no action is named \"stopp\"; did you mean \"stop\"?"), "{error}");
    }

    #[test]
    fn the_beginning_of_a_name_is_near_to_it_and_so_is_another_case() {
        let known = ["openai-responses", "openai-chat", "ollama"];
        assert_eq!(nearest("openai", known.into_iter()).as_deref(), Some("openai-chat"));
        assert_eq!(nearest("Ollama", known.into_iter()).as_deref(), Some("ollama"));
        assert_eq!(nearest(&"o".repeat(1 << 20), known.into_iter()), None);
    }

    #[test]
    fn channels_that_hold_no_text_cannot_be_read_for_loops() {
        for name in ["txt", "audio"] {
            let error = Settings::from_json(&format!(r#"{{"repeat": {{"channels": ["{name}"]}}}}"#)).unwrap_err();
            assert!(error.to_string().ends_with("known: reasoning, refusal, text, tool"), "{error}");
        }
    }

    #[test]
    fn a_name_unlike_all_others_has_no_nearest() {
        assert_eq!(nearest("zzzzzz", ["repeat", "pace"].into_iter()), None);
    }
}
