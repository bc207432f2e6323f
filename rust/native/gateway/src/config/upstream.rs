//! Whom a gateway asks, and for how long it waits.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use midstream_stream::Error;
use serde::Deserialize;

use super::values::{seconds, setting};
use super::{ConfigError, Secret};
use crate::endpoint::Api;

/// One provider or server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// Scheme, host, port and the path before that of the API: `https://api.openai.com`.
    pub url: String,
    /// Whose APIs it speaks; at least one.
    pub apis: Vec<Api>,
    /// The environment variable that holds its key; without one the client's key passes.
    #[serde(default)]
    pub key_env: Option<String>,
    /// The file of the certificates that its own is verified with, in PEM; without one those of the system.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// How often it is asked again before the next one is, while nothing of an answer has come: 0 to 10.
    #[serde(default = "UpstreamConfig::retries")]
    pub retries: usize,
    /// Seconds until a connection stands.
    #[serde(default = "UpstreamConfig::connect_s")]
    pub connect_s: f64,
    /// Seconds until the answer begins.
    #[serde(default = "UpstreamConfig::first_byte_s")]
    pub first_byte_s: f64,
    /// Seconds without any byte inside an answer.
    #[serde(default = "UpstreamConfig::idle_s")]
    pub idle_s: f64,
    /// Seconds inside an answer in which nothing but signs of life comes.
    #[serde(default = "UpstreamConfig::no_progress_s")]
    pub no_progress_s: f64,
    /// Seconds from the request to the end of the answer.
    #[serde(default = "UpstreamConfig::total_s")]
    pub total_s: f64,
}

/// One way to serve a model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Who is asked.
    pub upstream: String,
    /// The name that the upstream knows; without one the same.
    #[serde(default)]
    pub model: Option<String>,
}

impl UpstreamConfig {
    /// One with every time at its default.
    pub fn new(url: impl Into<String>, apis: &[Api]) -> Self {
        Self {
            url: url.into(),
            apis: apis.to_vec(),
            key_env: None,
            ca: None,
            retries: Self::retries(),
            connect_s: Self::connect_s(),
            first_byte_s: Self::first_byte_s(),
            idle_s: Self::idle_s(),
            no_progress_s: Self::no_progress_s(),
            total_s: Self::total_s(),
        }
    }

    fn retries() -> usize {
        1
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

    fn no_progress_s() -> f64 {
        120.0
    }

    fn total_s() -> f64 {
        1800.0
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        self.base().map(|_| ())?;
        if self.apis.is_empty() {
            return Err(setting("apis", "an empty list", "at least one of anthropic, gemini, ollama, openai"));
        }
        for (name, value) in [
            ("connect_s", self.connect_s),
            ("first_byte_s", self.first_byte_s),
            ("idle_s", self.idle_s),
            ("no_progress_s", self.no_progress_s),
            ("total_s", self.total_s),
        ] {
            seconds(name, value)?;
        }
        Ok(())
    }

    /// The key that the environment holds.
    pub(crate) fn key(&self, name: &str) -> Result<Option<Secret>, ConfigError> {
        let Some(variable) = &self.key_env else { return Ok(None) };
        let key = std::env::var(variable).ok().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        let missing = || ConfigError::NoKey { upstream: name.to_owned(), variable: variable.clone() };
        key.map(|key| Some(Secret::from(key))).ok_or_else(missing)
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
}
