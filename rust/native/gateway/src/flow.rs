//! One answer while it passes: the upstream's bytes, through the guard, to the client.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use midstream_stream::Close;
use tokio::time::{Instant, Sleep};

use crate::body::BodyError;
use crate::watched::{Passed, Watched};

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
    idle: Duration,
    /// When the upstream is given up.
    give_up: Instant,
}

impl Flow {
    pub(crate) fn new(upstream: Incoming, watched: Watched, idle: Duration) -> Self {
        let give_up = Instant::now() + idle;
        Self {
            upstream: Some(upstream),
            watched,
            ready: VecDeque::new(),
            trailers: None,
            fault: None,
            is_flushed: false,
            sleep: Box::pin(tokio::time::sleep_until(give_up)),
            idle,
            give_up,
        }
    }

    fn feed(&mut self, chunk: &Bytes) {
        self.give_up = Instant::now() + self.idle;
        let passed = self.watched.feed(chunk);
        self.pass(passed);
    }

    fn pass(&mut self, passed: Passed) {
        self.push(passed.bytes);
        if passed.halted {
            self.close(Close::Stopped);
        }
    }

    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.ready.push_back(bytes);
        }
    }

    /// The upstream is closed first, then the guard tells what is left to pass.
    fn close(&mut self, close: Close) {
        self.upstream = None;
        let rest = self.watched.finish(close);
        self.push(rest);
    }

    /// What time alone asks for; `None` where it is waited for.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let until = self.watched.until().map_or(self.give_up, |until| until.min(self.give_up));
            if self.sleep.deadline() != until {
                self.sleep.as_mut().reset(until);
            }
            ready!(self.sleep.as_mut().poll(cx));
            if Instant::now() >= self.give_up {
                self.close(Close::GaveUp);
                self.fault = Some(format!("the upstream sent nothing for {} s", self.idle.as_secs_f64()).into());
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
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(chunk) => this.feed(&chunk),
                    Err(frame) => this.trailers = frame.into_trailers().ok(),
                },
                Poll::Ready(Some(Err(error))) => {
                    this.close(Close::Abrupt);
                    this.fault = Some(error.into());
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
