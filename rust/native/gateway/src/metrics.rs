//! What a gateway counts and measures, for Prometheus.

mod deferred;
mod names;
mod text;
mod upstreams;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use midstream_series::Timestamp;
use midstream_stream::{Decision, EndingState, Summary, UsageSource};
use midstream_worker::Pool;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use self::deferred::OfDeferred;
use self::text::OfText;
use self::upstreams::OfUpstreams;
use crate::endpoint::Api;
use crate::upstream::Upstreams;
use crate::usage::{Tokens, UsageRecord};
use crate::viewers::audience::Audience;

/// The type that OpenMetrics asks for.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of a gateway. Labels hold names of the configuration and of checks, never what a client or model wrote.
pub(crate) struct Metrics {
    registry: Registry,
    active: Family<OfApi, Gauge>,
    ended: Family<OfEnd, Counter>,
    detections: Family<OfFinding, Counter>,
    tokens: Family<OfTokens, Counter>,
    stalls: Counter,
    text: OfText,
    pub(crate) audience: Arc<Audience>,
    first_text: Family<OfApi, Histogram>,
    gaps: Histogram,
    overhead: Histogram,
    cost: Counter<f64, AtomicU64>,
    saved: Counter,
    not_resumable: Counter,
    log_lost: Counter,
    usage_lost: Counter,
    upstreams: OfUpstreams,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfApi {
    api: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfEnd {
    api: &'static str,
    end: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfFinding {
    check: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfTokens {
    api: &'static str,
    kind: &'static str,
    source: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        // As OpenTelemetry's semantic conventions for generative AI cut durations.
        let seconds = || Histogram::new(exponential_buckets(0.01, 2.0, 14));
        let short = || Histogram::new(exponential_buckets(1e-6, 2.0, 14));
        let mut metrics = Self {
            registry: Registry::with_prefix("midstream"),
            active: Family::default(),
            ended: Family::default(),
            detections: Family::default(),
            tokens: Family::default(),
            stalls: Counter::default(),
            text: OfText::default(),
            audience: Arc::default(),
            first_text: Family::new_with_constructor(seconds),
            gaps: seconds(),
            overhead: short(),
            cost: Counter::default(),
            saved: Counter::default(),
            not_resumable: Counter::default(),
            log_lost: Counter::default(),
            usage_lost: Counter::default(),
            upstreams: OfUpstreams::default(),
        };
        metrics.register();
        metrics
    }

    /// Tells of the tasks of a pool too.
    pub(crate) fn with_deferred(mut self, pool: &Pool) -> Self {
        self.registry.register_collector(Box::new(OfDeferred(pool.clone())));
        self
    }

    fn register(&mut self) {
        let Self { registry, active, ended, detections, tokens, stalls, text, audience, .. } = self;
        registry.register("streams_active", "Streams whose answer passes", active.clone());
        registry.register("streams", "Streams that ended, by how they did", ended.clone());
        registry.register("detections", "What checks found", detections.clone());
        registry.register(
            "tokens",
            "Tokens of requests and answers, and whether the provider reported them",
            tokens.clone(),
        );
        registry.register("stalls", "Streams that went quiet", stalls.clone());
        text.register(registry);
        audience.register(registry);
        self.register_usage();
        self.register_times();
    }

    fn register_usage(&mut self) {
        let Self { registry, cost, saved, upstreams, not_resumable, log_lost, usage_lost, .. } = self;
        registry.register("cost", "What streams cost at the prices of the budget", cost.clone());
        registry.register(
            "tokens_saved",
            "What stopped streams had left of the most tokens that their requests named, an estimate",
            saved.clone(),
        );
        upstreams.register(registry);
        registry.register("not_resumable", "Streams whose log is not whole", not_resumable.clone());
        registry.register("log_lost_events", "Events that the log did not take", log_lost.clone());
        registry.register("usage_lost_records", "Records that the file of usage did not take", usage_lost.clone());
    }

    fn register_times(&mut self) {
        let Self { registry, first_text, gaps, overhead, .. } = self;
        let unit = || Unit::Seconds;
        registry.register_with_unit("stream_ttft", "From the request to the first text", unit(), first_text.clone());
        registry.register_with_unit("inter_chunk", "Between two chunks of an upstream", unit(), gaps.clone());
        registry.register_with_unit(
            "overhead",
            "From the arrival of a chunk's last byte until the server of its client has taken what passes of it",
            unit(),
            overhead.clone(),
        );
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn start(&self, api: Api) {
        self.active.get_or_create(&OfApi { api: api.name() }).inc();
    }

    /// A chunk came so many seconds after the one before.
    pub(crate) fn gap(&self, seconds: f64) {
        self.gaps.observe(seconds);
    }

    /// A chunk was here for so long.
    pub(crate) fn added(&self, time: Duration) {
        self.overhead.observe(time.as_secs_f64());
    }

    /// The log of a stream is not whole; so many events that were there did not come into it.
    pub(crate) fn not_resumable(&self, lost: u64) {
        self.not_resumable.inc();
        self.log_lost.inc_by(lost);
    }

    pub(crate) fn decided(&self, decision: &Decision<'_>) {
        for finding in decision.findings {
            self.detections.get_or_create(&OfFinding { check: finding.check, action: finding.action.name() }).inc();
        }
    }

    /// The same of a guard that replaces what it finds.
    pub(crate) fn redacted(&self, decision: &Decision<'_>) {
        self.text.redacted(decision);
    }

    /// A stream is over.
    pub(crate) fn end(&self, api: Api, summary: &Summary) {
        self.left(api, summary);
        self.ended.get_or_create(&OfEnd { api: api.name(), end: summary.ending.state.name() }).inc();
    }

    /// A stream is over that nobody answered.
    pub(crate) fn unanswered(&self, api: Api, end: EndingState) {
        self.ended.get_or_create(&OfEnd { api: api.name(), end: end.name() }).inc();
    }

    /// An answer is over, and its stream goes on where another begins.
    pub(crate) fn left(&self, api: Api, summary: &Summary) {
        let api = api.name();
        self.active.get_or_create(&OfApi { api }).dec();
        self.stalls.inc_by(summary.pace.stalls);
        self.text.end(summary);
        if let Some(seconds) = summary.pace.first_text_s {
            self.first_text.get_or_create(&OfApi { api }).observe(seconds);
        }
    }

    /// What an upstream used is known.
    pub(crate) fn booked(&self, record: &UsageRecord) {
        self.upstreams.booked(record.upstream.as_deref(), record.end);
        self.cost.inc_by(record.cost.unwrap_or_default());
        let Tokens { input, input_source, output, source } = record.tokens;
        for (kind, tokens, source) in [("input", input, input_source), ("output", output, source)] {
            if let Some(tokens) = tokens.filter(|_| source != UsageSource::Unknown) {
                let of = OfTokens { api: record.api.name(), kind, source: source.name() };
                self.tokens.get_or_create(&of).inc_by(tokens);
            }
        }
    }

    /// A request to an upstream failed.
    pub(crate) fn failed(&self, upstream: &str, opened: bool) {
        self.upstreams.failed(upstream, opened);
    }

    /// How upstreams stand now.
    pub(crate) fn measure(&self, upstreams: &Upstreams, now: Timestamp) {
        self.upstreams.measure(upstreams, now);
        self.audience.measure();
    }

    /// An upstream was closed so many seconds after that was decided.
    pub(crate) fn cancelled(&self, seconds: f64) {
        self.upstreams.cancelled(seconds);
    }

    /// Counts records that the file of usage did not take.
    pub(crate) fn usage_lost(&self) -> Counter {
        self.usage_lost.clone()
    }

    /// A stream was stopped with so many tokens left.
    pub(crate) fn saved(&self, tokens: u64) {
        self.saved.inc_by(tokens);
    }
}
