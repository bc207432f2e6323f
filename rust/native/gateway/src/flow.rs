//! One answer while it passes: the upstream's bytes, through the guard, to the client.

mod joining;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use midstream_stream::{Broken, Close, EndingState};
use tokio::time::{Instant, Sleep};

use crate::arrival::Added;
use crate::body::BodyError;
use crate::bom::Bom;
use crate::cause::Cause;
use crate::client::Client;
use crate::continuation::{Asking, Continuation, Why};
use crate::keepalive::Keepalive;
use crate::patience::Patience;
use crate::usage::Hidden;
use crate::watched::{Passed, Watched};

/// The body of an answer under guard.
///
/// Whoever drops it before its end, as a server does when the client is gone, closes the upstream and books the stream.
pub(crate) struct Flow {
    source: Source,
    watched: Watched,
    /// Where it may go on with a second request.
    continuation: Option<Box<Continuation>>,
    /// What is ready for the client.
    ready: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    /// What breaks the body behind the bytes that are ready.
    fault: Option<BodyError>,
    sleep: Pin<Box<Sleep>>,
    patience: Patience,
    keepalive: Option<Keepalive>,
    bom: Bom,
    /// What of the answer its client has not asked for.
    hidden: Option<Hidden>,
    added: Added,
}

/// Where the next bytes come from.
enum Source {
    /// Another answer goes on, which was asked for.
    Asking(Asking, Option<String>),
    Body(Incoming),
    /// Nothing more comes.
    Over,
    /// No more bytes come, and text waits for a verdict.
    Rest,
}

impl Flow {
    /// `keepalive` is for server-sent events alone.
    pub(crate) fn new(upstream: Incoming, watched: Watched, patience: Patience, keepalive: Option<Keepalive>) -> Self {
        Self {
            source: Source::Body(upstream),
            watched,
            continuation: None,
            ready: VecDeque::new(),
            trailers: None,
            fault: None,
            sleep: Box::pin(tokio::time::sleep_until(patience.until())),
            patience,
            keepalive,
            bom: Bom::default(),
            hidden: None,
            added: Added::default(),
        }
    }

    /// The same without the usage that its client has not asked for.
    pub(crate) fn without_usage(self, hides: bool) -> Self {
        Self { hidden: hides.then(Hidden::default), ..self }
    }

    /// Comments were sent before it.
    pub(crate) fn behind_comments(mut self, were_sent: bool) -> Self {
        if were_sent {
            self.bom.comes_behind();
        }
        self
    }

    /// It is measured how long its chunks are here.
    pub(crate) fn measured(self, added: Added) -> Self {
        Self { added, ..self }
    }

    /// Whether the provider's count of tokens has come.
    pub(crate) fn is_counted(&self) -> bool {
        self.watched.is_counted()
    }

    /// It may go on with a second request.
    pub(crate) fn with(self, continuation: Option<Box<Continuation>>) -> Self {
        Self { continuation, ..self }
    }

    /// So much of the answer passes first.
    pub(crate) fn behind(mut self, passed: Bytes) -> Self {
        self.push(passed);
        self
    }

    fn feed(&mut self, chunk: &Bytes) {
        self.added.take();
        self.read(chunk);
        if self.ready.is_empty() {
            self.added.hold();
        }
    }

    fn read(&mut self, chunk: &Bytes) {
        let read = self.continuation.as_mut().map(|continuation| continuation.read(chunk));
        match read {
            // Whole events alone are read, and what came of others is more than silence.
            Some(read) if read.is_empty() => self.patience.chunk(false),
            Some(read) => self.look(&read),
            None => self.look(chunk),
        }
    }

    fn look(&mut self, bytes: &Bytes) {
        let passed = self.watched.feed(bytes);
        self.patience.chunk(passed.is_progress);
        self.pass(passed);
    }

    fn pass(&mut self, passed: Passed) {
        self.push(passed.bytes);
        if passed.halted {
            return self.stop();
        }
        let Some(why) = passed.asks else { return };
        let is_needless = match why {
            Why::EndReasoning(_) => self.continuation.as_ref().is_some_and(|continuation| continuation.has_finished()),
            Why::Break | Why::Hint(_) => true,
            Why::Reroute => false,
        };
        if self.go_on(&why) {
            if matches!(why, Why::Hint(_)) {
                self.breaks_by("the model gave no answer to the hint".into());
            }
        } else if !is_needless {
            let halted = self.watched.halt();
            self.pass(halted);
        }
    }

    fn push(&mut self, bytes: Bytes) {
        let bytes = self.shown(bytes);
        let bytes = self.watched.pass(&bytes);
        let warnings = self.watched.warnings(&bytes);
        self.send(bytes);
        warnings.into_iter().for_each(|warning| self.send(warning));
    }

    /// What of these bytes the client asked for.
    fn shown(&mut self, bytes: Bytes) -> Bytes {
        match &mut self.hidden {
            Some(hidden) => hidden.pass(bytes, self.watched.is_told()),
            None => bytes,
        }
    }

    fn send(&mut self, bytes: Bytes) {
        let bytes = self.bom.pass(bytes);
        if bytes.is_empty() {
            return;
        }
        if let Some(keepalive) = &mut self.keepalive {
            keepalive.pass(&bytes);
        }
        self.ready.push_back(bytes);
    }

    /// A sign of life.
    fn comment(&mut self) {
        self.ready.extend(self.keepalive.as_mut().map(Keepalive::comment));
        self.bom.comes_behind();
    }

    /// The upstream is closed first, then the guard tells what is left to pass.
    fn close(&mut self, close: Close) {
        self.source = Source::Over;
        self.watched.closed();
        let rest = self.watched.finish(close);
        let rest = self.shown(rest);
        self.send(rest);
        if let Some(hidden) = &mut self.hidden {
            let rest = hidden.rest();
            self.send(rest);
        }
        let held = self.bom.rest();
        self.send(held);
    }

    /// A decision ends it; where nothing can be told inside the answer, its body breaks.
    fn stop(&mut self) {
        self.close(Close::Stopped);
        if self.watched.is_copied() || self.watched.is_cut_off() {
            self.fault = Some("stopped by midstream".into());
        }
    }

    /// The client gets its API's error if it can, and then its body breaks: no client takes it for a whole one.
    fn break_off(&mut self, close: Close, why: &str) {
        let (code, ending) = match close {
            Close::ClientLeft if self.watched.stream().cause() == Some(Cause::Draining) => {
                ("midstream_draining", EndingState::Cancelled)
            }
            Close::ClientLeft => ("midstream_cancelled", EndingState::Cancelled),
            Close::GaveUp => ("midstream_upstream_timeout", EndingState::Stalled),
            Close::Abrupt | Close::Clean | Close::Stopped => ("midstream_upstream_broke", EndingState::Truncated),
        };
        let told = self.watched.broken(&Broken { code, message: why, ending });
        self.close(close);
        self.send(told);
        self.fault = Some(why.into());
    }

    /// An operator, or the end of the gateway, ends it.
    pub(crate) fn cancel(&mut self) {
        let why = match self.watched.stream().cause() {
            Some(Cause::Draining) => "the gateway stopped",
            _ => "an operator of the gateway ended this answer",
        };
        self.break_off(Close::ClientLeft, why);
    }

    /// Whether it waits to be cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_running() && self.watched.stream().cancelled_since().is_some()
    }

    /// Its client takes nothing of it.
    pub(crate) fn give_up(&mut self) {
        self.watched.blame(Cause::SlowClient);
        self.close(Close::ClientLeft);
        self.fault = Some("the client took nothing of it".into());
    }

    /// Whether its upstream has more.
    pub(crate) fn is_running(&self) -> bool {
        !matches!(self.source, Source::Over)
    }

    /// Whether its end was told and the provider's count of tokens is yet to come.
    pub(crate) fn wants_count(&self) -> bool {
        self.watched.is_told() && !self.is_counted()
    }

    pub(crate) fn blame(&mut self, cause: Cause) {
        self.watched.blame(cause);
    }

    /// Its client, who may ask for a comment.
    pub(crate) fn let_comment(&mut self, client: &Arc<Client>) {
        if let Some(keepalive) = &mut self.keepalive {
            keepalive.ask_for(client);
        }
    }

    /// What time alone asks for; `None` where it is waited for.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let keepalive = self.keepalive.as_ref().and_then(Keepalive::due);
            let until =
                [self.watched.until(), keepalive].into_iter().flatten().fold(self.patience.until(), Instant::min);
            // The guard's clock is another one: what is due by it may be now, and never a moment that was slept until.
            if until > Instant::now() {
                self.sleep.as_mut().reset(until);
                ready!(self.sleep.as_mut().poll(cx));
            }
            if let Some((cause, what)) = self.patience.ended() {
                self.fell_silent(cause, &what);
                return Poll::Ready(());
            }
            if keepalive.is_some_and(|at| Instant::now() >= at) {
                self.comment();
                return Poll::Ready(());
            }
            let passed = self.watched.tick();
            if passed.halted || !passed.bytes.is_empty() || passed.asks.is_some() {
                self.pass(passed);
                return Poll::Ready(());
            }
        }
    }
}

impl Body for Flow {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.ready.is_empty() {
            this.added.give();
        }
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if matches!(this.source, Source::Over) {
                let trailers = this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)));
                return Poll::Ready(this.fault.take().map(Err).or(trailers));
            }
            if this.watched.poll_cancelled(cx) {
                this.cancel();
                continue;
            }
            if this.keepalive.as_mut().is_some_and(Keepalive::is_asked_for) {
                this.comment();
                continue;
            }
            if let Poll::Ready(passed) = this.watched.poll_verdict(cx) {
                this.pass(passed);
                continue;
            }
            match &mut this.source {
                Source::Asking(asking, fault) => match asking.as_mut().poll(cx) {
                    Poll::Ready(joined) => {
                        let fault = fault.take();
                        this.answered(joined, fault);
                    }
                    Poll::Pending => ready!(this.poll_time(cx)),
                },
                Source::Body(upstream) => match Pin::new(upstream).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(chunk) => this.feed(&chunk),
                        Err(frame) => {
                            let trailers = frame.into_trailers().unwrap_or_default();
                            this.trailers.get_or_insert_default().extend(trailers);
                        }
                    },
                    Poll::Ready(Some(Err(_))) => {
                        this.end(Some("the connection to the upstream broke inside its answer".to_owned()));
                    }
                    Poll::Ready(None) => this.end(None),
                    Poll::Pending => ready!(this.poll_time(cx)),
                },
                Source::Rest if this.watched.is_asking() => ready!(this.poll_time(cx)),
                Source::Over | Source::Rest => this.close(Close::Clean),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_over = matches!(self.source, Source::Over) && self.ready.is_empty();
        is_over && self.trailers.is_none() && self.fault.is_none()
    }
}
