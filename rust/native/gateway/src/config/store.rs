//! What is kept of streams, for whom.

use std::path::PathBuf;
use std::time::Duration;

use midstream_stream::Error;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::Secret;
use super::secret::Source;
use super::values::{MAX_S, below, setting};

/// Bytes of the secret of viewers' tokens, at least.
const SECRET_BYTES: usize = 16;

/// What is kept of streams: in memory, and in a folder if there is one.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Where events are logged; without one nothing outlives the process.
    pub folder: Option<PathBuf>,
    /// When an event of the log is acknowledged.
    pub fsync: Fsync,
    /// Seconds that an ended stream is remembered in memory.
    pub keep_s: f64,
    /// Bytes of the log, beyond which its oldest files go.
    pub max_bytes: u64,
    /// Seconds after which files of the log go.
    pub max_age_s: f64,
    /// Bytes of events that may wait for the log, of all streams together, beyond the MiB that each keeps anyway.
    pub max_unwritten_bytes: u64,
}

/// When an event of the log is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fsync {
    /// The disk has it, before anything else is written.
    Always,
    /// The disk has it, together with what else came in 50 ms.
    Batch,
    /// The system has it: it outlives the process, but no loss of power.
    Never,
}

/// Who may look on, and how many.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewersConfig {
    /// Viewers of one stream at once.
    pub per_stream: usize,
    /// Viewers of all streams at once.
    pub in_all: usize,
    /// Seconds that a viewer's token is good for.
    pub token_s: f64,
    /// The environment variable with the secret of the tokens, for several gateways; without one a token ends with the
    /// process that gave it.
    pub secret_env: Option<String>,
    /// The file that holds the secret instead, and nothing else but a newline.
    pub secret_file: Option<PathBuf>,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            folder: None,
            fsync: Fsync::Batch,
            keep_s: 600.0,
            max_bytes: 1 << 30,
            max_age_s: 86_400.0,
            max_unwritten_bytes: 256 << 20,
        }
    }
}

impl StoreConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if !(0.0..=MAX_S).contains(&self.keep_s) {
            return Err(setting("keep_s", &self.keep_s.to_string(), "a number of seconds from 0 to 86400"));
        }
        if !(1.0..=365.0 * MAX_S).contains(&self.max_age_s) {
            return Err(setting("max_age_s", &self.max_age_s.to_string(), "a number of seconds from 1 to 31536000"));
        }
        if self.max_bytes < 1 << 16 {
            return Err(setting("max_bytes", &self.max_bytes.to_string(), "a number of bytes from 65536 on"));
        }
        Ok(())
    }

    pub(crate) fn keep(&self) -> Duration {
        Duration::from_secs_f64(self.keep_s)
    }
}

impl Default for ViewersConfig {
    fn default() -> Self {
        Self { per_stream: 1000, in_all: 10_000, token_s: 3600.0, secret_env: None, secret_file: None }
    }
}

impl ViewersConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        self.source().validate()?;
        if self.token_s >= 1.0 && self.token_s <= MAX_S {
            return Ok(());
        }
        Err(setting("token_s", &self.token_s.to_string(), "a number of seconds from 1 to 86400"))
    }

    /// The secret that the environment or a file holds; `None` where one is made.
    pub(crate) fn secret(&self) -> Result<Option<Secret>, Error> {
        let in_table = |error| below("viewers", error);
        let secret = self.source().read().map_err(in_table)?;
        match &secret {
            Some(short) if short.expose_secret().len() < SECRET_BYTES => {
                let allowed = format!("{} holds {SECRET_BYTES} bytes or more", self.source().allowed());
                Err(in_table(self.source().fault(&allowed)))
            }
            _ => Ok(secret),
        }
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { name: "secret", env: self.secret_env.as_deref(), file: self.secret_file.as_deref() }
    }
}
