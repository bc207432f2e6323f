//! Text of one stream that waits for the moderator, and what its viewers are not told meanwhile.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use midstream_stream::{Decision, Guard};

use crate::moderator::{Moderator, Verdict};
use crate::norm::Told;
use crate::streams::Stream;

/// Beside a guard that holds text.
pub(crate) struct Moderation {
    moderator: Arc<Moderator>,
    asked: FuturesUnordered<BoxFuture<'static, (u64, Verdict)>>,
    /// Events whose bytes have not passed, with where those end.
    untold: VecDeque<(u64, Vec<Told>)>,
    /// Bytes that have passed.
    passed: u64,
}

impl Moderation {
    pub(crate) fn new(moderator: Arc<Moderator>) -> Self {
        Self { moderator, asked: FuturesUnordered::new(), untold: VecDeque::new(), passed: 0 }
    }

    /// Asks for the texts of a decision.
    pub(crate) fn ask(&mut self, stream: &Stream, decision: &Decision<'_>) {
        for held in decision.held {
            let channel = decision.channels.iter().find(|(_, channel)| channel.id == held.channel);
            let kind = channel.map_or("text", |(_, channel)| channel.kind().name());
            let question = self.moderator.question(stream.meta.id.as_str(), kind, held);
            self.asked.push(Arc::clone(&self.moderator).ask(question).boxed());
        }
    }

    /// Whether a verdict is awaited.
    pub(crate) fn is_asking(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The next verdict, as it comes.
    pub(crate) fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<(u64, Verdict)> {
        match Pin::new(&mut self.asked).poll_next_unpin(cx) {
            Poll::Ready(Some(verdict)) => Poll::Ready(verdict),
            // Nothing is asked: whoever asks again polls then.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Events of a call in which so many bytes passed: they are told once theirs have. Those that wait when the stream is
    /// `halted` never are.
    pub(crate) fn tell(&mut self, events: Vec<Told>, (passed, halted): (usize, bool), guard: &Guard, stream: &Stream) {
        self.passed += passed as u64;
        if halted {
            return self.untold.push_back((u64::MAX, events));
        }
        let (_, rewritten, text) = guard.redacted();
        let end = match rewritten + text {
            0 => self.passed + guard.held_bytes() as u64,
            // They pass with bytes that are not written yet.
            _ => u64::MAX,
        };
        self.untold.push_back((end, events));
        // What comes behind bytes that wait passes no earlier.
        for (before, _) in &mut self.untold {
            *before = (*before).min(end);
        }
        while self.untold.front().is_some_and(|(end, _)| *end <= self.passed) {
            let events = self.untold.pop_front().into_iter().flat_map(|(_, events)| events);
            stream.append(events.map(|told| told.json));
        }
    }

    /// The stream is over: of what has not passed only what holds no text is told.
    pub(crate) fn end(&mut self, stream: &Stream) {
        self.asked.clear();
        let untold = std::mem::take(&mut self.untold).into_iter().flat_map(|(_, events)| events);
        stream.append(untold.filter(|told| !told.has_text).map(|told| told.json));
    }
}
