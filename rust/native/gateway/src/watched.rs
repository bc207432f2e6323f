//! A guard beside a body, and the stream that it tells of.

use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use midstream_series::{Span, Timestamp};
use midstream_stream::{Close, Decision, Dialect, EndingState, EventKind, Forward, Guard};
use midstream_worker::Clock;
use tokio::time::Instant;

use crate::cause::Cause;
use crate::metrics::Metrics;
use crate::norm;
use crate::streams::Stream;
use crate::usage::Booking;

/// A guard with the stream that it tells of.
pub(crate) struct Watched {
    guard: Guard,
    clock: Arc<dyn Clock>,
    stream: Arc<Stream>,
    metrics: Arc<Metrics>,
    booking: Booking,
    /// The answer is read, so that one without text is one without tokens.
    is_read: bool,
    /// When the last chunk came.
    last: Option<Timestamp>,
    is_over: bool,
    /// What ended the stream, if a decision did: the check and what of it.
    stop: Option<String>,
    /// When the decision to end the stream began to be made.
    stopped: Option<Timestamp>,
    cause: Option<Cause>,
}

/// What a decision asks the owner of a stream to do.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) bytes: Bytes,
    pub(crate) halted: bool,
    /// More than signs of life came.
    pub(crate) is_progress: bool,
}

impl Watched {
    pub(crate) fn new(
        guard: Guard,
        clock: Arc<dyn Clock>,
        stream: Arc<Stream>,
        metrics: Arc<Metrics>,
        booking: Booking,
    ) -> Self {
        metrics.start(stream.meta.api);
        let is_read = guard.dialect() != Dialect::Opaque.name();
        let (stop, stopped, cause) = (None, None, None);
        Self { guard, clock, stream, metrics, booking, is_read, last: None, is_over: false, stop, stopped, cause }
    }

    pub(crate) fn feed(&mut self, chunk: &Bytes) -> Passed {
        let now = self.clock.now();
        let gap = self.last.replace(now).map(|last| seconds(now - last));
        match self.guard.feed(chunk, now) {
            Ok(decision) => {
                norm::tell(&self.stream, &decision);
                note_stop(&mut self.stop, &decision);
                self.metrics.decided(&decision);
                self.metrics.chunk(gap, seconds(self.clock.now() - now));
                let is_progress = decision.events.iter().any(|event| !matches!(event.kind, EventKind::Ping));
                let bytes = forwarded(decision.forward, chunk);
                let passed = Passed { bytes, halted: decision.halted, is_progress };
                self.stopped = passed.halted.then_some(now);
                self.guard.wait(now);
                passed
            }
            Err(_) => Passed::default(),
        }
    }

    pub(crate) fn tick(&mut self) -> Passed {
        match self.guard.tick(self.clock.now()) {
            Ok(decision) => {
                norm::tell(&self.stream, &decision);
                note_stop(&mut self.stop, &decision);
                self.metrics.decided(&decision);
                let bytes = forwarded(decision.forward, &Bytes::new());
                Passed { bytes, halted: decision.halted, is_progress: false }
            }
            Err(_) => Passed::default(),
        }
    }

    /// Notes what ends the stream before its end.
    pub(crate) fn blame(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
    }

    /// Whether the answer's end was told.
    pub(crate) fn is_told(&self) -> bool {
        self.guard.is_told()
    }

    /// Whether its tokens were counted.
    pub(crate) fn is_counted(&self) -> bool {
        self.guard.is_counted()
    }

    /// The check whose finding ended the stream, and what of it.
    pub(crate) fn stop(&self) -> Option<&str> {
        self.stop.as_deref()
    }

    /// The upstream was closed after a decision.
    pub(crate) fn closed(&mut self) {
        let of_guard = self.stopped.take().map(|stopped| seconds(self.clock.now() - stopped));
        let of_operator = || self.stream.cancelled_since().map(|since| since.as_secs_f64());
        of_guard.or_else(of_operator).into_iter().for_each(|seconds| self.metrics.cancelled(seconds));
    }

    /// The stream that it tells of.
    pub(crate) fn stream(&self) -> Arc<Stream> {
        Arc::clone(&self.stream)
    }

    /// Whether an operator ended the stream; else whoever asks is woken when one does.
    pub(crate) fn poll_cancelled(&self, cx: &Context<'_>) -> bool {
        self.stream.poll_cancelled(cx)
    }

    /// When the guard is to be asked again although no bytes came.
    pub(crate) fn until(&self) -> Option<Instant> {
        let now = self.clock.now();
        self.guard.tick_at().map(|at| Instant::now() + duration(at, now))
    }

    /// What tells a client that its answer breaks off, in the words of its API.
    pub(crate) fn broken(&mut self, why: &str) -> Bytes {
        self.guard.broken(why).into()
    }

    /// Ends the stream, once; gives what is left to pass.
    pub(crate) fn finish(&mut self, close: Close) -> Bytes {
        if self.is_over {
            return Bytes::new();
        }
        self.is_over = true;
        let Ok((decision, summary)) = self.guard.finish(close, self.clock.now()) else { return Bytes::new() };
        norm::tell(&self.stream, &decision);
        note_stop(&mut self.stop, &decision);
        self.metrics.decided(&decision);
        let rest = forwarded(decision.forward, &Bytes::new());
        self.metrics.end(self.stream.meta.api, &summary);
        self.booking.end(&summary, self.is_read);
        if let Some(cause) = self.cause.filter(|_| summary.ending.state != EndingState::Complete) {
            self.stream.blame(cause);
        }
        self.stream.end(Some(summary.to_json()));
        rest
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.blame(Cause::ClientLeft);
        self.finish(Close::ClientLeft);
    }
}

fn note_stop(stop: &mut Option<String>, decision: &Decision<'_>) {
    if decision.halted && stop.is_none() {
        let finding = decision.findings.iter().find(|finding| finding.action.halts());
        *stop = finding.map(|finding| format!("{}/{}", finding.check, finding.kind));
    }
}

fn seconds(span: Span) -> f64 {
    span.as_nanos() as f64 / 1e9
}

fn duration(at: Timestamp, now: Timestamp) -> Duration {
    let span: Span = at - now;
    Duration::from_nanos(u64::try_from(span.as_nanos()).unwrap_or_default())
}

fn forwarded(forward: Forward<'_>, chunk: &Bytes) -> Bytes {
    match forward {
        Forward::Same => chunk.clone(),
        Forward::Nothing => Bytes::new(),
        Forward::Bytes(bytes) if chunk_holds(chunk, bytes) => chunk.slice_ref(bytes),
        Forward::Bytes(bytes) => Bytes::copy_from_slice(bytes),
    }
}

/// Whether `part` lies inside the chunk itself.
fn chunk_holds(chunk: &Bytes, part: &[u8]) -> bool {
    let (chunk, part) = (chunk.as_ptr_range(), part.as_ptr_range());
    chunk.start <= part.start && part.end <= chunk.end
}
