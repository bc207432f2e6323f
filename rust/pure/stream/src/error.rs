use std::fmt;

use crate::redact::RuleFault;

/// What the caller of this crate got wrong. A stream's own faults are anomalies, never errors.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// A guard was used after `finish`; one guard serves one stream.
    Finished,
    /// A redaction rule cannot be used, for example because of an unsupported part of its regular expression.
    Rule {
        /// The rule's name.
        rule: String,
        /// What is wrong, and where.
        fault: RuleFault,
    },
    /// A setting has a value no result is defined for, for example a limit of 0.
    Setting {
        /// Dotted path of the setting, for example `repeat.near.share`.
        field: String,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A name is not in its list, for example a misspelt dialect or setting.
    UnknownName {
        /// What was named: `dialect`, `framing`, `setting`, `action`.
        what: &'static str,
        /// The name given.
        name: String,
        /// The nearest known name, if one is near.
        nearest: Option<String>,
        /// Every known name.
        known: Vec<String>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("the guard is finished; a second stream needs a new Guard"),
            Self::Rule { rule, fault } => write!(f, "redaction rule {rule:?} {fault}"),
            Self::Setting { field, value, allowed } => write!(f, "{field} is {value}, allowed is {allowed}"),
            Self::UnknownName { what, name, nearest, known } => {
                write!(f, "no {what} is named {name:?}")?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean {nearest:?}? known: {}", known.join(", ")),
                    None => write!(f, "; known: {}", known.join(", ")),
                }
            }
        }
    }
}

impl std::error::Error for Error {}
