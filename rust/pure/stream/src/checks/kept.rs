//! What of the checks a snapshot holds: all but their settings, and what belongs to the last call.

use midstream_series::Timestamp;

use super::Checks;
use crate::Settings;
use crate::emit::Known;
use crate::keep::{Keep, Kept, Source, State};

impl Checks {
    /// Whether [`Checks::finish`] was called.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// The time of the last call.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.now
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl State for Checks {
    fn keep_state(&self, out: &mut Kept) {
        let Self { known, calls, budget, pace, repeat, findings, now, clock_regressions, halted, stop, .. } = self;
        known.keep(out);
        if let Some(mask) = &known.mask {
            mask.keep_state(out);
        }
        if let Some(calls) = calls {
            calls.actions.keep_state(out);
        }
        if let Some(budget) = budget {
            budget.keep_state(out);
        }
        pace.keep_state(out);
        repeat.keep_state(out);
        findings.keep(out);
        (*now, *clock_regressions, *halted).keep(out);
        stop.keep(out);
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        let known: Known = Keep::take(from)?;
        let Known { mask, text_ends, .. } = std::mem::replace(&mut self.known, known);
        (self.known.mask, self.known.text_ends) = (mask, text_ends);
        if let Some(mask) = &mut self.known.mask {
            mask.take_state(from)?;
        }
        if let Some(calls) = &mut self.calls {
            calls.actions.take_state(from)?;
        }
        if let Some(budget) = &mut self.budget {
            budget.take_state(from)?;
        }
        self.pace.take_state(from)?;
        self.repeat.take_state(from)?;
        self.findings = Keep::take(from)?;
        (self.now, self.clock_regressions, self.halted) = Keep::take(from)?;
        self.stop = Keep::take(from)?;
        Some(())
    }
}
