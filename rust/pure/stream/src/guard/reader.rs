use std::ops::ControlFlow;

use midstream_series::Timestamp;

use super::holding;
use super::passage::Passing;
use crate::decode::{Frame, Sink};
use crate::dialect::Reading;
use crate::emit::Known;
use crate::hold::Hold;
use crate::redact::Fault;
use crate::{Anomaly, Checks, Events};

/// Hands frames to the dialect and its events to the checks.
pub(super) struct Reader<'a, 'c> {
    pub(super) checks: &'a mut Checks,
    pub(super) reading: &'a mut Reading,
    pub(super) now: Timestamp,
    /// The raw byte behind what stopped the stream.
    pub(super) cut: Option<u64>,
    /// The raw byte behind the last frame.
    pub(super) end: Option<u64>,
    /// The stream is stopped, and passes to the end of the frame that is half there.
    pub(super) is_last: bool,
    pub(super) passing: &'a mut Option<Passing<'c>>,
    pub(super) hold: Option<&'a mut Hold>,
}

impl<'a, 'c> Reader<'a, 'c> {
    pub(super) fn new(
        checks: &'a mut Checks,
        reading: &'a mut Reading,
        now: Timestamp,
        passing: &'a mut Option<Passing<'c>>,
    ) -> Self {
        Self { checks, reading, now, cut: None, end: None, is_last: false, passing, hold: None }
    }

    /// No frame comes any more: those that could not be told apart are read as what they are, unknown.
    pub(super) fn finish(&mut self) {
        let first = self.checks.events.list.len();
        let Checks { known, events, .. } = &mut *self.checks;
        let mut way = Way::of(self.passing, &mut self.hold, self.reading.in_pieces(), self.now);
        self.reading.give_up(known, events, self.now, &mut |frame, known, events| way.pass(frame, known, events));
        self.checks.report_redactions();
        self.checks.run(first);
    }

    /// Whether frames wait for whether an answer goes on.
    pub(super) fn has_postponed(&self) -> bool {
        self.checks.known.mask.as_ref().is_some_and(|mask| mask.has_postponed())
    }

    /// What is left of the texts passes in frames of their own.
    pub(super) fn end_texts(&mut self) {
        if self.checks.is_halted() || !self.checks.is_masked() {
            return;
        }
        self.checks.end_texts(self.now);
        if let (Some(passing), Some(mask)) = (self.passing.as_mut(), &mut self.checks.known.mask) {
            passing.rest(mask.as_mut());
        }
        let Checks { known, events, .. } = &mut *self.checks;
        Way::of(self.passing, &mut self.hold, false, self.now).hold(None, known, events);
        self.checks.report_redactions();
    }

    /// The texts that are held ended with the stream.
    pub(super) fn end_held(&mut self) {
        if let Some(hold) = &mut self.hold {
            holding::read(hold, &mut self.checks.known, &self.checks.events, None, self.now);
            hold.end(|_| true, self.now);
        }
    }

    /// The raw byte behind the frame that stopped the stream; in plain text, behind the character.
    ///
    /// A frame of plain text is what happened to arrive together, so its end means nothing.
    fn behind_stop(&self, frame: &Frame<'_>) -> u64 {
        let surplus = if self.reading.in_pieces() { self.checks.read_behind_stop() } else { 0 };
        let Some((at, _)) = frame.data.char_indices().rev().take(surplus as usize).last() else {
            return frame.bytes.end;
        };
        (frame.bytes.start + at as u64).min(frame.bytes.end)
    }
}

/// The way of a frame that was read: through the passage, where text is redacted, and to those that wait, where text is
/// held.
struct Way<'w, 'h, 'c> {
    passing: &'w mut Option<Passing<'c>>,
    hold: &'w mut Option<&'h mut Hold>,
    in_pieces: bool,
    now: Timestamp,
}

impl<'w, 'h, 'c> Way<'w, 'h, 'c> {
    fn of(
        passing: &'w mut Option<Passing<'c>>,
        hold: &'w mut Option<&'h mut Hold>,
        in_pieces: bool,
        now: Timestamp,
    ) -> Self {
        Self { passing, hold, in_pieces, now }
    }

    fn pass(&mut self, frame: &Frame<'_>, known: &mut Known, events: &Events) {
        // Where bytes are no characters, text does not say how many there are.
        let is_text = self.in_pieces && frame.bytes.end - frame.bytes.start == frame.data.len() as u64;
        let at = self.passing.as_ref().filter(|_| is_text).map(Passing::passed);
        if let (Some(passing), Some(mask)) = (self.passing.as_mut(), &mut known.mask) {
            passing.frame(frame, mask.as_mut());
        }
        self.hold(at, known, events);
    }

    fn hold(&mut self, at: Option<usize>, known: &mut Known, events: &Events) {
        let Some(hold) = self.hold else { return };
        holding::read(hold, known, events, at, self.now);
        if let Some(passing) = &self.passing {
            hold.mark(passing.passed());
        }
    }
}

impl Sink for Reader<'_, '_> {
    fn frame(&mut self, frame: &Frame<'_>) -> ControlFlow<()> {
        let first = self.checks.events.list.len();
        let Checks { known, events, .. } = &mut *self.checks;
        let mut way = Way::of(self.passing, &mut self.hold, self.reading.in_pieces(), self.now);
        self.reading.frame(frame, known, events, self.now, &mut |frame, known, events| way.pass(frame, known, events));
        self.end = Some(frame.bytes.end);
        if self.is_last {
            self.cut = self.end;
            return ControlFlow::Break(());
        }
        self.checks.report_redactions();
        if self.checks.run(first) {
            match self.passing {
                Some(passing) if self.reading.in_pieces() => passing.take_back(self.checks.read_behind_stop()),
                Some(_) => {}
                None => self.cut = Some(self.behind_stop(frame)),
            }
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        match (anomaly, &mut self.passing) {
            (Anomaly::CrcMismatch | Anomaly::Limit, _) => self.checks.fail(Fault::Unreadable),
            (Anomaly::UnterminatedEvent, Some(passing)) => passing.is_cut = true,
            _ => {}
        }
        self.checks.known.anomalies.add(anomaly);
    }
}
