//! Whom a gateway asks, and for how long it waits.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use midstream_series::Span;
use midstream_stream::Error;
use serde::Deserialize;

use super::Secret;
use super::prefill::PrefillConfig;
use super::secret::Source;
use super::values::{address, seconds, setting};
use crate::breaker::Breaker;
use crate::endpoint::Api;
use crate::seats::Seats;

/// Hosts whose documents name `stream_options.include_usage`; others may refuse a member that they do not know.
const HOSTS_OF_USAGE: [&str; 3] = ["api.deepseek.com", "api.groq.com", "api.openai.com"];

/// One provider or server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// Scheme, host, port and the path before that of the API: `https://api.openai.com`.
    pub url: String,
    /// Whose APIs it speaks; at least one.
    pub apis: Vec<Api>,
    /// What `/v1` at the begin of a path becomes behind that URL, such as `/api/paas/v4`.
    #[serde(default)]
    pub v1: Option<String>,
    /// The environment variable that holds its key; without one the client's key passes.
    #[serde(default)]
    pub key_env: Option<String>,
    /// The file that holds its key instead, and nothing else but a newline.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The file of the certificates that its own is verified with, in PEM; without one those of the system.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// How often it is asked again before the next one is, while nothing of an answer has come: 0 to 10.
    #[serde(default = "UpstreamConfig::retries")]
    pub retries: usize,
    /// Seconds until a connection stands, its TLS handshake included.
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
    /// Seconds of silence after which it is asked over HTTP/2 whether it is there, and seconds that it has to say so.
    #[serde(default = "UpstreamConfig::ping_s")]
    pub ping_s: f64,
    /// Requests that it has at a time, up to the end of their answers; without a number as many as come.
    #[serde(default)]
    pub max_concurrent: Option<usize>,
    /// Requests that wait for one of those to end; more are refused.
    #[serde(default = "UpstreamConfig::max_waiting")]
    pub max_waiting: usize,
    /// Seconds that one of them waits at most.
    #[serde(default = "UpstreamConfig::wait_s")]
    pub wait_s: f64,
    /// Failures in a row after which it is left alone; 0: never. A failure is no connection, no answer in time, or a
    /// status that says that it is broken (500, 502, 503, 504, 529).
    #[serde(default = "UpstreamConfig::breaker_failures")]
    pub breaker_failures: u64,
    /// Seconds that it is left alone, until one request tries it.
    #[serde(default = "UpstreamConfig::breaker_open_s")]
    pub breaker_open_s: f64,
    /// Whether a stream of OpenAI's chat is asked for its usage (`stream_options.include_usage`) where the client does not
    /// ask; the client never sees that. Without a value: where the host is known to take it.
    #[serde(default)]
    pub include_usage: Option<bool>,
    /// How it goes on with an answer that is begun; without this table it does not.
    #[serde(default)]
    pub prefill: Option<PrefillConfig>,
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
            v1: None,
            key_env: None,
            key_file: None,
            ca: None,
            retries: Self::retries(),
            connect_s: Self::connect_s(),
            first_byte_s: Self::first_byte_s(),
            idle_s: Self::idle_s(),
            no_progress_s: Self::no_progress_s(),
            total_s: Self::total_s(),
            ping_s: Self::ping_s(),
            max_concurrent: None,
            max_waiting: Self::max_waiting(),
            wait_s: Self::wait_s(),
            breaker_failures: Self::breaker_failures(),
            breaker_open_s: Self::breaker_open_s(),
            include_usage: None,
            prefill: None,
        }
    }

    fn max_waiting() -> usize {
        100
    }

    fn wait_s() -> f64 {
        10.0
    }

    fn breaker_failures() -> u64 {
        5
    }

    fn breaker_open_s() -> f64 {
        10.0
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

    fn ping_s() -> f64 {
        20.0
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        self.base().map(|_| ())?;
        self.source().validate()?;
        if self.apis.is_empty() {
            return Err(setting("apis", "an empty list", "at least one of anthropic, gemini, ollama, openai"));
        }
        if let Some(v1) = self.v1.as_ref().filter(|v1| !is_path(v1)) {
            return Err(setting(
                "v1",
                &format!("{v1:?}"),
                "a path such as \"/api/v4\": a slash before each part, and none at its end",
            ));
        }
        if self.retries > 10 {
            return Err(setting("retries", &self.retries.to_string(), "a whole number from 0 to 10"));
        }
        if self.max_concurrent == Some(0) {
            return Err(setting("max_concurrent", "0", "a whole number from 1 on"));
        }
        for (name, value) in [
            ("connect_s", self.connect_s),
            ("first_byte_s", self.first_byte_s),
            ("idle_s", self.idle_s),
            ("no_progress_s", self.no_progress_s),
            ("total_s", self.total_s),
            ("ping_s", self.ping_s),
            ("wait_s", self.wait_s),
            ("breaker_open_s", self.breaker_open_s),
        ] {
            seconds(name, value)?;
        }
        Ok(())
    }

    /// The key that the environment or a file holds.
    pub(crate) fn key(&self) -> Result<Option<Secret>, Error> {
        self.source().read_key()
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { name: "key", env: self.key_env.as_deref(), file: self.key_file.as_deref() }
    }

    /// The URL without a slash at its end.
    pub(crate) fn base(&self) -> Result<Uri, Error> {
        address("url", self.url.trim_end_matches('/'))
    }

    pub(crate) fn connect(&self) -> Duration {
        Duration::from_secs_f64(self.connect_s)
    }

    pub(crate) fn first_byte(&self) -> Duration {
        Duration::from_secs_f64(self.first_byte_s)
    }

    pub(crate) fn total(&self) -> Duration {
        Duration::from_secs_f64(self.total_s)
    }

    pub(crate) fn ping(&self) -> Duration {
        Duration::from_secs_f64(self.ping_s)
    }

    pub(crate) fn seats(&self) -> Seats {
        Seats::new(self.max_concurrent, self.max_waiting, Duration::from_secs_f64(self.wait_s))
    }

    pub(crate) fn breaker(&self) -> Breaker {
        Breaker::new(self.breaker_failures, Span::from_millis((self.breaker_open_s * 1000.0) as i64))
    }

    /// Whether its streams of chat are asked for their usage.
    pub(crate) fn asks_usage(&self) -> bool {
        let host = self.base().ok().and_then(|uri| uri.host().map(str::to_ascii_lowercase)).unwrap_or_default();
        self.include_usage.unwrap_or_else(|| HOSTS_OF_USAGE.contains(&host.as_str()))
    }
}

/// Whether a text can stand before the rest of a path.
fn is_path(text: &str) -> bool {
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains(['?', '#', '%', ';']);
    let has_segments = text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment));
    has_segments && text.parse::<PathAndQuery>().is_ok()
}
