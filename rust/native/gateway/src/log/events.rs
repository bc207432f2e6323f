//! Every event of the gateway, with its name and its fields: those that the guide lists.
//!
//! None holds text of a request or an answer, a header, a query or a key; names are those of the configuration.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use tracing::{Level, event, event_enabled};

use super::{Ended, TARGET};
use crate::fault::Fault;

macro_rules! told {
    ($level:ident, $name:literal $(, $field:ident = $value:expr)* $(,)?) => {
        event!(target: TARGET, Level::$level, $($field = $value,)* $name)
    };
}

pub(crate) fn started(address: SocketAddr, upstreams: &str, is_tls: bool, keys: usize) {
    told!(INFO, "started", address = address.to_string(), upstreams = upstreams, tls = is_tls, keys = keys);
}

pub(crate) fn configuration_reloaded(upstreams: &str) {
    told!(INFO, "configuration_reloaded", upstreams = upstreams);
}

pub(crate) fn configuration_refused(reason: &str) {
    told!(WARN, "configuration_refused", reason = reason);
}

pub(crate) fn certificate_reloaded(sha256: &str) {
    told!(INFO, "certificate_reloaded", sha256 = sha256);
}

pub(crate) fn draining(streams: usize, longest: Duration) {
    told!(INFO, "draining", streams = streams, drain_s = longest.as_secs_f64());
}

pub(crate) fn hastened(streams: usize) {
    told!(WARN, "hastened", streams = streams);
}

pub(crate) fn stopped() {
    told!(INFO, "stopped");
}

/// Whether the end of a stream is told at all.
pub(crate) fn tells_ends() -> bool {
    event_enabled!(target: TARGET, Level::WARN)
}

pub(crate) fn stream_ended(ended: &Ended) {
    macro_rules! line {
        ($level:ident) => {
            told!(
                $level,
                "stream_ended",
                stream = ended.stream.as_str(),
                api = ended.api,
                model = ended.model.as_deref(),
                upstream = ended.upstream.as_deref(),
                status = ended.status,
                end = ended.end.state.as_str(),
                cause = ended.cause.or(ended.end.cause.as_deref()),
                check = ended.found.as_ref().map(|found| found.check.as_str()),
                kind = ended.found.as_ref().map(|found| found.kind.as_str()),
                action = ended.found.as_ref().map(|found| found.action.name()),
                findings = ended.findings,
                bytes = ended.bytes,
                input_tokens = ended.input,
                input_source = ended.input_source,
                output_tokens = ended.output,
                output_source = ended.output_source,
                ttft_ms = ended.ttft_ms,
                duration_ms = ended.duration_ms,
                tenant = ended.tenant.as_deref(),
                key = ended.key.as_deref(),
            )
        };
    }
    if ended.is_trouble() { line!(WARN) } else { line!(INFO) }
}

/// An upstream was asked and failed: with a status, or without an answer.
pub(crate) fn upstream_failed(stream: &str, upstream: &str, failure: Result<StatusCode, &Fault>) {
    let (status, fault) = (failure.ok().map(|status| status.as_u16()), failure.err());
    let (kind, reason) = (fault.map(|fault| fault.kind), fault.map(|fault| fault.message.as_str()));
    told!(WARN, "upstream_failed", stream = stream, upstream = upstream, status = status, kind = kind, reason = reason,);
}

pub(crate) fn upstream_retried(stream: &str, upstream: &str, wait: Duration) {
    told!(WARN, "upstream_retried", stream = stream, upstream = upstream, wait_ms = wait.as_millis() as u64);
}

pub(crate) fn failed_over(stream: &str, upstream: &str) {
    told!(WARN, "failed_over", stream = stream, upstream = upstream);
}

pub(crate) fn rerouted(stream: &str) {
    told!(WARN, "rerouted", stream = stream);
}

pub(crate) fn spliced(stream: &str, upstream: &str, why: &str) {
    told!(WARN, "spliced", stream = stream, upstream = upstream, why = why);
}

pub(crate) fn circuit_opened(upstream: &str) {
    told!(WARN, "circuit_opened", upstream = upstream);
}

pub(crate) fn circuit_closed(upstream: &str) {
    told!(INFO, "circuit_closed", upstream = upstream);
}

pub(crate) fn request_refused(status: StatusCode, kind: &str) {
    told!(WARN, "request_refused", status = status.as_u16(), kind = kind);
}

pub(crate) fn refusals_left_out(status: StatusCode, kind: &str, left_out: u64) {
    told!(WARN, "refusals_left_out", status = status.as_u16(), kind = kind, left_out = left_out);
}

pub(crate) fn store_failed(folder: &Path, reason: &str) {
    told!(WARN, "store_failed", folder = folder.to_string_lossy().as_ref(), reason = reason);
}

pub(crate) fn store_recovered(folder: &Path) {
    told!(INFO, "store_recovered", folder = folder.to_string_lossy().as_ref());
}

pub(crate) fn store_damaged(folder: &Path, bytes: u64) {
    told!(WARN, "store_damaged", folder = folder.to_string_lossy().as_ref(), bytes = bytes);
}

pub(crate) fn stream_damaged(stream: &str, lost: u64) {
    told!(WARN, "stream_damaged", stream = stream, lost = lost);
}

pub(crate) fn stream_not_stored(stream: &str, lost: u64) {
    told!(DEBUG, "stream_not_stored", stream = stream, lost = lost);
}

pub(crate) fn usage_file_failed(file: &Path, reason: &str) {
    told!(WARN, "usage_file_failed", file = file.to_string_lossy().as_ref(), reason = reason);
}

pub(crate) fn usage_file_recovered(file: &Path) {
    told!(INFO, "usage_file_recovered", file = file.to_string_lossy().as_ref());
}

pub(crate) fn moderator_failed(stream: &str, reason: &str) {
    told!(WARN, "moderator_failed", stream = stream, reason = reason);
}

pub(crate) fn moderator_recovered() {
    told!(INFO, "moderator_recovered");
}

pub(crate) fn telemetry_failed(signal: &str, reason: &str) {
    told!(WARN, "telemetry_failed", signal = signal, reason = reason);
}

pub(crate) fn telemetry_recovered(signal: &str) {
    told!(INFO, "telemetry_recovered", signal = signal);
}

pub(crate) fn viewer_let_go(stream: &str) {
    told!(DEBUG, "viewer_let_go", stream = stream);
}

pub(crate) fn lines_lost(lines: u64) {
    told!(WARN, "lines_lost", lines = lines);
}
