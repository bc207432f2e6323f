//! The metrics of OpenTelemetry's conventions for generative AI.

use midstream_stream::UsageSource;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::name;
use crate::usage::{Tokens, UsageRecord};

/// Whether a provider counted tokens, or they are an estimate.
pub(super) const USAGE_SOURCE: &str = "midstream.usage.source";

/// Borders of buckets that the conventions name, in seconds.
const SECONDS: [f64; 14] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// The same for tokens.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Histograms of what one call of an upstream took.
pub(super) struct Instruments {
    duration: Histogram<f64>,
    first_chunk: Histogram<f64>,
    per_chunk: Histogram<f64>,
    tokens: Histogram<u64>,
    served: Histogram<f64>,
    first_token: Histogram<f64>,
    per_token: Histogram<f64>,
    tool: Histogram<f64>,
    agent: Histogram<f64>,
}

impl Instruments {
    pub(super) fn new(provider: &SdkMeterProvider) -> Self {
        let meter = provider.meter("midstream");
        let tokens = meter.u64_histogram(name::CLIENT_TOKEN_USAGE).with_unit("{token}");
        Self {
            duration: seconds(&meter, name::CLIENT_OPERATION_DURATION),
            first_chunk: seconds(&meter, name::CLIENT_OPERATION_TIME_TO_FIRST_CHUNK),
            per_chunk: seconds(&meter, name::CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK),
            tokens: tokens.with_boundaries(TOKENS.to_vec()).build(),
            served: seconds(&meter, name::SERVER_REQUEST_DURATION),
            first_token: seconds(&meter, name::SERVER_TIME_TO_FIRST_TOKEN),
            per_token: seconds(&meter, name::SERVER_TIME_PER_OUTPUT_TOKEN),
            tool: seconds(&meter, name::EXECUTE_TOOL_DURATION),
            agent: seconds(&meter, name::INVOKE_AGENT_DURATION),
        }
    }

    /// How long each chunk of an answer took behind the one before it.
    pub(super) fn gaps(&self, gaps: &[(f64, u32)], attributes: &[KeyValue]) {
        for (seconds, count) in gaps {
            (0..*count).for_each(|_| self.per_chunk.record(*seconds, attributes));
        }
    }

    /// A tool gave its result.
    pub(super) fn executed(&self, tool: String, seconds: f64) {
        let operation = KeyValue::new(name::OPERATION_NAME, name::EXECUTE_TOOL);
        self.tool.record(seconds, &[operation, KeyValue::new(name::TOOL_NAME, tool)]);
    }

    /// An agent came to its end.
    pub(super) fn invoked(&self, provider: &'static str, seconds: f64) {
        let operation = KeyValue::new(name::OPERATION_NAME, name::INVOKE_AGENT);
        self.agent.record(seconds, &[operation, KeyValue::new(name::PROVIDER_NAME, provider)]);
    }

    /// Unknown counts of tokens are not reported, as the conventions ask.
    pub(super) fn record(&self, record: &UsageRecord, attributes: &[KeyValue]) {
        self.duration.record(record.duration_s, attributes);
        self.served.record(record.duration_s, attributes);
        if let Some(seconds) = record.ttft_s {
            self.first_chunk.record(seconds, attributes);
            self.first_token.record(seconds, attributes);
            let output = record.tokens.output.unwrap_or_default();
            if output > 1 {
                let writing = (record.duration_s - seconds).max(0.0);
                self.per_token.record(writing / (output - 1) as f64, attributes);
            }
        }
        let Tokens { input, input_source, output, source } = record.tokens;
        for (kind, tokens, source) in [("input", input, input_source), ("output", output, source)] {
            if let Some(tokens) = tokens.filter(|_| source != UsageSource::Unknown) {
                let more = [KeyValue::new(name::TOKEN_TYPE, kind), KeyValue::new(USAGE_SOURCE, source.name())];
                self.tokens.record(tokens, &[attributes, &more].concat());
            }
        }
    }
}

fn seconds(meter: &Meter, name: &'static str) -> Histogram<f64> {
    meter.f64_histogram(name).with_unit("s").with_boundaries(SECONDS.to_vec()).build()
}
