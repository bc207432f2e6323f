use std::fmt;

use crate::SnapshotFault;
use crate::redact::RuleFault;

/// What the caller of this crate got wrong. A stream's own faults are anomalies, never errors.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// A guard file is larger than this.
    FileSize {
        /// Bytes allowed.
        limit: usize,
    },
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
    /// Bytes are no snapshot that can be gone on from, or none can be taken.
    Snapshot {
        /// Why.
        fault: SnapshotFault,
    },
    /// A guard file is no TOML.
    Toml {
        /// What is wrong with it.
        message: String,
    },
    /// A key that its table does not have, for example a misspelt one.
    UnknownKey {
        /// Its dotted path.
        key: String,
        /// The nearest key of the table, if one is near.
        nearest: Option<String>,
        /// Every key of the table.
        known: Vec<String>,
    },
    /// A name is not in its list, for example a misspelt dialect.
    UnknownName {
        /// What was named: `dialect`, `framing`, `redaction rule`.
        what: &'static str,
        /// The name given.
        name: String,
        /// The nearest known name, if one is near.
        nearest: Option<String>,
        /// Every known name.
        known: Vec<String>,
    },
    /// A setting takes words and not this one, for example a misspelt action.
    UnknownWord {
        /// Dotted path of the setting.
        field: String,
        /// The word given.
        word: String,
        /// The nearest that is allowed, if one is near.
        nearest: Option<String>,
        /// Every word that is allowed.
        known: Vec<String>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileSize { limit } => write!(f, "a guard file has at most {limit} bytes, and this one has more"),
            Self::Finished => f.write_str("the guard is finished; a second stream needs a new Guard"),
            Self::Rule { rule, fault } => write!(f, "redaction rule {rule:?} {fault}"),
            Self::Setting { field, value, allowed } => write!(f, "{field} is {value}, allowed is {allowed}"),
            Self::Snapshot { fault } => write!(f, "{fault}"),
            Self::Toml { message } => write!(f, "not TOML: {message}"),
            Self::UnknownKey { key, nearest, known } => {
                write!(f, "no setting is named {key:?}")?;
                meant(f, nearest.as_deref(), known)
            }
            Self::UnknownName { what, name, nearest, known } => {
                write!(f, "no {what} is named {name:?}")?;
                meant(f, nearest.as_deref(), known)
            }
            Self::UnknownWord { field, word, nearest, known } => {
                write!(f, "{field} is {word:?}")?;
                meant(f, nearest.as_deref(), known)
            }
        }
    }
}

fn meant(f: &mut fmt::Formatter<'_>, nearest: Option<&str>, known: &[String]) -> fmt::Result {
    match nearest {
        Some(nearest) => write!(f, "; did you mean {nearest:?}? known: {}", known.join(", ")),
        None => write!(f, "; known: {}", known.join(", ")),
    }
}

impl std::error::Error for Error {}
