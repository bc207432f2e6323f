//! Whom held text is shown to.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use midstream_stream::Error;
use serde::Deserialize;

use super::Secret;
use super::secret::Source;
use super::values::{address, below, seconds, setting};

/// A server that says of text whether it may pass.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeratorConfig {
    /// Where text is posted to.
    pub url: String,
    /// How it is asked.
    #[serde(default)]
    pub format: ModeratorFormat,
    /// The model that is named to it; for OpenAI's format alone.
    #[serde(default)]
    pub model: Option<String>,
    /// The environment variable that holds its key, which is sent as a bearer token.
    #[serde(default)]
    pub key_env: Option<String>,
    /// The file that holds its key instead, and nothing else but a newline.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Seconds until it has answered, waiting for its turn included.
    #[serde(default = "ModeratorConfig::timeout_s")]
    pub timeout_s: f64,
    /// What becomes of text of which it has not said in time what is to become.
    #[serde(default)]
    pub on_failure: OnModeratorFailure,
    /// Texts that are asked for at the same time at most, of all streams.
    #[serde(default = "ModeratorConfig::concurrency")]
    pub concurrency: usize,
}

/// How a moderator is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModeratorFormat {
    /// With the text and where it stands, for `{"verdict": "release"}` or `{"verdict": "stop", "reason": ...}`.
    #[default]
    Midstream,
    /// As OpenAI's `/v1/moderations`: text that is flagged stops its stream.
    Openai,
}

/// What becomes of text whose moderator fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnModeratorFailure {
    /// It passes.
    Release,
    /// Its stream is stopped.
    #[default]
    Stop,
}

impl ModeratorConfig {
    /// One that is asked in MidStream's own format.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            format: ModeratorFormat::default(),
            model: None,
            key_env: None,
            key_file: None,
            timeout_s: Self::timeout_s(),
            on_failure: OnModeratorFailure::default(),
            concurrency: Self::concurrency(),
        }
    }

    fn timeout_s() -> f64 {
        5.0
    }

    fn concurrency() -> usize {
        64
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let below = |error| below("moderator", error);
        self.address().map_err(below)?;
        self.source().validate().map_err(below)?;
        seconds("timeout_s", self.timeout_s).map_err(below)?;
        if !(1..=4096).contains(&self.concurrency) {
            return Err(below(setting("concurrency", &self.concurrency.to_string(), "1 to 4096")));
        }
        if self.model.is_some() && self.format != ModeratorFormat::Openai {
            let allowed = "none, as long as format is not \"openai\"";
            return Err(below(setting("model", &format!("{:?}", self.model.as_deref().unwrap_or_default()), allowed)));
        }
        Ok(())
    }

    /// The key that the environment or a file holds.
    pub(crate) fn key(&self) -> Result<Option<Secret>, Error> {
        self.source().read_key().map_err(|error| below("moderator", error))
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { name: "key", env: self.key_env.as_deref(), file: self.key_file.as_deref() }
    }

    pub(crate) fn address(&self) -> Result<Uri, Error> {
        address("url", &self.url)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout_s)
    }
}
