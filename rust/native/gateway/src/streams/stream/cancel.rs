//! A way to end a stream that somebody else runs.

use std::sync::OnceLock;
use std::task::Context;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use midstream_stream::{EndingState, Summary};

use super::Stream;
use crate::background::Background;
use crate::cause::Cause;

/// Whether a stream was cancelled, and who is to see it.
#[derive(Default)]
pub(super) struct Cancel {
    at: OnceLock<Instant>,
    waker: AtomicWaker,
    /// Where its provider goes on with the answer when it is closed.
    background: OnceLock<Background>,
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
        if let Some(background) = self.cancel.background.get() {
            background.cancel();
        }
    }

    /// Its provider may go on with the answer that ends so: a decision, an operator and the end of the time for all of it
    /// cancel it there, and clients that leave do not, since they may come back for it.
    pub(crate) fn goes_on(&self, background: Background, summary: &Summary, cause: Option<Cause>) {
        let state = summary.ending.state;
        let Some(background) = background.known_as(summary.id.as_deref()) else { return };
        if matches!(state, EndingState::Complete | EndingState::Failed) {
            return;
        }
        let background = self.cancel.background.get_or_init(|| background);
        let is_cancelled = matches!(self.cause().or(cause), Some(Cause::Operator | Cause::Total));
        if is_cancelled || state == EndingState::Halted {
            background.cancel();
        }
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
