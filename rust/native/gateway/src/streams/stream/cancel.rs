//! A way to end a stream that somebody else runs.

use std::sync::OnceLock;
use std::task::Context;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

use super::Stream;
use crate::cause::Cause;

/// Whether a stream was cancelled, and who is to see it.
#[derive(Default)]
pub(super) struct Cancel {
    at: OnceLock<Instant>,
    waker: AtomicWaker,
}

impl Stream {
    /// Ends it: its upstream is closed.
    pub(crate) fn cancel(&self) {
        let _ = self.cancel.at.set(Instant::now());
        self.cancel.waker.wake();
    }

    /// The same for a person who asks for it.
    pub(crate) fn end_by_operator(&self) {
        self.blame(Cause::Operator);
        self.cancel();
    }

    /// How long ago it was cancelled.
    pub(crate) fn cancelled_since(&self) -> Option<Duration> {
        self.cancel.at.get().map(Instant::elapsed)
    }

    /// Whether it was cancelled; else its owner is woken when it is.
    pub(crate) fn poll_cancelled(&self, cx: &Context<'_>) -> bool {
        self.cancel.waker.register(cx.waker());
        self.cancel.at.get().is_some()
    }
}
