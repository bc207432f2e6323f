//! Where traces and metrics go.

use http::Uri;
use midstream_stream::Error;
use serde::Deserialize;

use super::values::{seconds, setting, shown};

/// A collector of OpenTelemetry, asked over HTTP.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The collector's URL, `/v1/traces` and `/v1/metrics` are put behind it; without one that of
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, and without that nothing is sent. Headers come from `OTEL_EXPORTER_OTLP_HEADERS`.
    pub otlp: Option<String>,
    /// What this gateway is called; `OTEL_SERVICE_NAME` goes before it.
    pub service_name: String,
    /// Seconds between two reports of metrics.
    pub metrics_every_s: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { otlp: None, service_name: "midstream".into(), metrics_every_s: 60.0 }
    }
}

impl TelemetryConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        seconds("metrics_every_s", self.metrics_every_s)?;
        if self.service_name.is_empty() {
            return Err(setting("service_name", "an empty text", "a name"));
        }
        let Some(url) = &self.otlp else { return Ok(()) };
        let is_url = url.parse::<Uri>().is_ok_and(|uri| {
            let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
            is_http && uri.host().is_some() && uri.query().is_none() && !url.contains('@')
        });
        let allowed = "an http:// or https:// URL with a host, without a query or a password";
        if is_url { Ok(()) } else { Err(setting("otlp", &shown(url), allowed)) }
    }
}
