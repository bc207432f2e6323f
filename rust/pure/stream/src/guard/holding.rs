//! Text that waits for the caller's check, between the passage and what passes.

use midstream_series::Timestamp;

use super::Guard;
use crate::emit::Known;
use crate::hold::{Held, Hold, Verdict};
use crate::{Action, ChannelKind, Close, Decision, End, Error, EventKind, Events, Finding, Forward, Settings};

/// What holding takes of the events that were read since the last time. Where bytes are text, the first stand at the
/// call's byte `at`.
pub(super) fn read(hold: &mut Hold, known: &mut Known, events: &Events, mut at: Option<usize>, now: Timestamp) {
    let ended = known.text_ends.as_mut().map(std::mem::take).unwrap_or_default();
    let mut ended = ended.into_iter().peekable();
    for (place, event) in events.list.iter().enumerate().skip(hold.take_read(events.list.len())) {
        while let Some((_, index)) = ended.next_if(|(before, _)| *before <= place) {
            hold.end(|channel| channel == index, now);
        }
        let text = event.kind.checked_text();
        if text.is_none() && !matches!(event.kind, EventKind::ToolStart { .. }) {
            continue;
        }
        let Some((index, channel)) = event.channel.and_then(|index| Some((index, known.channels.get(index)?))) else {
            continue;
        };
        let text = text.map_or("", |text| events.text(text));
        hold.text((index, channel), known.tools.name(index), text, at, now);
        at = at.map(|at| at + text.len());
    }
    for (_, index) in ended {
        hold.end(|channel| channel == index, now);
    }
}

/// What would pass without holding.
pub(super) enum HeldBack {
    /// The chunk itself.
    Chunk,
    Bytes(Vec<u8>),
}

impl HeldBack {
    pub(super) fn of(forward: Forward<'_>, chunk: &[u8]) -> Self {
        match forward {
            Forward::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Forward::Nothing => Self::Bytes(Vec::new()),
            Forward::Same if chunk.is_empty() => Self::Bytes(Vec::new()),
            Forward::Same => Self::Chunk,
        }
    }
}

impl Guard {
    /// The caller's check lets a text pass.
    ///
    /// # Errors
    /// [`Error::Setting`] for the id of a text that does not wait; [`Error::Finished`] after [`Guard::finish`].
    pub fn release(&mut self, id: u64, now: Timestamp) -> Result<Decision<'_>, Error> {
        self.judge(id, Verdict::Pass, now)
    }

    /// The caller's check refuses a text: the stream is stopped, and what waits passes no more.
    ///
    /// # Errors
    /// As [`Guard::release`].
    pub fn refuse(&mut self, id: u64, reason: &str, now: Timestamp) -> Result<Decision<'_>, Error> {
        self.judge(id, Verdict::Refuse(reason), now)
    }

    fn judge(&mut self, id: u64, verdict: Verdict<'_>, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.begin(now)?;
        if self.hold.is_none() {
            return Err(not_held(id));
        }
        if !self.checks.is_halted() {
            self.caught(|guard| guard.settle_verdict(id, verdict, now)).transpose()?;
            self.stop_blind();
        }
        Ok(self.decision_of_hold())
    }

    fn settle_verdict(&mut self, id: u64, verdict: Verdict<'_>, now: Timestamp) -> Result<(), Error> {
        #[cfg(test)]
        self.checks.broken.at(crate::checks::broken::Broken::Verdict);
        let Some(hold) = &mut self.hold else { return Ok(()) };
        let finding = hold.judge(id, verdict, now)?;
        finding.into_iter().for_each(|finding| self.checks.tell(finding));
        Ok(())
    }

    /// No more bytes come: texts end, and what is left of them is asked for. [`Guard::finish`] comes once the caller's check
    /// is done; text that waits then never passes.
    ///
    /// # Errors
    /// [`Error::Finished`] after [`Guard::finish`].
    pub fn ask_rest(&mut self, now: Timestamp) -> Result<Decision<'_>, Error> {
        let now = self.begin(now)?;
        let passed = self.drain(Close::Clean, now);
        self.drained = true;
        self.stop_blind();
        let held = HeldBack::of(self.rest(passed), &[]);
        self.mark_all(&held);
        self.hold_back(&held, &[]);
        Ok(self.decide(self.held_forward(&held, &[])))
    }

    /// The texts that were asked for and wait for their verdict: what a restored guard's owner asks for again.
    pub fn waiting(&self) -> impl Iterator<Item = &Held> {
        self.hold.iter().flat_map(|hold| hold.waiting())
    }

    /// Whether text waits for the caller's check.
    pub fn holds(&self) -> bool {
        self.hold.is_some()
    }

    /// Bytes that wait for the caller's check.
    pub fn held_bytes(&self) -> usize {
        self.hold.as_ref().map_or(0, |hold| hold.held_bytes())
    }

    /// Text of answers or of reasoning that the caller's check let pass; `None` where that kind does not wait.
    pub fn passed_text(&self, kind: ChannelKind) -> Option<&str> {
        self.hold.as_ref().filter(|hold| !hold.is_dry())?.passed_text(kind)
    }

    pub(super) fn begin(&mut self, now: Timestamp) -> Result<Timestamp, Error> {
        if let Some(hold) = &mut self.hold {
            hold.begin();
        }
        self.checks.begin(now)
    }

    /// The decision of a call, with the texts that it asks for.
    pub(super) fn decided<'a>(&'a self, forward: Forward<'a>, tick_at: Option<Timestamp>) -> Decision<'a> {
        let decision = self.checks.decision_until(forward, tick_at);
        let Some(hold) = &self.hold else { return decision };
        let waits = hold.waits() && !hold.is_dry();
        let action = if waits { decision.action.max(Action::Hold) } else { decision.action };
        Decision { action, held: hold.asked(), ..decision }
    }

    /// Looks at texts whose check takes too long.
    pub(super) fn look_at_held(&mut self, now: Timestamp) {
        let mut findings = Vec::new();
        if let Some(hold) = self.hold.as_mut().filter(|_| !self.checks.is_halted()) {
            hold.tick(now, &mut findings);
        }
        findings.into_iter().for_each(|finding| self.checks.tell(finding));
        self.drop_after_stop();
    }

    /// What verdicts let pass in this call.
    pub(super) fn released(&self) -> Forward<'_> {
        match &self.hold {
            Some(hold) if !hold.out().is_empty() => Forward::Bytes(hold.out()),
            _ => Forward::Nothing,
        }
    }

    /// Puts what would pass behind what waits.
    pub(super) fn hold_back(&mut self, held: &HeldBack, chunk: &[u8]) {
        let Some(hold) = self.hold.as_mut().filter(|hold| !hold.is_dry()) else { return };
        let overflow = match held {
            HeldBack::Chunk => hold.pass(chunk),
            HeldBack::Bytes(bytes) => hold.pass(bytes),
        };
        overflow.into_iter().for_each(|finding| self.checks.tell(finding));
        self.drop_after_stop();
    }

    /// All that this call would pass belongs to what was read.
    pub(super) fn mark_all(&mut self, held: &HeldBack) {
        if let (Some(hold), HeldBack::Bytes(bytes)) = (&mut self.hold, held) {
            hold.mark(bytes.len());
        }
    }

    /// What passes of a call that would have passed `held`.
    pub(super) fn held_forward<'a>(&'a self, held: &HeldBack, chunk: &'a [u8]) -> Forward<'a> {
        let Some(hold) = &self.hold else { return Forward::Nothing };
        let forward = match held {
            HeldBack::Chunk if hold.is_dry() => return Forward::Same,
            HeldBack::Bytes(bytes) if hold.is_dry() => chunk.get(..bytes.len()).unwrap_or_default(),
            HeldBack::Chunk if hold.is_whole() => return Forward::Same,
            HeldBack::Bytes(_) | HeldBack::Chunk => hold.out(),
        };
        if forward.is_empty() { Forward::Nothing } else { Forward::Bytes(forward) }
    }

    /// What a stream's end finds where text still waits.
    pub(super) fn unjudged(&self, close: Close) -> Option<Finding> {
        let hold = self.hold.as_ref().filter(|hold| !hold.is_dry())?;
        let is_clean = matches!(close, Close::Clean) && !self.checks.is_halted();
        hold.unjudged().filter(|_| is_clean)
    }

    fn decision_of_hold(&mut self) -> Decision<'_> {
        self.drop_after_stop();
        self.decide(self.released())
    }

    /// After a stop nothing of what waits passes.
    pub(super) fn drop_after_stop(&mut self) {
        if let Some(hold) = self.hold.as_mut().filter(|_| self.checks.is_halted()) {
            hold.drop_all();
        }
    }
}

/// Refuses an end that tells what the consumer has seen, where that is less than what was read.
pub(super) fn check_end(end: End, settings: &Settings) -> Result<(), Error> {
    if end != End::Finish || settings.hold.is_none() || settings.shadow {
        return Ok(());
    }
    let allowed = "none or error where text is held: nobody knows how much of the answer would be finished";
    Err(Error::Setting { field: "end".into(), value: "finish".into(), allowed: allowed.into() })
}

/// Why holding is refused where no bytes wait.
pub(super) fn needs_bytes(given: &str) -> Error {
    Error::Setting {
        field: "hold".into(),
        value: format!("a table for {given}"),
        allowed: "none there; text is held in a stream of bytes or of text".into(),
    }
}

fn not_held(id: u64) -> Error {
    Error::Setting { field: "id".into(), value: id.to_string(), allowed: "none: the settings hold no text".into() }
}
