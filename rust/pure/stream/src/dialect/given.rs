//! Whether the events are of the dialect that was given: one that is wrong must not lose the text unseen.

use memchr::memmem;

use super::{Dialect, sniff};
use crate::EventKind;
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;

/// Messages that are looked at until one shows a dialect.
const MAX_MESSAGES: u32 = 64;

/// The dialect that was given, until the messages have shown whether it is right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    dialect: Dialect,
    messages: u32,
    settled: bool,
}

impl Given {
    /// A dialect that is to be told, or none, cannot be wrong.
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, messages: 0, settled: matches!(dialect, Dialect::Auto | Dialect::Opaque) }
    }

    /// Looks at a message after its dialect has read it. What that understood is right, whatever it looks like.
    pub(super) fn check(&mut self, frame: &Frame<'_>, emit: &mut Emit<'_>) {
        if self.settled || frame.kind != FrameKind::Message {
            return;
        }
        self.messages += 1;
        self.settled = self.messages == MAX_MESSAGES;
        let vague =
            |kind: &EventKind| matches!(kind, EventKind::Other { .. } | EventKind::Ping | EventKind::Start { .. });
        if self.dialect != Dialect::Text && emit.of_frame().iter().any(|event| !vague(&event.kind)) {
            // An error has one shape in many dialects, so it settles nothing.
            self.settled |= !emit.of_frame().iter().any(|event| matches!(event.kind, EventKind::Error { .. }));
            return;
        }
        let Some(seen) = sniff(frame) else { return };
        if seen == self.dialect {
            self.settled = true;
        } else if !self.may_be(seen, frame) {
            self.settled = true;
            emit.mistaken(self.dialect, seen);
        }
    }

    /// Some formats share shapes, and one frame may fit both.
    fn may_be(self, seen: Dialect, frame: &Frame<'_>) -> bool {
        let holds = |word: &str| memmem::find(frame.data.as_bytes(), word.as_bytes()).is_some();
        match (self.dialect, seen) {
            (Dialect::OpenaiChat, Dialect::OpenaiCompletions) => true,
            // A first chunk without choices.
            (Dialect::OpenaiCompletions, Dialect::OpenaiChat) => !holds("\"delta\""),
            // Over a socket both have the same events.
            (Dialect::OpenaiResponses, Dialect::OpenaiRealtime) => holds("\"response."),
            _ => false,
        }
    }
}

crate::keep::keep!(struct Given { dialect, messages, settled });
