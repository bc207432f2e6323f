//! A guard beside a body, and the stream that it tells of.

mod copy;
mod reading;
mod telling;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use midstream_series::{Span, Timestamp};
use midstream_stream::{Broken, Close, Decision, Dialect, EndingState, Error, EventKind, Finding, Forward, Guard};
use midstream_worker::Clock;
use tokio::time::Instant;

use crate::background::Background;
use crate::cause::Cause;
use crate::continuation::Why;
use crate::moderator::Verdict;
use crate::streams::Stream;
use crate::usage::{Booking, Call};

pub(crate) use self::copy::Copy;
use self::reading::Unread;
pub(crate) use self::telling::Telling;

/// A guard with those whom it tells of its stream.
pub(crate) struct Watched {
    guard: Guard,
    telling: Telling,
    clock: Arc<dyn Clock>,
    /// Given away where another route is asked.
    booking: Option<Booking>,
    /// The answer is read, so that one without text is one without tokens.
    is_read: bool,
    /// When the last chunk came.
    last: Option<Timestamp>,
    is_over: bool,
    /// When the decision to end the stream began to be made.
    stopped: Option<Timestamp>,
    cause: Option<Cause>,
    /// Its owner may ask for an answer that goes on.
    goes_on: bool,
    /// Where the guard reads what an encoded answer holds.
    copy: Option<Box<Copy>>,
    /// What its request shows of the agent that sent it.
    unread: Option<Box<Unread>>,
    background: Option<Box<Background>>,
}

/// What a decision asks the owner of a stream to do.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) bytes: Bytes,
    pub(crate) halted: bool,
    /// More than signs of life came.
    pub(crate) is_progress: bool,
    /// Why another answer is to go on, if one is.
    pub(crate) asks: Option<Why>,
}

impl Watched {
    pub(crate) fn new(guard: Guard, telling: Telling, clock: Arc<dyn Clock>, booking: Booking) -> Self {
        Self {
            is_read: guard.dialect() != Dialect::Opaque.name(),
            guard,
            telling,
            clock,
            booking: Some(booking),
            last: None,
            is_over: false,
            stopped: None,
            cause: None,
            goes_on: false,
            copy: None,
            unread: None,
            background: None,
        }
    }

    /// What is told of the answer behind `bytes` of it.
    pub(crate) fn warnings(&mut self, bytes: &[u8]) -> Vec<Bytes> {
        self.telling.warnings(bytes, self.guard.is_told())
    }

    /// Its provider goes on with the answer when its connection is closed.
    pub(crate) fn in_background(mut self, background: Option<Background>) -> Self {
        self.background = background.map(Box::new);
        self
    }

    /// Its owner may ask for an answer that goes on.
    pub(crate) fn may_go_on(mut self, goes_on: bool) -> Self {
        self.goes_on = goes_on;
        self
    }

    pub(crate) fn feed(&mut self, chunk: &Bytes) -> Passed {
        let now = self.clock.now();
        if let Some(last) = self.last.replace(now) {
            self.telling.metrics.gap(seconds(now - last));
        }
        self.booking.iter_mut().for_each(|booking| booking.read(chunk));
        let passed = match self.copy {
            Some(_) => self.take_copy(chunk),
            None => self.take(chunk, |guard, chunk, now| guard.feed(chunk, now)),
        };
        self.stopped = passed.halted.then_some(now);
        self.guard.wait(now);
        passed
    }

    pub(crate) fn tick(&mut self) -> Passed {
        self.take(&Bytes::new(), |guard, _, now| guard.tick(now))
    }

    /// Whether text waits for the moderator, or what the request shows for its check.
    pub(crate) fn is_asking(&self) -> bool {
        self.is_reading() || self.telling.is_asking()
    }

    /// What passes by the next verdict, the moderator's or that of a check beside the data path.
    pub(crate) fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        if let Poll::Ready(passed) = self.poll_reading(cx) {
            return Poll::Ready(passed);
        }
        self.telling.poll_verdict(cx).map(|(id, verdict)| {
            self.take(&Bytes::new(), |guard, _, now| match &verdict {
                Verdict::Release => guard.release(id, now),
                Verdict::Stop(reason) => guard.refuse(id, reason, now),
            })
        })
    }

    /// No more bytes come: what is left of held texts is asked for.
    pub(crate) fn ask_rest(&mut self) -> Passed {
        if !self.telling.is_moderated() {
            return Passed::default();
        }
        self.take(&Bytes::new(), |guard, _, now| guard.ask_rest(now))
    }

    /// The same where nothing has passed yet: what the end of the body decides is known before it is told.
    pub(crate) fn read_rest(&mut self) -> Passed {
        if !self.telling.is_moderated() && self.guard.redacts() {
            return Passed::default();
        }
        self.take(&Bytes::new(), |guard, _, now| guard.ask_rest(now))
    }

    /// Nothing goes on: what asked for it stops the stream.
    pub(crate) fn halt(&mut self) -> Passed {
        self.take(&Bytes::new(), |guard, _, now| guard.halt(now))
    }

    /// What books a second request.
    pub(crate) fn second(&self) -> Option<Call> {
        self.booking.as_ref().map(Booking::second)
    }

    /// Another upstream's answer goes on.
    pub(crate) fn spliced(&mut self, upstream: &str, call: Call) {
        if let Some(booking) = &mut self.booking {
            booking.goes_on(call, self.guard.used());
        }
        self.telling.stream.run(upstream);
        let event = serde_json::json!({"kind": "spliced", "upstream": upstream});
        self.telling.stream.append([event.to_string()]);
    }

    /// Tells of a call of the guard, and gives what it asks for.
    fn take(
        &mut self,
        chunk: &Bytes,
        call: impl for<'g> FnOnce(&'g mut Guard, &'g Bytes, Timestamp) -> Result<Decision<'g>, Error>,
    ) -> Passed {
        let now = self.clock.now();
        let Ok(decision) = call(&mut self.guard, chunk, now) else { return Passed::default() };
        self.telling.ask(&decision);
        let later = self.telling.tell(&decision);
        let asks = if self.goes_on { Why::of(&decision) } else { None };
        let is_progress = decision.events.iter().any(|event| !matches!(event.kind, EventKind::Ping));
        let (bytes, halted) = (forwarded(decision.forward, chunk), decision.halted);
        self.telling.tell_later(later, (bytes.len(), halted), &self.guard);
        Passed { bytes, halted, is_progress, asks }
    }

    /// Tells viewers what passes to the client; gives it with numbers, if those were asked for.
    pub(crate) fn pass(&mut self, bytes: &Bytes) -> Bytes {
        self.telling.pass(bytes)
    }

    /// Notes what ends the stream before its end.
    pub(crate) fn blame(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
    }

    /// Whether the answer's end was told.
    pub(crate) fn is_told(&self) -> bool {
        self.guard.is_told()
    }

    /// Whether it was stopped where its client could not be told.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.guard.is_cut_off()
    }

    /// Whether its tokens were counted.
    pub(crate) fn is_counted(&self) -> bool {
        self.guard.is_counted()
    }

    /// The finding that ended the stream.
    pub(crate) fn stop(&self) -> Option<&Finding> {
        self.telling.stop.as_deref()
    }

    /// The upstream was closed after a decision.
    pub(crate) fn closed(&mut self) {
        let of_guard = self.stopped.take().map(|stopped| seconds(self.clock.now() - stopped));
        let of_operator = || self.telling.stream.cancelled_since().map(|since| since.as_secs_f64());
        of_guard.or_else(of_operator).into_iter().for_each(|seconds| self.telling.metrics.cancelled(seconds));
    }

    /// The stream that it tells of.
    pub(crate) fn stream(&self) -> Arc<Stream> {
        Arc::clone(&self.telling.stream)
    }

    /// Whether an operator ended the stream; else whoever asks is woken when one does.
    pub(crate) fn poll_cancelled(&self, cx: &Context<'_>) -> bool {
        self.telling.stream.poll_cancelled(cx)
    }

    /// When the guard is to be asked again although no bytes came.
    pub(crate) fn until(&self) -> Option<Instant> {
        let now = self.clock.now();
        self.guard.tick_at().map(|at| Instant::now() + duration(at, now))
    }

    /// What tells a client that its answer breaks off, in the words of its API.
    pub(crate) fn broken(&mut self, why: &Broken<'_>) -> Bytes {
        if self.is_copied() { Bytes::new() } else { self.guard.broken(why).into() }
    }

    /// Another route is asked instead: what was read counts, and the stream goes on.
    pub(crate) fn leave(&mut self) -> Option<Booking> {
        self.is_over = true;
        let (_, summary) = self.guard.finish(Close::Stopped, self.clock.now()).ok()?;
        self.telling.left(&summary);
        let mut booking = self.booking.take()?;
        booking.leave(&summary, self.is_read);
        Some(booking)
    }

    /// Ends the stream, once; gives what is left to pass.
    pub(crate) fn finish(&mut self, close: Close) -> Bytes {
        if self.is_over {
            return Bytes::new();
        }
        self.is_over = true;
        let Ok((decision, mut summary)) = self.guard.finish(close, self.clock.now()) else { return Bytes::new() };
        let later = self.telling.tell(&decision);
        let rest = if self.copy.is_some() { Bytes::new() } else { forwarded(decision.forward, &Bytes::new()) };
        let halted = decision.halted;
        self.telling.tell_later(later, (rest.len(), halted), &self.guard);
        self.telling.over(&mut summary);
        if let Some(booking) = &mut self.booking {
            booking.end(&summary, self.is_read);
        }
        let cause = self.cause.filter(|_| summary.ending.state != EndingState::Complete);
        if let Some(background) = self.background.take() {
            self.telling.stream.goes_on(*background, &summary, cause);
        }
        self.telling.end(summary, cause, &rest)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.blame(Cause::ClientLeft);
        self.finish(Close::ClientLeft);
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
