//! One answer while it passes: the upstream's bytes, through the guard, to the client.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use midstream_stream::Close;
use tokio::time::{Instant, Sleep};

use crate::body::BodyError;
use crate::cause::Cause;
use crate::client::Client;
use crate::patience::Patience;
use crate::usage::{Hidden, drained};
use crate::watched::{Passed, Watched};

/// What server-sent events may hold between two of them.
const COMMENT: &[u8] = b": keepalive\n\n";

/// The body of an answer under guard.
///
/// Whoever drops it before its end, as a server does when the client is gone, closes the upstream and books the stream.
pub(crate) struct Flow {
    upstream: Option<Incoming>,
    watched: Watched,
    /// What is ready for the client.
    ready: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    /// What breaks the body behind the bytes that are ready.
    fault: Option<BodyError>,
    /// Those bytes had a turn to leave: a server that sees a body break writes nothing more of it.
    is_flushed: bool,
    sleep: Pin<Box<Sleep>>,
    patience: Patience,
    keepalive: Option<Keepalive>,
    /// What of the answer its client has not asked for.
    hidden: Option<Hidden>,
}

/// Comments between the events of a body that is silent.
struct Keepalive {
    every: Duration,
    at: Instant,
    /// The client has whole events.
    is_between: bool,
    client: Option<Arc<Client>>,
}

impl Flow {
    /// `keepalive` is for server-sent events alone.
    pub(crate) fn new(upstream: Incoming, watched: Watched, patience: Patience, keepalive: Option<Duration>) -> Self {
        let now = Instant::now();
        Self {
            upstream: Some(upstream),
            watched,
            ready: VecDeque::new(),
            trailers: None,
            fault: None,
            is_flushed: false,
            sleep: Box::pin(tokio::time::sleep_until(patience.until())),
            patience,
            keepalive: keepalive.map(|every| Keepalive { every, at: now + every, is_between: true, client: None }),
            hidden: None,
        }
    }

    /// The same without the usage that its client has not asked for.
    pub(crate) fn without_usage(self, hides: bool) -> Self {
        Self { hidden: hides.then(Hidden::default), ..self }
    }

    /// Whether the provider's count of tokens has come.
    pub(crate) fn is_counted(&self) -> bool {
        self.watched.is_counted()
    }

    fn feed(&mut self, chunk: &Bytes) {
        let passed = self.watched.feed(chunk);
        self.patience.chunk(passed.is_progress);
        self.pass(passed);
    }

    fn pass(&mut self, passed: Passed) {
        self.push(passed.bytes);
        if passed.halted {
            self.close(Close::Stopped);
        }
    }

    fn push(&mut self, bytes: Bytes) {
        let bytes = match &mut self.hidden {
            Some(hidden) => hidden.pass(bytes, self.watched.is_told()),
            None => bytes,
        };
        self.send(bytes);
    }

    fn send(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        if let Some(keepalive) = &mut self.keepalive {
            keepalive.pass(&bytes);
        }
        self.ready.push_back(bytes);
    }

    /// The upstream is closed first, then the guard tells what is left to pass.
    fn close(&mut self, close: Close) {
        self.upstream = None;
        self.watched.closed();
        let rest = self.watched.finish(close);
        self.push(rest);
        if let Some(hidden) = &mut self.hidden {
            let rest = hidden.rest();
            self.send(rest);
        }
    }

    /// The client gets its API's error if it can, and then its body breaks: no client takes it for a whole one.
    fn break_off(&mut self, close: Close, why: &str) {
        let told = self.watched.broken(why);
        self.close(close);
        self.send(told);
        self.fault = Some(why.into());
    }

    /// What time alone asks for; `None` where it is waited for.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let keepalive = self.keepalive.as_ref().and_then(Keepalive::due);
            let until =
                [self.watched.until(), keepalive].into_iter().flatten().fold(self.patience.until(), Instant::min);
            if self.sleep.deadline() != until {
                self.sleep.as_mut().reset(until);
            }
            ready!(self.sleep.as_mut().poll(cx));
            if let Some((cause, what)) = self.patience.ended() {
                self.watched.blame(cause);
                self.break_off(Close::GaveUp, &format!("the upstream {what}"));
                return Poll::Ready(());
            }
            if keepalive.is_some_and(|at| Instant::now() >= at) {
                self.send(Bytes::from_static(COMMENT));
                return Poll::Ready(());
            }
            let passed = self.watched.tick();
            if passed.halted || !passed.bytes.is_empty() {
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
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let Some(upstream) = this.upstream.as_mut() else {
                if this.fault.is_some() && !std::mem::replace(&mut this.is_flushed, true) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let trailers = this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)));
                return Poll::Ready(this.fault.take().map(Err).or(trailers));
            };
            if this.watched.poll_cancelled(cx) {
                this.close(Close::ClientLeft);
                this.fault = Some("the stream was cancelled".into());
                continue;
            }
            if this.keepalive.as_mut().is_some_and(Keepalive::is_asked_for) {
                this.send(Bytes::from_static(COMMENT));
                continue;
            }
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(chunk) => this.feed(&chunk),
                    Err(frame) => this.trailers = frame.into_trailers().ok(),
                },
                Poll::Ready(Some(Err(_))) => {
                    this.break_off(Close::Abrupt, "the connection to the upstream broke inside its answer");
                }
                Poll::Ready(None) => this.close(Close::Clean),
                Poll::Pending => ready!(this.poll_time(cx)),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_over = self.upstream.is_none() && self.ready.is_empty();
        is_over && self.trailers.is_none() && self.fault.is_none()
    }
}

impl Keepalive {
    /// Bytes leave for the client.
    fn pass(&mut self, bytes: &[u8]) {
        self.at = Instant::now() + self.every;
        self.is_between = [&b"\n\n"[..], b"\r\r", b"\r\n\r\n"].iter().any(|end| bytes.ends_with(end));
    }

    /// Whether its socket asks for a comment, and one may be sent.
    fn is_asked_for(&mut self) -> bool {
        let asks = |client: &&Arc<Client>| client.wants_comment();
        let Some(client) = self.client.as_ref().filter(asks).filter(|_| self.is_between) else { return false };
        client.commented();
        true
    }

    /// When a comment is to be sent: never inside an event.
    fn due(&self) -> Option<Instant> {
        self.is_between.then_some(self.at)
    }
}

/// What a server sends: where its client leaves, the answer ends, or goes on for those who view it.
pub(crate) struct Sent {
    flow: Option<Flow>,
    goes_on: bool,
    client: Option<Arc<Client>>,
    /// How long the provider's count of tokens is waited for where the client left behind the answer's end.
    wait: Duration,
}

impl Sent {
    pub(crate) fn new(mut flow: Flow, goes_on: bool, client: Option<Arc<Client>>, wait: Duration) -> Self {
        if let (Some(keepalive), Some(client)) = (&mut flow.keepalive, &client) {
            client.let_comment();
            keepalive.client = Some(Arc::clone(client));
        }
        Self { flow: Some(flow), goes_on, client, wait }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.flow {
            Some(flow) => Pin::new(flow).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.flow.as_ref().is_none_or(Flow::is_end_stream)
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        let Some(mut flow) = self.flow.take().filter(|flow| flow.upstream.is_some()) else { return };
        if !self.goes_on {
            if self.client.as_ref().is_some_and(|client| client.is_slow()) {
                flow.watched.blame(Cause::SlowClient);
            }
            if flow.watched.is_told() && !flow.is_counted() && !self.wait.is_zero() {
                tokio::spawn(drained(flow, self.wait));
            }
            return;
        }
        tokio::spawn(async move { while poll_fn(|cx| Pin::new(&mut flow).poll_frame(cx)).await.is_some() {} });
    }
}
