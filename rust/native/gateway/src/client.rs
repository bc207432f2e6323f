//! A client's connection, as those who answer on it know it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// What the socket tells those who answer, and they it.
#[derive(Default)]
pub(crate) struct Client {
    has_asked: AtomicBool,
    asked: Notify,
    writes_no_more: Notify,
    is_slow: AtomicBool,
    is_viewer: AtomicBool,
    is_one_too_many: bool,
    /// An answer passes, or is waited for, by HTTP/1.1.
    is_answering: AtomicBool,
    /// What passes may hold a comment between its events.
    may_comment: AtomicBool,
    wants_comment: AtomicBool,
}

impl Client {
    pub(crate) fn new(is_one_too_many: bool) -> Self {
        Self { is_one_too_many, ..Self::default() }
    }

    /// The gateway has as many connections as it may have without this one.
    pub(crate) fn is_one_too_many(&self) -> bool {
        self.is_one_too_many
    }

    /// The head of a request is there.
    pub(crate) fn ask(&self, version: Version) {
        self.is_answering.store(version == Version::HTTP_11, Ordering::Relaxed);
        if !self.has_asked.swap(true, Ordering::Relaxed) {
            self.asked.notify_one();
        }
    }

    /// Whether the last request of HTTP/1.1 has not been answered to its end.
    pub(crate) fn is_answering(&self) -> bool {
        self.is_answering.load(Ordering::Relaxed)
    }

    /// From now on a comment may be sent between the events of the answer.
    pub(crate) fn let_comment(&self) {
        self.may_comment.store(true, Ordering::Relaxed);
    }

    /// Asks for a comment; false where there is no place for one.
    pub(crate) fn ask_for_comment(&self) -> bool {
        let may = self.may_comment.load(Ordering::Relaxed);
        self.wants_comment.store(may, Ordering::Relaxed);
        may
    }

    pub(crate) fn wants_comment(&self) -> bool {
        self.wants_comment.load(Ordering::Relaxed)
    }

    /// The comment that was asked for is on its way.
    pub(crate) fn commented(&self) {
        self.wants_comment.store(false, Ordering::Relaxed);
    }

    /// Waits for the first request.
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// The client has closed its side, and may still read.
    pub(crate) fn stop_writing(&self) {
        self.writes_no_more.notify_one();
    }

    /// Waits until it has.
    pub(crate) async fn writes_no_more(&self) {
        self.writes_no_more.notified().await;
    }

    /// The client looks on at a stream of somebody else's: it can come back, and is waited for less.
    pub(crate) fn looks_on(&self) {
        self.is_viewer.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_viewer(&self) -> bool {
        self.is_viewer.load(Ordering::Relaxed)
    }

    /// The client does not take what was written for it.
    pub(crate) fn slow(&self) {
        self.is_slow.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }
}

/// The body of an answer, at whose end its client is not answered any more.
pub(crate) struct Answer {
    body: axum::body::Body,
    client: Arc<Client>,
}

impl Answer {
    pub(crate) fn new(body: axum::body::Body, client: Arc<Client>) -> Self {
        Self { body, client }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.client.is_answering.store(false, Ordering::Relaxed);
        self.client.may_comment.store(false, Ordering::Relaxed);
    }
}
