//! Traces and metrics for a collector of OpenTelemetry, by its names for generative AI.
//!
//! One span for each upstream that is asked: of the kind `client`, in the trace that the client's `traceparent` names, and
//! its own goes upstream. No text of requests or answers is sent.

mod agents;
mod instruments;
mod name;
mod sender;
mod span;

use std::env;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use midstream_series::Timestamp;
use midstream_stream::{EndingState, Summary};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use self::agents::Agents;
pub(crate) use self::agents::Run;
use self::instruments::Instruments;
use self::sender::Sender;
pub(crate) use self::span::{Asks, Span};
use crate::config::TelemetryConfig;
use crate::streams::Meta;
use crate::tls::towards_upstream;
use crate::upstream::Upstream;

/// How long the last report may take when a gateway stops.
const LONGEST_FLUSH: Duration = Duration::from_secs(5);
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// What tells a collector of streams.
pub(crate) struct Telemetry {
    traces: SdkTracerProvider,
    tracer: SdkTracer,
    metrics: SdkMeterProvider,
    instruments: Arc<Instruments>,
    agents: Agents,
}

/// Why nothing can be sent.
#[derive(Debug)]
pub enum TelemetryError {
    /// The system's certificates cannot be read.
    Certificate(midstream_stream::Error),
    /// The environment asks for what cannot be.
    Exporter(ExporterBuildError),
}

impl fmt::Display for TelemetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(error) => write!(f, "cannot send telemetry: {error}"),
            Self::Exporter(error) => write!(f, "cannot send telemetry: {error}"),
        }
    }
}

impl std::error::Error for TelemetryError {}

impl Telemetry {
    /// `None` where no collector is named, neither here nor in the environment.
    pub(crate) fn of(config: &TelemetryConfig) -> Result<Option<Self>, TelemetryError> {
        let is_named = env::var(ENDPOINT).is_ok_and(|url| !url.is_empty());
        if config.otlp.is_none() && !is_named {
            return Ok(None);
        }
        let mut resource = Resource::builder();
        if !env::var(SERVICE_NAME).is_ok_and(|name| !name.is_empty()) {
            resource = resource.with_service_name(config.service_name.clone());
        }
        let resource = resource.build();
        let tls = towards_upstream("telemetry.otlp", None).map_err(TelemetryError::Certificate)?;
        let spans = SpanExporter::builder().with_http().with_http_client(Sender::new("traces", tls.clone()));
        let spans = spans.with_endpoint(endpoint(config, "traces")).build().map_err(TelemetryError::Exporter)?;
        let traces = SdkTracerProvider::builder().with_batch_exporter(spans).with_resource(resource.clone()).build();
        let metrics = MetricExporter::builder().with_http().with_http_client(Sender::new("metrics", tls));
        let metrics = metrics.with_endpoint(endpoint(config, "metrics")).build().map_err(TelemetryError::Exporter)?;
        let every = Duration::from_secs_f64(config.metrics_every_s);
        let reader = PeriodicReader::builder(metrics).with_interval(every).build();
        let metrics = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();
        let instruments = Arc::new(Instruments::new(&metrics));
        Ok(Some(Self { tracer: traces.tracer("midstream"), traces, metrics, instruments, agents: Agents::default() }))
    }

    /// The trace that a request belongs to.
    pub(crate) fn parent(headers: &HeaderMap) -> Context {
        TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
    }

    /// An upstream is asked.
    pub(crate) fn start(&self, parent: &Context, of: (&Meta, &Asks), upstream: &Upstream) -> Option<Span> {
        Span::start(&self.tracer, Arc::clone(&self.instruments), parent, of, upstream)
    }

    /// A request brings the results of these calls; gives the run that it belongs to.
    pub(crate) fn answered(&self, meta: &Meta, calls: &[String], now: Timestamp) -> Run {
        let (took, run) = self.agents.answered(meta, calls, now);
        took.into_iter().for_each(|(tool, seconds)| self.instruments.executed(tool, seconds));
        run
    }

    /// An answer in a run is over, whose request came at `started`. Without calls it is the last of the run.
    pub(crate) fn ended(&self, meta: &Meta, run: Run, summary: &Summary, (started, now): (Timestamp, Timestamp)) {
        if summary.ending.state != EndingState::Complete {
            return;
        }
        if summary.tool_calls.is_empty() {
            if let Run::Since(began) = run {
                self.instruments.invoked(span::provider(meta.api), (now - began).as_secs_f64());
            }
            return;
        }
        let began = match run {
            Run::Begins => Some(started),
            Run::Since(began) => Some(began),
            Run::Unknown => None,
        };
        self.agents.leave(meta, &summary.tool_calls, began, now);
    }

    /// Sends what is left.
    pub(crate) fn stop(&self) {
        // A collector that is gone is told of nothing more, and whoever stops need not know.
        let _ = self.traces.shutdown_with_timeout(LONGEST_FLUSH);
        let _ = self.metrics.shutdown_with_timeout(LONGEST_FLUSH);
    }
}

/// Empty where the environment decides it, which the exporter reads itself.
fn endpoint(config: &TelemetryConfig, signal: &str) -> String {
    config.otlp.as_ref().map(|url| format!("{}/v1/{signal}", url.trim_end_matches('/'))).unwrap_or_default()
}
