//! Budgets among the checks, by pointers: what reads text alone, as a page does, is not linked with them.

use midstream_series::Timestamp;

use super::Checks;
use crate::budget::{Budget, Fragment, Seen};
use crate::emit::Known;
use crate::{Channel, ChannelIndex, Event, Events, Finding, UsageSource};

/// A budget and what can be done with it.
#[derive(Clone, Debug)]
pub(super) struct Budgeted {
    budget: Budget,
    ways: &'static Ways,
}

#[derive(Debug)]
struct Ways {
    cost: fn(&Budget) -> Option<(f64, UsageSource)>,
    read: fn(&mut Budget, Seen<'_>, &mut Vec<Finding>),
    start: fn(&mut Budget, Timestamp),
    tick_at: fn(&Budget) -> Option<Timestamp>,
    time: fn(&mut Budget, Timestamp, &mut Vec<Finding>),
}

static WAYS: Ways =
    Ways { cost: Budget::cost, read: Budget::read, start: Budget::start, tick_at: Budget::tick_at, time: Budget::time };

impl Budgeted {
    /// Counts an event; `text` is its channel, that channel's events from this one on, and where their texts stand.
    pub(super) fn read(
        &mut self,
        event: &Event,
        text: Option<(ChannelIndex, &Channel, &[Event], &Events)>,
        known: &Known,
        findings: &mut Vec<Finding>,
    ) {
        let text = text.map(|(index, channel, later, events)| {
            let mut counts = later
                .iter()
                .filter(|event| event.channel == Some(index))
                .filter_map(|event| event.kind.checked_text().map(|text| events.text(text).chars().count() as u64));
            let characters = counts.next().unwrap_or_default();
            let before = channel.characters.saturating_sub(characters + counts.sum::<u64>());
            Fragment { kind: channel.kind(), id: &channel.id, characters, before }
        });
        let seen = Seen { kind: &event.kind, text, usage: known.usage(), cache_is_apart: known.cache_is_apart };
        (self.ways.read)(&mut self.budget, seen, findings);
    }

    /// The time that the stream takes counts from here, where it does not yet.
    pub(super) fn start(&mut self, now: Timestamp) {
        (self.ways.start)(&mut self.budget, now);
    }

    pub(super) fn tick_at(&self) -> Option<Timestamp> {
        (self.ways.tick_at)(&self.budget)
    }

    pub(super) fn cost(&self) -> Option<(f64, UsageSource)> {
        (self.ways.cost)(&self.budget)
    }
}

impl Checks {
    /// Counts what the stream takes too, where the settings limit it.
    pub(crate) fn count(&mut self) {
        if self.settings.budget.is_set() {
            self.budget = Some(Budgeted { budget: Budget::new(self.settings.budget, self.now), ways: &WAYS });
        }
    }

    /// Looks at the time that the stream has taken.
    pub(super) fn look_at_budget(&mut self, now: Timestamp) {
        if let Some(Budgeted { budget, ways }) = &mut self.budget {
            (ways.time)(budget, now, &mut self.fresh);
        }
    }
}

/// Puts the findings of one fragment, from `first` on, in the order of its characters. They are few, and the standard
/// library's sort would be a twentieth of a page.
pub(super) fn sort(findings: &mut [Finding], first: usize) {
    let findings = findings.get_mut(first..).unwrap_or_default();
    for end in 1..findings.len() {
        let (sorted, rest) = findings.split_at(end);
        let place = rest.first().map_or(end, |next| sorted.partition_point(|finding| finding.offset <= next.offset));
        if let Some(moved) = findings.get_mut(place..=end) {
            moved.rotate_right(1);
        }
    }
}

impl crate::keep::State for Budgeted {
    fn keep_state(&self, out: &mut crate::keep::Kept) {
        let Self { budget, ways: _ } = self;
        budget.keep_state(out);
    }

    fn take_state(&mut self, from: &mut crate::keep::Source<'_>) -> Option<()> {
        self.budget.take_state(from)
    }
}
