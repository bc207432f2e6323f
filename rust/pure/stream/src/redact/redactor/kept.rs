//! What of a channel's redaction a snapshot holds: the text that is held, unmasked, and how far its rules got.

use super::Redactor;
use crate::keep::{Keep, Kept, Source, State};

/// Bytes of a channel at most; a longer one is none.
const LONGEST: u64 = 1 << 60;

impl State for Redactor {
    fn keep_state(&self, out: &mut Kept) {
        let Self { rules: _, text, base, before, position, furthest, given, characters, threads, mask, .. } = self;
        let Self { lead, waits, behind, order: _, .. } = self;
        text.keep(out);
        (*base, *furthest, *characters).keep(out);
        (*before, *mask).keep(out);
        (*lead, *waits).keep(out);
        behind.keep(out);
        (*position, *given).keep(out);
        threads.keep(out);
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        self.text = Keep::take(from)?;
        (self.base, self.furthest, self.characters) = Keep::take(from)?;
        (self.before, self.mask) = Keep::take(from)?;
        (self.lead, self.waits) = Keep::take(from)?;
        self.behind = Keep::take(from)?;
        (self.position, self.given) = Keep::take(from)?;
        self.threads = Keep::take(from)?;
        self.is_consistent().then_some(())
    }
}

impl Redactor {
    /// Whether its places lie in its text, and its threads are those of its rules.
    fn is_consistent(&self) -> bool {
        let is_near = |number: u64| number <= LONGEST;
        let is_place = |at: usize| at <= self.position && self.text.is_char_boundary(at);
        let counts = [self.base, self.furthest, self.characters].into_iter().all(is_near);
        let places = self.position == self.text.len() && is_place(self.given);
        let in_text = |at: u64| at.checked_sub(self.base).and_then(|at| usize::try_from(at).ok()).is_some_and(is_place);
        let is_rule = |rule: usize| rule < self.rules.len();
        let threads = self.threads.iter().all(|thread| {
            in_text(thread.start)
                && self.rules.table.is_state(thread.state)
                && self.rules.table.is_behind(thread.behind)
                && thread.found.is_none_or(|(end, rule)| in_text(end) && is_rule(rule))
                && thread.overflow.is_none_or(is_rule)
        });
        let masks = self.mask.is_none_or(|mask| mask <= self.characters && !self.threads.is_empty());
        let leads = self.lead <= self.text.len().saturating_sub(self.given)
            && is_place(self.given + self.lead)
            && self.waits.is_none_or(is_rule);
        let behind = self.rules.table.is_behind(self.behind);
        counts && places && behind && threads && masks && leads
    }
}
