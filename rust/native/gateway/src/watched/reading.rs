//! What a request's conversation shows, told in the stream of its answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use midstream_stream::History;

use super::{Passed, Watched};
use crate::beside::Reading;
use crate::continuation::Why;

/// A conversation that is read beside its answer.
pub(super) struct Unread {
    reading: Reading,
    /// Nothing of the answer passes before all of it is there.
    is_whole: bool,
}

impl Watched {
    /// The conversation of the request is read beside the answer, which passes piece by piece or as a whole.
    pub(crate) fn with_reading(mut self, reading: Option<Reading>, is_whole: bool) -> Self {
        self.unread = reading.map(|reading| Box::new(Unread { reading, is_whole }));
        self
    }

    /// Whether what the conversation shows may still be told. In an answer that passes it is from the first chunk on,
    /// which tells how an end of it is written.
    pub(super) fn is_reading(&self) -> bool {
        self.unread.as_ref().is_some_and(|unread| unread.is_whole || self.last.is_some())
    }

    /// What the conversation shows, once.
    pub(crate) fn poll_reading(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        let has_begun = self.last.is_some();
        let Some(unread) = self.unread.as_mut().filter(|unread| unread.is_whole || has_begun) else {
            return Poll::Pending;
        };
        let read = ready!(Pin::new(&mut unread.reading).poll(cx));
        let is_whole = unread.is_whole;
        // An answer whose end has passed cannot be stopped.
        let is_over = !is_whole && self.guard.is_told();
        self.unread = None;
        // Late and broken checks are counted where they run.
        let Some(History { findings, answered }) = read.ok().flatten() else { return Poll::Ready(Passed::default()) };
        if let Some(booking) = &mut self.booking {
            booking.answers(&answered);
        }
        if findings.is_empty() {
            return Poll::Ready(Passed::default());
        }
        let mut passed = self.take(&Bytes::new(), |guard, _, now| match is_over {
            true => guard.report_late(findings, now),
            false => guard.report(findings, now),
        });
        if self.telling.stop.is_none() {
            self.telling.stop = self.guard.stopped_by().cloned().map(Box::new);
        }
        // Nothing has passed, so that no event is half there.
        passed.halted |= is_whole && self.telling.stop.is_some();
        // A hint is for the model's next turn, and this answer is it.
        passed.asks = passed.asks.filter(|why| !is_over && *why == Why::Reroute);
        Poll::Ready(passed)
    }
}
