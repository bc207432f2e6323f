//! Answers that come in one piece: they are read to their end, so that a stop can still be told by a status.

use std::future::poll_fn;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use midstream_stream::{Close, Dialect, Finding};

use crate::body::{Body, whole};
use crate::cause::Cause;
use crate::continuation::Why;
use crate::fault::Fault;
use crate::finished::{finished, midstream};
use crate::patience::Patience;
use crate::streams::Stream;
use crate::usage::Booking;
use crate::watched::{Passed, Watched};

/// Longer ones pass piece by piece.
const MAX_WHOLE: u64 = 16 << 20;

/// Whether an answer with these headers, which somebody reads, is read to its end before it passes; `in_one_piece` where no
/// stream was asked for.
pub(crate) fn is_whole(headers: &HeaderMap, in_one_piece: bool) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_json = text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    is_json && length.map_or(in_one_piece, |length: u64| length <= MAX_WHOLE)
}

/// What comes of an answer that was read.
pub(crate) enum Outcome {
    Answer(Response<Body>),
    /// Another route is asked, as if this one had not been.
    Reroute(Box<Booking>),
}

/// How far an answer was read.
pub(crate) enum Read {
    ToItsEnd(Outcome),
    /// It is too long, and goes on piece by piece.
    InPart(Box<Part>),
}

/// An answer that is not over.
pub(crate) struct Part {
    pub(crate) head: http::response::Parts,
    pub(crate) body: Incoming,
    pub(crate) watched: Watched,
    pub(crate) patience: Patience,
    /// What passes of that which was read.
    pub(crate) passed: Bytes,
}

/// What comes while an answer is read.
enum Next {
    Chunk(Bytes),
    Decided(Passed),
}

/// An answer while it is read.
pub(crate) struct Whole<'a> {
    pub(crate) body: Incoming,
    pub(crate) watched: Watched,
    pub(crate) patience: Patience,
    pub(crate) upstream: &'a str,
    /// What a stopped answer is finished as; without it its status says so.
    pub(crate) finishes: Option<Dialect>,
}

impl Whole<'_> {
    /// Reads it under guard, and answers with what passes of it.
    pub(crate) async fn pass(mut self, mut head: http::response::Parts) -> Result<Read, Fault> {
        let (mut passed, mut read, mut length) = (BytesMut::new(), BytesMut::new(), 0);
        while let Some(next) = self.next().await? {
            let chunk = match next {
                Next::Chunk(chunk) => chunk,
                Next::Decided(decided) => {
                    self.leave_out(&decided);
                    match self.decide(decided, &mut passed, &mut read, &mut head).await? {
                        Some(outcome) => return Ok(Read::ToItsEnd(outcome)),
                        None => continue,
                    }
                }
            };
            length += chunk.len() as u64;
            if self.finishes.is_some() {
                read.extend_from_slice(&chunk);
            }
            let decided = self.watched.feed(&chunk);
            if let Some(outcome) = self.decide(decided, &mut passed, &mut read, &mut head).await? {
                return Ok(Read::ToItsEnd(outcome));
            }
            if length > MAX_WHOLE {
                let Self { body, watched, patience, .. } = self;
                return Ok(Read::InPart(Box::new(Part { head, body, watched, patience, passed: passed.freeze() })));
            }
        }
        self.end(head, passed, read).await.map(Read::ToItsEnd)
    }

    /// All of it was read.
    async fn end(
        mut self,
        mut head: http::response::Parts,
        mut passed: BytesMut,
        mut read: BytesMut,
    ) -> Result<Outcome, Fault> {
        let decided = self.watched.read_rest();
        if let Some(outcome) = self.decide(decided, &mut passed, &mut read, &mut head).await? {
            return Ok(outcome);
        }
        while self.watched.is_asking() {
            let decided = self.verdict().await?;
            self.leave_out(&decided);
            if let Some(outcome) = self.decide(decided, &mut passed, &mut read, &mut head).await? {
                return Ok(outcome);
            }
        }
        // Viewers see it before the end; what the end passes they are told with it.
        let passed = self.watched.pass(&passed.freeze());
        let rest = self.watched.finish(Close::Clean);
        if self.watched.stop().is_some() {
            return self.stopped(read, head).map(Outcome::Answer);
        }
        let body = if rest.is_empty() { passed } else { [passed, rest].concat().into() };
        Ok(Outcome::Answer(answer(head, body)))
    }

    /// What was decided beside it stops all of it, and nothing is finished.
    fn leave_out(&mut self, decided: &Passed) {
        if decided.halted {
            self.finishes = None;
        }
    }

    /// What a decision makes of it, if it is over with that.
    async fn decide(
        &mut self,
        decided: Passed,
        passed: &mut BytesMut,
        read: &mut BytesMut,
        head: &mut http::response::Parts,
    ) -> Result<Option<Outcome>, Fault> {
        passed.extend_from_slice(&decided.bytes);
        if decided.asks == Some(Why::Reroute)
            && let Some(booking) = self.watched.leave()
        {
            return Ok(Some(Outcome::Reroute(Box::new(booking))));
        }
        if !decided.halted {
            return Ok(None);
        }
        while self.finishes.is_some() {
            match self.next().await? {
                Some(Next::Chunk(chunk)) => read.extend_from_slice(&chunk),
                Some(Next::Decided(_)) => {}
                None => break,
            }
        }
        self.watched.finish(Close::Stopped);
        self.stopped(std::mem::take(read), head.clone()).map(|answer| Some(Outcome::Answer(answer)))
    }

    fn stopped(&self, read: BytesMut, head: http::response::Parts) -> Result<Response<Body>, Fault> {
        let stop = self.watched.stop();
        let finished = self.finishes.zip(stop).and_then(|(dialect, stop)| finished(dialect, &read, stop));
        match finished {
            Some(body) => Ok(answer(head, body.into())),
            None => Err(Fault::stopped(stop)),
        }
    }

    /// The next bytes, or what is decided beside them; `None` at the end.
    async fn next(&mut self) -> Result<Option<Next>, Fault> {
        let stream = self.watched.stream();
        loop {
            let next = tokio::select! {
                next = tokio::time::timeout_at(self.patience.until(), self.body.frame()) => next,
                decided = poll_fn(|cx| self.watched.poll_reading(cx)) => return Ok(Some(Next::Decided(decided))),
                fault = cancelled(&stream) => {
                    self.watched.finish(Close::ClientLeft);
                    return Err(fault);
                }
            };
            match next {
                Err(_) => {
                    let Some((cause, what)) = self.patience.ended() else { continue };
                    self.watched.blame(cause);
                    self.watched.finish(Close::GaveUp);
                    return Err(Fault::given_up(self.upstream, &what));
                }
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => {
                    self.watched.finish(Close::Abrupt);
                    let why = "the connection broke inside the answer";
                    return Err(Fault { kind: "midstream_upstream_broke", ..Fault::unreachable(self.upstream, why) });
                }
                Ok(Some(Ok(frame))) => {
                    // An answer in one piece tells nothing before it is whole.
                    self.patience.chunk(true);
                    return Ok(Some(Next::Chunk(frame.into_data().unwrap_or_else(|_| Bytes::new()))));
                }
            }
        }
    }

    async fn verdict(&mut self) -> Result<Passed, Fault> {
        let stream = self.watched.stream();
        tokio::select! {
            decided = poll_fn(|cx| self.watched.poll_verdict(cx)) => Ok(decided),
            fault = cancelled(&stream) => {
                self.watched.finish(Close::ClientLeft);
                Err(fault)
            }
        }
    }
}

/// Waits until a stream is cancelled; gives what its client is told.
pub(crate) async fn cancelled(stream: &Stream) -> Fault {
    poll_fn(|cx| if stream.poll_cancelled(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    if stream.cause() == Some(Cause::Draining) { Fault::draining() } else { Fault::cancelled() }
}

fn answer(mut head: http::response::Parts, body: Bytes) -> Response<Body> {
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    Response::from_parts(head, whole(body))
}

impl Fault {
    /// A guard's decision ended the answer.
    fn stopped(stop: Option<&Finding>) -> Self {
        let message = match stop {
            Some(stop) => format!("stopped by midstream: {}/{}", stop.check, stop.kind),
            None => "stopped by midstream".to_owned(),
        };
        let fault = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "midstream_stopped", message);
        Self { midstream: stop.map(midstream), ..fault }
    }

    /// An operator ended the stream.
    fn cancelled() -> Self {
        Self::new(StatusCode::CONFLICT, "midstream_cancelled", "an operator of the gateway ended this answer")
    }
}
