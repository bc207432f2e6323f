//! The latest calls and how often they came before.

use std::collections::VecDeque;

use super::hash::Hash;
use super::settings::ActionLimits;

/// Calls that are looked back at, and how many at least whatever the limits: twice as many as a limit asks for.
const KEPT: usize = 128;
const LEAST: usize = 16;
/// Calls of a cycle.
pub(super) const PERIODS: std::ops::RangeInclusive<usize> = 2..=5;
const LONGEST: usize = *PERIODS.end();
/// Turns from which on a cycle is one, and its calls are not counted one by one.
const TURNS: u32 = 2;
/// Calls and results that are remembered as seen.
const SEEN: usize = 256;

/// A call, with its result where that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    /// Tool and arguments.
    pub call: u64,
    /// Tool, arguments and result.
    pub key: u64,
    /// The result; 0 where it is not known.
    pub outcome: u64,
    pub failed: bool,
    pub waits: bool,
    /// ActionLimits of the tool's own.
    pub own: Option<ActionLimits>,
    /// The step it was complete at.
    pub at: u64,
    /// That call was not made before. Set by the window.
    pub new_call: bool,
}

impl Entry {
    pub(super) fn limits(&self, usual: ActionLimits, waiting: ActionLimits) -> ActionLimits {
        match self.own {
            Some(own) => own,
            // A view that is off stays off.
            None if self.waits && usual.most() > 0 => waiting,
            None => usual,
        }
    }
}

/// How often something came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Copies {
    /// Copies, halved where other calls were tried in between.
    pub counted: u32,
    /// Copies seen.
    pub seen: u32,
    /// Different calls among them.
    pub calls: u32,
    /// The step of the first.
    pub onset: u64,
}

/// Calls that follow each other again and again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cycle {
    /// The same wherever in the cycle one looks.
    pub key: u64,
    pub period: usize,
    /// Whole turns.
    pub copies: u32,
    /// The step at which the first turn began.
    pub onset: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    list: VecDeque<Entry>,
    /// How many calls in a row equal the one so many before: 1, 2, ... 5.
    runs: [u32; LONGEST],
    /// The latest calls for people, as many as a cycle has.
    shown: VecDeque<String>,
    results: Seen,
    calls: Seen,
    /// The step that made progress last.
    progress: u64,
}

impl Window {
    /// Takes a call in. True where its result was not seen before.
    pub(super) fn push(&mut self, entry: Entry, shown: &str) -> bool {
        let entry = Entry { new_call: self.calls.is_new(entry.call), ..entry };
        let progress = entry.outcome != 0 && self.results.is_new(entry.outcome);
        if progress {
            self.progress = entry.at;
        }
        for (run, period) in self.runs.iter_mut().zip(1..) {
            let before = self.list.len().checked_sub(period).and_then(|at| self.list.get(at));
            *run = if before.is_some_and(|before| before.key == entry.key) { *run + 1 } else { 0 };
        }
        if self.list.len() == KEPT {
            self.list.pop_front();
        }
        self.list.push_back(entry);
        if self.shown.len() == LONGEST {
            self.shown.pop_front();
        }
        self.shown.push_back(shown.to_owned());
        progress
    }

    /// Forgets the calls but not that they were made.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.shown.clear();
        self.runs = [0; LONGEST];
    }

    pub(super) fn latest(&self) -> Option<Entry> {
        self.list.back().copied()
    }

    /// How often calls like the latest came since the last progress, as far back as `limits` ask for.
    pub(super) fn copies(&self, limits: ActionLimits, like: impl Fn(&Entry) -> bool) -> Copies {
        let reach = LEAST.max(2 * limits.most() as usize);
        let (mut copies, mut others) = (Copies { counted: 0, seen: 0, calls: 0, onset: 0 }, 0);
        let (mut tried, mut others_before, mut tried_before) = (0, 0, 0);
        let mut calls = [0; 2];
        for entry in self.list.iter().rev().take(reach).take_while(|entry| entry.at >= self.progress) {
            if like(entry) {
                copies.seen += 1;
                copies.onset = entry.at;
                (others, tried) = (others_before, tried_before);
                if let Some(place) = calls.iter().position(|call| *call == 0 || *call == entry.call) {
                    calls[place] = entry.call;
                }
            } else {
                others_before += 1;
                tried_before += u32::from(entry.new_call);
            }
        }
        copies.calls = calls.iter().filter(|call| **call != 0).count() as u32;
        let between = others + copies.seen.saturating_sub(1);
        copies.counted = if tried > 0 && 3 * tried >= between { copies.seen / 2 } else { copies.seen };
        copies
    }

    /// The cycle of that many calls that the latest ends, if it goes round and holds no shorter one.
    pub(super) fn cycle(&self, period: usize) -> Option<Cycle> {
        let run = |period: usize| self.runs.get(period - 1).copied().unwrap_or_default();
        let turns = run(period) / period as u32 + 1;
        let shorter =
            (1..period).any(|shorter| period.is_multiple_of(shorter) && run(shorter) >= run(period).min(period as u32));
        if turns < TURNS || shorter {
            return None;
        }
        let turn = self.list.iter().rev().take(period);
        let key = turn.fold(period as u64, |sum, entry| sum.wrapping_add(Hash::pair(entry.key, 0)));
        let length = run(period) as usize + period;
        let onset = self.list.len().checked_sub(length).and_then(|at| self.list.get(at)).map_or(0, |entry| entry.at);
        Some(Cycle { key, period, copies: turns, onset })
    }

    /// The limits of a cycle: those of a tool in it, the waiting ones where a call in it waits.
    pub(super) fn limits_of(&self, period: usize, usual: ActionLimits, waiting: ActionLimits) -> ActionLimits {
        let turn = || self.list.iter().rev().take(period);
        let own = turn().filter_map(|entry| entry.own).max_by_key(|own| own.most().wrapping_sub(1));
        match own {
            Some(own) => own,
            None if usual.most() > 0 && turn().any(|entry| entry.waits) => waiting,
            None => usual,
        }
    }

    pub(super) fn memory(&self) -> usize {
        let shown: usize = self.shown.iter().map(String::capacity).sum();
        let numbers = self.results.0.capacity() + self.calls.0.capacity();
        self.list.capacity() * size_of::<Entry>() + shown + numbers * size_of::<u64>()
    }

    /// The latest calls for people, oldest first.
    pub(super) fn shown(&self, count: usize) -> impl Iterator<Item = &str> {
        self.shown.iter().skip(self.shown.len().saturating_sub(count)).map(String::as_str)
    }
}

/// The latest different numbers.
#[derive(Clone, Debug, Default)]
struct Seen(VecDeque<u64>);

impl Seen {
    /// Remembers a number; whether it is new. One that comes again stays as long as a new one.
    fn is_new(&mut self, number: u64) -> bool {
        let known = self.0.iter().rposition(|seen| *seen == number);
        if let Some(at) = known {
            self.0.remove(at);
        } else if self.0.len() == SEEN {
            self.0.pop_front();
        }
        self.0.push_back(number);
        known.is_none()
    }
}

crate::keep::keep!(struct Entry { call, key, outcome, failed, waits, own, at, new_call });
crate::keep::keep!(struct Window { list, runs, shown, results, calls, progress });
crate::keep::keep!(tuple Seen);
