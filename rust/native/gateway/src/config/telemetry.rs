//! Where traces and metrics go.

use midstream_stream::Error;
use serde::Deserialize;

use super::values::{address, seconds, setting};

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
        self.otlp.as_ref().map_or(Ok(()), |url| address("otlp", url).map(drop))
    }
}
