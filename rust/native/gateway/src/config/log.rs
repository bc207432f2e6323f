//! What is written of what happens.

use serde::Deserialize;

/// Which lines are written, and how.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// The least that is worth a line.
    pub level: LogLevel,
    /// How a line is written; without it whoever writes them chooses.
    pub format: Option<LogFormat>,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What a search for a fault needs.
    Debug,
    /// What the gateway gave up.
    Error,
    /// Start, stop, and the end of every stream.
    #[default]
    Info,
    /// No line at all.
    Off,
    /// What went on otherwise than it should have.
    Warn,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// For people.
    Text,
}
