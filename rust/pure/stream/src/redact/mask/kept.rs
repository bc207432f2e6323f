//! What of a stream's redaction a snapshot holds: all but the rules and what a single call needs.

use super::{MAX_LANES, MAX_POSTPONED, Mask};
use crate::keep::{Keep, Kept, Source, State};
use crate::redact::lane::Lane;

impl State for Mask {
    fn keep_state(&self, out: &mut Kept) {
        let Self { lanes, frame, postponed, last_ended, rewriting, found, reported, fault, waits, .. } = self;
        lanes.len().keep(out);
        for lane in lanes {
            (lane.key, lane.copy).keep(out);
            lane.keep_state(out);
        }
        frame.keep(out);
        postponed.keep(out);
        last_ended.keep(out);
        rewriting.keep_state(out);
        found.keep(out);
        (*reported, *fault).keep(out);
        waits.keep_state(out);
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        let count = from.count().filter(|count| *count <= MAX_LANES)?;
        self.lanes.clear();
        for _ in 0..count {
            let (key, copy) = Keep::take(from)?;
            let mut lane = Lane::new(key, copy, &self.rules);
            lane.take_state(from)?;
            self.lanes.push(lane);
        }
        self.frame = Keep::take(from)?;
        self.postponed = Keep::take(from)?;
        self.last_ended = Keep::take(from)?;
        self.rewriting.take_state(from)?;
        self.found = Keep::take(from)?;
        (self.reported, self.fault) = Keep::take(from)?;
        self.waits.take_state(from)?;
        let is_rule = |rule: usize| rule < self.rules.len();
        let rules = self.found.iter().all(|found| is_rule(found.rule));
        let elsewhere = self.rewriting.found.iter().all(|redaction| is_rule(redaction.rule));
        (rules && elsewhere && self.postponed.len() <= MAX_POSTPONED).then_some(())
    }
}
