//! What is released in the place of fragments, and what is told of it.

use std::ops::Range;

use super::{MAX_LANES, Mask};
use crate::Action;
use crate::redact::beside::BESIDE;
use crate::redact::frame::{Fault, Fragment};
use crate::redact::lane::{Found, Lane};
use crate::redact::redactor::Redaction;
use crate::redact::rewriting::Placed;

impl Mask {
    pub(super) fn place(&mut self, lane: usize, at: Range<usize>, is_changed: bool) {
        self.place_from(0, lane, at, is_changed);
    }

    /// Places what was released from byte `from` on.
    pub(super) fn place_from(&mut self, from: usize, lane: usize, at: Range<usize>, is_changed: bool) {
        let start = self.frame.texts.len();
        self.frame.texts.push_str(self.out.text.get(from..).unwrap_or_default());
        self.frame.placed.push(Placed { lane, at, text: start..self.frame.texts.len(), is_changed });
    }

    /// Puts what is left of a lane into the frame that may end it, else into this one.
    pub(super) fn append(&mut self, at: usize) {
        let frame = self.postponed.front_mut().unwrap_or(&mut self.frame);
        frame.append(at, &self.out.text);
    }

    pub(super) fn clear_output(&mut self) {
        self.out.text.clear();
        self.out.replaced_at.clear();
        self.redactions.clear();
    }

    pub(super) fn report(&mut self, at: usize) {
        let Some(lane) = self.lanes.get_mut(at) else { return };
        if lane.is_signed && !lane.passes && !self.out.replaced_at.is_empty() {
            self.fault = self.fault.or(Some(Fault::Signed));
        }
        for redaction in self.redactions.drain(..) {
            let replacement = self.rules.replacement(redaction.rule).len() as u64;
            let action = self.settings.asked_of(self.rules.action(redaction.rule), lane.respond);
            let found = lane.found(redaction, replacement, self.is_dry || lane.passes, action);
            if lane.copy == 0 {
                self.found.push(found);
                if !lane.passes {
                    self.reported |= 1 << found.rule;
                    self.waits.redactions += 1;
                }
            } else if lane.copy == BESIDE {
                self.rewriting.found.push(redaction);
            }
        }
    }

    /// A match elsewhere is mostly one that its channel has shown before: the first of each rule is told.
    pub(super) fn report_elsewhere(&mut self) {
        for Redaction { rule, offset, length, overflow, certain } in self.rewriting.found.drain(..) {
            self.waits.copies += 1;
            if self.reported >> rule & 1 == 0 {
                self.reported |= 1 << rule;
                let action = self.settings.asked_elsewhere(self.rules.action(rule));
                self.found.push(Found { rule, channel: None, action, onset: offset, length, overflow, certain });
            }
        }
    }

    pub(super) fn lane(&mut self, fragment: &Fragment<'_>) -> Option<usize> {
        let is_it = |lane: &Lane| lane.key == fragment.key && lane.copy == fragment.copy;
        if !self.lanes.get(self.last).is_some_and(is_it) {
            self.last = match self.lanes.iter().position(is_it) {
                Some(at) => at,
                None if self.lanes.len() == MAX_LANES => return None,
                None => {
                    let mut lane = Lane::new(fragment.key, fragment.copy, &self.rules);
                    if fragment.copy != BESIDE {
                        let own = self.lanes.iter().find(|lane| lane.key == fragment.key && lane.copy == 0);
                        let given = || self.settings.of(fragment.key.kind, fragment.tool);
                        lane.respond = own.map_or_else(given, |lane| lane.respond);
                        let asked = self.settings.asked_in(lane.respond);
                        lane.is_off = asked.is_none();
                        lane.passes = !self.is_dry && asked < Some(Action::Redact);
                    }
                    self.lanes.push(lane);
                    self.lanes.len() - 1
                }
            };
        }
        if let Some(lane) = self.lanes.get_mut(self.last) {
            lane.channel = fragment.channel;
        }
        Some(self.last)
    }
}
