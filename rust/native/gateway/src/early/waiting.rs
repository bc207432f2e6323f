//! The body behind a head that was sent early.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use crate::body::{Body, BodyError};
use crate::keepalive::Keepalive;

/// What comes after the comments.
pub(super) enum Coming {
    /// The body of an answer, and what was to stand in its head.
    Answer(Body, HeaderMap),
    /// The event that tells of a refusal.
    Refusal(Bytes),
}

/// Comments until it is known what comes, and that then.
///
/// What is waited for is a task of its own, so that its deadlines hold also where the client takes nothing; whoever drops
/// this ends it.
pub(super) struct Waiting {
    coming: JoinSet<Coming>,
    keepalive: Keepalive,
    sleep: Pin<Box<Sleep>>,
    came: Option<Came>,
}

/// What follows the comments.
enum Came {
    Answer(Body, HeaderMap),
    /// A break, so that no client takes what was told for a whole answer.
    Nothing,
}

impl Waiting {
    pub(super) fn new(coming: impl Future<Output = Coming> + Send + 'static, keepalive: Keepalive) -> Self {
        let mut tasks = JoinSet::new();
        tasks.spawn(coming);
        // The head leaves because of a silence: the first comment goes with it.
        Self { coming: tasks, keepalive, sleep: Box::pin(tokio::time::sleep_until(Instant::now())), came: None }
    }

    /// A comment, once it is time for one.
    fn poll_comment(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        if !self.keepalive.is_asked_for() {
            ready!(self.sleep.as_mut().poll(cx));
        }
        let comment = self.keepalive.comment();
        if let Some(at) = self.keepalive.due() {
            self.sleep.as_mut().reset(at);
        }
        Poll::Ready(comment)
    }
}

impl http_body::Body for Waiting {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            match &mut this.came {
                Some(Came::Answer(body, givers)) => return poll_answer(body, givers, cx),
                Some(Came::Nothing) => return Poll::Ready(Some(Err("no answer came".into()))),
                None => {}
            }
            match this.coming.poll_join_next(cx) {
                Poll::Ready(Some(Ok(Coming::Answer(body, givers)))) => this.came = Some(Came::Answer(body, givers)),
                Poll::Ready(Some(Ok(Coming::Refusal(told)))) => {
                    this.came = Some(Came::Nothing);
                    return Poll::Ready(Some(Ok(Frame::data(told))));
                }
                // Whatever it panicked at, its stream is booked.
                Poll::Ready(Some(Err(_)) | None) => this.came = Some(Came::Nothing),
                Poll::Pending => return this.poll_comment(cx).map(|comment| Some(Ok(Frame::data(comment)))),
            }
        }
    }
}

/// What comes of an answer, whose givers are named at its end.
fn poll_answer(
    body: &mut Body,
    givers: &mut HeaderMap,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    let polled = ready!(http_body::Body::poll_frame(Pin::new(body), cx));
    let trailers = match polled {
        Some(Ok(frame)) => match frame.into_trailers() {
            Ok(trailers) => trailers,
            Err(frame) => return Poll::Ready(Some(Ok(frame))),
        },
        None => HeaderMap::new(),
        Some(Err(error)) => return Poll::Ready(Some(Err(error))),
    };
    let mut all = std::mem::take(givers);
    all.extend(trailers);
    Poll::Ready((!all.is_empty()).then(|| Ok(Frame::trailers(all))))
}
