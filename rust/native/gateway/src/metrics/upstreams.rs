//! What is counted and measured of upstreams.

use midstream_series::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::names::Names;
use crate::breaker::Circuit;
use crate::upstream::Upstreams;

/// The metrics whose label is an upstream's name.
pub(super) struct OfUpstreams {
    circuit: Family<OfCircuit, Gauge>,
    requests: Family<OfUpstream, Gauge>,
    waiting: Family<OfUpstream, Gauge>,
    failures: Family<OfUpstream, Counter>,
    opened: Family<OfUpstream, Counter>,
    cancel: Histogram,
    records: Family<OfRecord, Counter>,
    names: Names,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfUpstream {
    upstream: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfCircuit {
    upstream: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRecord {
    upstream: String,
    end: &'static str,
}

impl Default for OfUpstreams {
    fn default() -> Self {
        Self {
            circuit: Family::default(),
            requests: Family::default(),
            waiting: Family::default(),
            failures: Family::default(),
            opened: Family::default(),
            cancel: Histogram::new(exponential_buckets(1e-5, 2.0, 16)),
            records: Family::default(),
            names: Names::default(),
        }
    }
}

impl OfUpstreams {
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { circuit, requests, waiting, failures, opened, cancel, records, names } = self;
        registry.register("upstream_circuit", "1 for the state that the circuit of an upstream is in", circuit.clone());
        registry.register("upstream_requests_active", "Requests that an upstream has", requests.clone());
        registry.register("upstream_requests_waiting", "Requests that wait for an upstream", waiting.clone());
        registry.register("upstream_failures", "Requests that an upstream failed, retries too", failures.clone());
        registry.register("upstream_opened", "Circuits that opened: the upstream was left alone", opened.clone());
        registry.register("usage_records", "Upstreams that were asked, by how that ended", records.clone());
        let help = "Names of upstreams that count as other, because there were too many";
        registry.register("labels_dropped", help, names.too_many.clone());
        let help = "From the decision to end a stream until its upstream was closed";
        registry.register_with_unit("upstream_cancel", help, Unit::Seconds, cancel.clone());
    }

    pub(super) fn failed(&self, upstream: &str, opened: bool) {
        let label = OfUpstream { upstream: self.names.label(upstream) };
        self.failures.get_or_create(&label).inc();
        if opened {
            self.opened.get_or_create(&label).inc();
        }
    }

    pub(super) fn measure(&self, upstreams: &Upstreams, now: Timestamp) {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        for upstream in upstreams.all() {
            let label = OfUpstream { upstream: self.names.label(&upstream.name) };
            self.requests.get_or_create(&label).set(count(upstream.seats.taken()));
            self.waiting.get_or_create(&label).set(count(upstream.seats.waiting()));
            let current = upstream.breaker.circuit(now);
            for state in Circuit::ALL {
                let of = OfCircuit { upstream: label.upstream.clone(), state: state.name() };
                self.circuit.get_or_create(&of).set(i64::from(state == current));
            }
        }
    }

    pub(super) fn booked(&self, upstream: Option<&str>, end: &'static str) {
        let upstream = upstream.map_or_else(|| "none".to_owned(), |upstream| self.names.label(upstream));
        self.records.get_or_create(&OfRecord { upstream, end }).inc();
    }

    pub(super) fn cancelled(&self, seconds: f64) {
        self.cancel.observe(seconds);
    }
}
