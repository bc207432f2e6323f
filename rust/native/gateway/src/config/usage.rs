//! What is written down of usage.

use std::path::PathBuf;

use midstream_stream::Error;
use serde::Deserialize;

use super::values::setting;

/// Where usage is written, and how long it is waited for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UsageConfig {
    /// A file to which one line of JSON is appended for each upstream of each stream; without one they are counted alone.
    pub file: Option<PathBuf>,
    /// Seconds that an upstream may still take for its count of tokens where the client left behind the answer's end: 0
    /// to 10.
    pub wait_s: f64,
}

impl Default for UsageConfig {
    fn default() -> Self {
        Self { file: None, wait_s: 0.05 }
    }
}

impl UsageConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if (0.0..=10.0).contains(&self.wait_s) {
            Ok(())
        } else {
            Err(setting("wait_s", &self.wait_s.to_string(), "a number of seconds from 0 to 10"))
        }
    }
}
