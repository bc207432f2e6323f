//! What a gateway serves and whom it asks: one TOML file, checked before anything listens.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use midstream_stream::{Error, FileError, Settings, read_json_tables, read_tables};
use secrecy::SecretString;
use serde::Deserialize;

use crate::endpoint::Api;

/// A key that is never shown, logged or written.
pub type Secret = SecretString;

/// Where a gateway listens, whom it asks, and what it watches for.
///
/// ```
/// use midstream_gateway::Config;
/// let config = Config::from_toml(b"[upstreams.local]\nurl = \"http://127.0.0.1:8080\"\napis = [\"openai\"]\n")?;
/// assert_eq!(config.listen.to_string(), "127.0.0.1:4000");
/// # Ok::<(), midstream_gateway::ConfigError>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What every stream is checked for, as in a guard file.
    pub guard: Settings,
    /// Who is asked, by name. Several may speak one API: the first in order of the name serves what no model decides.
    pub upstreams: BTreeMap<String, UpstreamConfig>,
    /// Models by the name that clients use.
    pub models: BTreeMap<String, ModelConfig>,
    /// The largest body of a request, in bytes.
    pub max_body: usize,
    /// How long running streams may go on when the gateway stops.
    pub drain_s: f64,
}

/// One provider or server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// Scheme, host, port and the path before that of the API: `https://api.openai.com`.
    pub url: String,
    /// Whose APIs it speaks; at least one.
    pub apis: Vec<Api>,
    /// The environment variable that holds its key; without one the client's key passes.
    #[serde(default)]
    pub key_env: Option<String>,
    /// Seconds until a connection stands.
    #[serde(default = "UpstreamConfig::connect_s")]
    pub connect_s: f64,
    /// Seconds until the answer begins.
    #[serde(default = "UpstreamConfig::first_byte_s")]
    pub first_byte_s: f64,
    /// Seconds without any byte inside an answer.
    #[serde(default = "UpstreamConfig::idle_s")]
    pub idle_s: f64,
}

/// What a model's name stands for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The upstream that serves it.
    pub upstream: String,
    /// The name that the upstream knows; without one the same.
    #[serde(default)]
    pub model: Option<String>,
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigError {
    /// A fault of the file, with its line and key.
    File(FileError),
    /// An environment variable that an upstream's key is to come from is not set.
    NoKey {
        /// The upstream.
        upstream: String,
        /// The variable.
        variable: String,
    },
    /// A value that is not allowed.
    Value(Error),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => write!(f, "{error}"),
            Self::NoKey { upstream, variable } => {
                write!(f, "the key of upstream {upstream:?} is read from {variable}, which is not set")
            }
            Self::Value(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
            guard: Settings::default(),
            upstreams: BTreeMap::new(),
            models: BTreeMap::new(),
            max_body: 32 << 20,
            drain_s: 30.0,
        }
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`ConfigError::File`] for the first fault.
    pub fn from_toml(bytes: &[u8]) -> Result<Self, ConfigError> {
        read_tables(bytes, Self::validate).map_err(ConfigError::File)
    }

    /// The same of a JSON object.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for the first fault.
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        read_json_tables(json, Self::validate).map_err(ConfigError::Value)
    }

    /// Checks every value.
    fn validate(&self) -> Result<(), Error> {
        self.guard.validate().map_err(|error| below("guard", error))?;
        for (name, upstream) in &self.upstreams {
            upstream.validate().map_err(|error| below(&format!("upstreams.{name}"), error))?;
        }
        for (name, model) in &self.models {
            if !self.upstreams.contains_key(&model.upstream) {
                let known: Vec<&str> = self.upstreams.keys().map(String::as_str).collect();
                let allowed = format!("an upstream of this file: {}", known.join(", "));
                return Err(setting(&format!("models.{name}.upstream"), &format!("{:?}", model.upstream), &allowed));
            }
        }
        if !(self.drain_s >= 0.0 && self.drain_s <= MAX_S) {
            return Err(setting("drain_s", &self.drain_s.to_string(), "a number of seconds from 0 to 86400"));
        }
        Ok(())
    }
}

/// A day.
const MAX_S: f64 = 86_400.0;

impl UpstreamConfig {
    /// One with every time at its default.
    pub fn new(url: impl Into<String>, apis: &[Api]) -> Self {
        let (connect_s, first_byte_s, idle_s) = (Self::connect_s(), Self::first_byte_s(), Self::idle_s());
        Self { url: url.into(), apis: apis.to_vec(), key_env: None, connect_s, first_byte_s, idle_s }
    }

    fn connect_s() -> f64 {
        5.0
    }

    fn first_byte_s() -> f64 {
        300.0
    }

    fn idle_s() -> f64 {
        30.0
    }

    fn validate(&self) -> Result<(), Error> {
        self.base().map(|_| ())?;
        if self.apis.is_empty() {
            return Err(setting("apis", "an empty list", "at least one of anthropic, gemini, ollama, openai"));
        }
        for (name, value) in
            [("connect_s", self.connect_s), ("first_byte_s", self.first_byte_s), ("idle_s", self.idle_s)]
        {
            if !(value > 0.0 && value <= MAX_S) {
                return Err(setting(name, &value.to_string(), "a number of seconds above 0, at most 86400"));
            }
        }
        Ok(())
    }

    /// The URL without a slash at its end.
    pub(crate) fn base(&self) -> Result<Uri, Error> {
        let allowed = "an http:// or https:// URL with a host and without a query";
        let fault = || setting("url", &format!("{:?}", self.url), allowed);
        let uri: Uri = self.url.trim_end_matches('/').parse().map_err(|_| fault())?;
        let is_http = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
        let holds_key = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if is_http && uri.host().is_some() && uri.query().is_none() && !holds_key { Ok(uri) } else { Err(fault()) }
    }

    pub(crate) fn connect(&self) -> Duration {
        Duration::from_secs_f64(self.connect_s)
    }

    pub(crate) fn first_byte(&self) -> Duration {
        Duration::from_secs_f64(self.first_byte_s)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs_f64(self.idle_s)
    }
}

fn setting(field: &str, value: &str, allowed: &str) -> Error {
    Error::Setting { field: field.to_owned(), value: value.to_owned(), allowed: allowed.to_owned() }
}

/// The error of a table inside another.
fn below(table: &str, error: Error) -> Error {
    match error {
        Error::Setting { field, value, allowed } => {
            Error::Setting { field: format!("{table}.{field}"), value, allowed }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        Config::from_toml(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_fault_names_line_key_and_what_is_allowed() {
        let text = fault("[upstreams.a]\napis = [\"openai\"]\nurl = \"ftp://x\"\n");
        assert_eq!(
            text,
            "upstreams.a.url is \"ftp://x\", allowed is an http:// or https:// URL with a host and without a query (line 3, column 7)"
        );
    }

    #[test]
    fn a_misspelt_key_names_the_nearest() {
        assert!(fault("lisen = \"x\"").contains("did you mean \"listen\"?"));
    }

    #[test]
    fn a_model_of_no_upstream_is_refused() {
        let text = fault("[models.fast]\nupstream = \"b\"\n[upstreams.a]\napis = [\"openai\"]\nurl = \"http://x\"");
        assert!(
            text.starts_with("models.fast.upstream is \"b\", allowed is an upstream of this file: a (line 2"),
            "{text}"
        );
    }

    #[test]
    fn a_url_with_a_key_in_it_is_refused() {
        assert!(fault("[upstreams.a]\napis = [\"openai\"]\nurl = \"http://user:pass@x\"").contains("upstreams.a.url"));
    }

    #[test]
    fn a_guards_table_is_checked_as_a_guard_file_is() {
        assert!(fault("[guard.repeat]\nexact = \"stopp\"").contains("did you mean \"stop\"?"));
    }
}
