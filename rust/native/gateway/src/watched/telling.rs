//! Who is told what a guard decides.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use midstream_stream::{Action, Decision, Finding, Guard, Summary};

use crate::cause::Cause;
use crate::frames::Frames;
use crate::metrics::Metrics;
use crate::moderation::Moderation;
use crate::moderator::{Moderator, Verdict};
use crate::norm;
use crate::streams::{MAX_FINDINGS, Stream};
use crate::warnings::Warnings;

/// Those who are told of a stream: its viewers, the metrics, and, where there are such, a moderator and a client that is
/// warned.
pub(crate) struct Telling {
    pub(super) stream: Arc<Stream>,
    pub(super) metrics: Arc<Metrics>,
    frames: Frames,
    /// What is found in text is replaced.
    redacts: bool,
    /// What ended the stream, if a decision did.
    pub(super) stop: Option<Box<Finding>>,
    /// Where text is held.
    moderation: Option<Box<Moderation>>,
    /// Where warnings are told inside the answer.
    warnings: Option<Warnings>,
}

/// Events that are told once their bytes have passed, where text is held.
pub(super) type Later = Option<Vec<norm::Told>>;

impl Telling {
    /// Of a stream under a guard, whose answer is cut into these frames.
    pub(crate) fn new(stream: &Arc<Stream>, metrics: &Arc<Metrics>, guard: &Guard, frames: Frames) -> Self {
        metrics.start(stream.meta.api);
        let (stream, metrics) = (Arc::clone(stream), Arc::clone(metrics));
        Self { stream, metrics, frames, redacts: guard.redacts(), stop: None, moderation: None, warnings: None }
    }

    /// Held text is shown to this one.
    pub(crate) fn with_moderator(mut self, moderator: Option<&Arc<Moderator>>) -> Self {
        self.moderation = moderator.map(|moderator| Box::new(Moderation::new(Arc::clone(moderator))));
        self
    }

    /// Warnings are told inside the answer.
    pub(crate) fn with_warnings(mut self, warnings: Option<Warnings>) -> Self {
        self.warnings = warnings;
        self
    }

    /// Whether a moderator is shown text.
    pub(super) fn is_moderated(&self) -> bool {
        self.moderation.is_some()
    }

    /// Whether text waits for the moderator.
    pub(super) fn is_asking(&self) -> bool {
        self.moderation.as_ref().is_some_and(|moderation| moderation.is_asking())
    }

    /// The moderator's next verdict.
    pub(super) fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<(u64, Verdict)> {
        match &mut self.moderation {
            Some(moderation) => moderation.poll_verdict(cx),
            None => Poll::Pending,
        }
    }

    /// Warns the client, and shows the moderator what is held.
    pub(super) fn ask(&mut self, decision: &Decision<'_>) {
        if let Some(warnings) = self.warnings.as_mut().filter(|_| decision.action >= Action::Warn) {
            warnings.take(decision);
        }
        if let Some(moderation) = &mut self.moderation {
            moderation.ask(&self.stream, decision);
        }
    }

    /// What the client is warned of behind `bytes` of its answer.
    pub(super) fn warnings(&mut self, bytes: &[u8], is_over: bool) -> Vec<Bytes> {
        self.warnings.as_mut().map_or_else(Vec::new, |warnings| warnings.behind(bytes, is_over))
    }

    /// Tells what a call of the guard found.
    pub(super) fn tell(&mut self, decision: &Decision<'_>) -> Later {
        if decision.halted && self.stop.is_none() {
            let finding = decision.findings.iter().find(|finding| finding.action.halts());
            self.stop = finding.cloned().map(Box::new);
        }
        self.metrics.decided(decision);
        if self.redacts {
            self.metrics.redacted(decision);
        }
        if self.moderation.is_some() {
            return Some(norm::tell_later(&self.stream, decision));
        }
        self.frames.read(norm::tell(&self.stream, decision), decision.events);
        None
    }

    /// The rest of that call, by which so many bytes pass, or which halted the stream.
    pub(super) fn tell_later(&mut self, later: Later, passed: (usize, bool), guard: &Guard) {
        if let Some((moderation, events)) = self.moderation.as_mut().zip(later) {
            moderation.tell(events, passed, guard, &self.stream);
        }
    }

    /// Tells viewers what passes to the client; gives it with numbers, if those were asked for.
    pub(super) fn pass(&mut self, bytes: &Bytes) -> Bytes {
        let passing = self.frames.pass(bytes, self.stream.last().next);
        if !passing.frames.is_empty() {
            self.stream.pass(&passing.frames);
        }
        passing.bytes
    }

    /// Another route is asked instead of the one that this summary is of.
    pub(super) fn left(&self, summary: &Summary) {
        self.metrics.left(self.stream.meta.api, summary);
    }

    /// Nothing more is decided: from the summary goes what never passed.
    pub(super) fn over(&mut self, summary: &mut Summary) {
        if let Some(moderation) = &mut self.moderation {
            moderation.end(&self.stream);
            norm::leave_out_held(summary);
        }
        self.metrics.end(self.stream.meta.api, summary);
    }

    /// Ends the stream behind the rest of its answer; gives what is left to pass.
    pub(super) fn end(&mut self, mut summary: Summary, cause: Option<Cause>, rest: &Bytes) -> Bytes {
        if let Some(cause) = cause {
            self.stream.blame(cause);
        }
        let rest = self.pass(rest);
        let held = self.frames.rest();
        summary.findings.truncate(MAX_FINDINGS);
        self.stream.end(Some(summary.to_json()));
        if held.is_empty() { rest } else { [rest, held].concat().into() }
    }
}
