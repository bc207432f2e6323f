//! The line of a stream that is over.

use std::collections::VecDeque;
use std::time::Duration;

use http::StatusCode;
use midstream_stream::{Action, UsageSource};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::refusals::is_refusal;
use crate::cause::Cause;
use crate::streams::{End, Meta};
use crate::usage::UsageRecord;

/// What is told of a stream at its end: nothing that its client or its model wrote.
pub(crate) struct Ended {
    pub(super) stream: String,
    pub(super) api: &'static str,
    pub(super) model: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) end: End,
    pub(super) cause: Option<&'static str>,
    pub(super) found: Option<Found>,
    pub(super) findings: u64,
    pub(super) bytes: u64,
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) input_source: Option<&'static str>,
    pub(super) output_source: Option<&'static str>,
    pub(super) ttft_ms: Option<f64>,
    pub(super) duration_ms: f64,
    pub(super) tenant: Option<String>,
    pub(super) key: Option<String>,
}

/// The strongest of what was found.
#[derive(Deserialize)]
pub(super) struct Found {
    pub(super) check: String,
    pub(super) kind: String,
    pub(super) action: Action,
}

/// What a stream knows of its end.
pub(crate) struct KnownEnd<'a> {
    pub(crate) meta: &'a Meta,
    pub(crate) model_is_known: bool,
    pub(crate) upstream: Option<&'a str>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) end: &'a End,
    pub(crate) cause: Option<Cause>,
    /// The newest, and how many there were.
    pub(crate) findings: (&'a VecDeque<Box<RawValue>>, u64),
    pub(crate) usage: &'a [UsageRecord],
    pub(crate) duration: Duration,
}

impl Ended {
    /// `None` for a request that was turned away before anybody was asked: that has a line of its own.
    pub(crate) fn of(known: &KnownEnd<'_>) -> Option<Self> {
        let KnownEnd { meta, usage, .. } = known;
        let upstream = known.upstream.or_else(|| usage.iter().rev().find_map(|record| record.upstream.as_deref()));
        if upstream.is_none() && known.status.is_some_and(is_refusal) {
            return None;
        }
        let found = known.findings.0.iter().filter_map(|finding| serde_json::from_str::<Found>(finding.get()).ok());
        Some(Self {
            stream: meta.id.as_str().to_owned(),
            api: meta.api.name(),
            model: meta.model.clone().filter(|_| known.model_is_known),
            upstream: upstream.map(str::to_owned),
            status: known.status.map(|status| status.as_u16()),
            end: known.end.clone(),
            cause: known.cause.map(Cause::name),
            found: found.reduce(|one, other| if other.action > one.action { other } else { one }),
            findings: known.findings.1,
            bytes: usage.iter().map(|record| record.bytes).sum(),
            input: sum(usage.iter().map(|record| record.tokens.input)),
            output: sum(usage.iter().map(|record| record.tokens.output)),
            input_source: worst(usage.iter().map(|record| (record.tokens.input, record.tokens.input_source))),
            output_source: worst(usage.iter().map(|record| (record.tokens.output, record.tokens.source))),
            ttft_ms: usage.iter().find_map(|record| record.ttft_s).map(|seconds| ms(Duration::from_secs_f64(seconds))),
            duration_ms: ms(known.duration),
            tenant: meta.tenant.clone(),
            key: meta.key.clone(),
        })
    }

    /// Whether the upstream, or the way to it, broke; one that refuses a request has not.
    pub(super) fn is_trouble(&self) -> bool {
        let refuses = self.status.is_some_and(|status| matches!(status, 400..=499 | 501));
        match self.end.state.as_str() {
            "failed" => !refuses,
            state => matches!(state, "stalled" | "truncated"),
        }
    }
}

/// What is known of the counts; unknown where none is.
fn sum(counts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    counts.flatten().reduce(u64::saturating_add)
}

/// Where a sum comes from: it is no better than the worst of its counts.
fn worst(counts: impl Iterator<Item = (Option<u64>, UsageSource)>) -> Option<&'static str> {
    let known = counts.filter(|(count, _)| count.is_some()).map(|(_, source)| source);
    known.max_by_key(uncertainty).map(UsageSource::name)
}

fn uncertainty(source: &UsageSource) -> u8 {
    match source {
        UsageSource::Reported => 0,
        UsageSource::Estimated => 1,
        UsageSource::Unknown => 2,
    }
}

/// Milliseconds, to the microsecond.
fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
