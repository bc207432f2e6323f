//! One automaton for all rules, with what a hold-back matcher asks of each state worked out beforehand.

use super::automaton::{Automaton, Form};
use super::side::Side;

/// A set of rules, a bit each.
pub(super) type Rules = u128;

/// Rules a set may have.
pub(super) const MAX_RULES: usize = Rules::BITS as usize;

/// Bytes the automaton may take: all built-in rules take a third of them, and it is built once for many streams.
pub(super) const MAX_BYTES: usize = 32 << 20;

/// The state without a future.
pub(super) const DEAD: u32 = 0;

/// What a state says of the text read so far. The text's end is the place before the next byte, which look-ahead such as
/// `\b` must see before a match is certain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Rules that matched up to the byte before the last one.
    pub(super) before: Rules,
    /// Rules that match up to here, whatever comes.
    pub(super) certain: Rules,
    /// Rules that match up to here if the right byte comes.
    pub(super) pending: Rules,
    /// Those of them that then win over the certain ones.
    pub(super) rivals: Rules,
    /// Rules that can match further on.
    pub(super) later: Rules,
}

impl Facts {
    /// Rules that are not over: what may still be a match, or is one up to here.
    pub(super) fn alive(self) -> Rules {
        self.certain | self.pending | self.later
    }
}

/// A dense automaton. States are offsets into `next`; those below `plain_end` hold nothing but rules without a check
/// that can match later, so that the matcher need not look at their facts.
#[derive(Clone, Debug)]
pub(super) struct Table {
    next: Vec<u32>,
    facts: Vec<Facts>,
    /// The class of each byte.
    classes: Box<[u8; 256]>,
    /// The automaton of what stands before a match. Its states are offsets too.
    behind: Vec<u32>,
    /// States after the first byte of a match, laid out as `behind`.
    starts: Vec<u32>,
    /// States of `behind` where a match ended.
    restarts: [u32; Side::ALL],
    stride: u32,
    plain_end: u32,
}

impl Table {
    /// The automaton of `forms`, or none where it would be too large.
    pub(super) fn new(forms: &[Form], checked: Rules) -> Option<Self> {
        Self::from_raw(&Automaton::new(forms, MAX_BYTES)?, checked)
    }

    pub(super) fn next(&self, state: u32, byte: u8) -> u32 {
        self.step(state, self.class(byte))
    }

    /// The state behind the end of the text.
    pub(super) fn at_end(&self, state: u32) -> u32 {
        self.step(state, self.stride - 1)
    }

    /// What stands before a text: nothing.
    pub(super) const TEXT: u32 = 0;

    /// What stands before, one byte further.
    pub(super) fn past(&self, behind: u32, byte: u8) -> u32 {
        self.behind.get((behind + self.class(byte)) as usize).copied().unwrap_or(Self::TEXT)
    }

    /// What stands before the place behind a match, by the match's last byte.
    pub(super) fn past_match(&self, last: Option<u8>) -> u32 {
        let side = last.map_or(Side::Edge, Side::of);
        self.restarts.get(side as usize).copied().unwrap_or(Self::TEXT)
    }

    /// The state after a match's first byte, by what stands before it; `DEAD` where no match begins with it.
    pub(super) fn first(&self, behind: u32, byte: u8) -> u32 {
        self.starts.get((behind + self.class(byte)) as usize).copied().unwrap_or(DEAD)
    }

    pub(super) fn facts(&self, state: u32) -> Facts {
        self.facts.get((state / self.stride) as usize).copied().unwrap_or_default()
    }

    /// Whether it is a state of this automaton.
    pub(super) fn is_state(&self, state: u32) -> bool {
        state.is_multiple_of(self.stride) && ((state / self.stride) as usize) < self.facts.len()
    }

    /// Whether it is a state of what stands before.
    pub(super) fn is_behind(&self, behind: u32) -> bool {
        behind.is_multiple_of(self.stride) && (behind as usize) < self.behind.len()
    }

    /// Whether the state asks for nothing but the next byte.
    pub(super) fn is_plain(&self, state: u32) -> bool {
        state.wrapping_sub(1) < self.plain_end - 1
    }

    /// Rules that a text can match at all.
    pub(super) fn reachable(&self) -> Rules {
        self.starts.iter().map(|state| self.facts(*state).alive()).fold(0, |all, rules| all | rules)
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        (self.next.len() + self.starts.len() + self.behind.len()) * size_of::<u32>()
            + self.facts.len() * size_of::<Facts>()
    }

    fn class(&self, byte: u8) -> u32 {
        u32::from(self.classes[usize::from(byte)])
    }

    fn step(&self, state: u32, class: u32) -> u32 {
        self.next.get((state + class) as usize).copied().unwrap_or(DEAD)
    }

    fn from_raw(raw: &Automaton, checked: Rules) -> Option<Self> {
        let facts = raw.facts(checked);
        let is_plain =
            |facts: &Facts| facts.before == 0 && facts.certain == 0 && (facts.rivals | facts.later) & !checked != 0;
        let useful = |facts: &&Facts| facts.before != 0 || facts.alive() != 0;
        let stride = u32::try_from(raw.stride).ok()?;
        // Plain states come first, so that one comparison tells them.
        let mut order: Vec<usize> =
            (0..facts.len()).filter(|state| facts.get(*state).as_ref().is_some_and(useful)).collect();
        order.sort_by_key(|state| !facts.get(*state).is_some_and(is_plain));
        let plain = order.iter().filter(|state| facts.get(**state).is_some_and(is_plain)).count();
        let mut numbers = vec![DEAD; facts.len()];
        for (at, state) in order.iter().enumerate() {
            *numbers.get_mut(*state)? = (u32::try_from(at).ok()? + 1).checked_mul(stride)?;
        }
        let number = |state: &u32| numbers.get(*state as usize).copied().unwrap_or(DEAD);
        let row_of = |state: usize| raw.next.get(state * raw.stride..(state + 1) * raw.stride).unwrap_or_default();
        let mut next = vec![DEAD; raw.stride];
        for state in &order {
            next.extend(row_of(*state).iter().map(number));
        }
        Some(Self {
            next,
            facts: std::iter::once(Facts::default())
                .chain(order.iter().filter_map(|state| facts.get(*state).copied()))
                .collect(),
            classes: raw.classes.clone(),
            starts: raw.starts.iter().flat_map(|state| row_of(*state)).map(number).collect(),
            behind: raw.behind.iter().map(|state| state * stride).collect(),
            restarts: raw.restarts.map(|state| state * stride),
            stride,
            plain_end: (plain as u32 + 1) * stride,
        })
    }
}

impl Automaton {
    fn facts(&self, checked: Rules) -> Vec<Facts> {
        let rows = self.next.chunks(self.stride).zip(&self.matched);
        let mut facts: Vec<Facts> = rows.map(|(row, before)| self.ends_here(row, *before, checked)).collect();
        self.spread(&mut facts);
        facts
    }

    fn ends_here(&self, row: &[u32], before: Rules, checked: Rules) -> Facts {
        let matched = row.iter().map(|state| self.matched.get(*state as usize).copied().unwrap_or_default());
        let (any, certain) = matched.fold((0, Rules::MAX), |(any, all), rules| (any | rules, all & rules));
        // Of equally long matches the first rule's wins, so that those behind a certain one decide nothing.
        let winner = certain & !checked;
        let earlier = (winner & winner.wrapping_neg()).wrapping_sub(1);
        let pending = any & !certain;
        Facts { before, certain, pending, rivals: pending & earlier, later: 0 }
    }

    /// Carries what can match further on back along every transition, until nothing changes.
    fn spread(&self, facts: &mut [Facts]) {
        let sources = Sources::new(self);
        let mut waiting: Vec<u32> = (0..facts.len() as u32).rev().collect();
        let mut is_waiting = vec![true; facts.len()];
        while let Some(state) = waiting.pop() {
            if let Some(flag) = is_waiting.get_mut(state as usize) {
                *flag = false;
            }
            let alive = facts.get(state as usize).map_or(0, |facts| facts.alive());
            for source in sources.of(state) {
                let Some(facts) = facts.get_mut(*source as usize) else { continue };
                if facts.later | alive != facts.later {
                    facts.later |= alive;
                    if let Some(flag) = is_waiting.get_mut(*source as usize)
                        && !std::mem::replace(flag, true)
                    {
                        waiting.push(*source);
                    }
                }
            }
        }
    }
}

/// From which states a byte, not the end of the text, leads to each.
struct Sources {
    begins: Vec<usize>,
    list: Vec<u32>,
}

impl Sources {
    fn new(raw: &Automaton) -> Self {
        let mut edges = Vec::new();
        for (source, row) in raw.next.chunks(raw.stride).enumerate() {
            let mut targets: Vec<u32> = row.iter().take(raw.stride - 1).copied().collect();
            targets.sort_unstable();
            targets.dedup();
            edges.extend(targets.into_iter().map(|target| (target, source as u32)));
        }
        edges.sort_unstable();
        let begins = (0..=raw.matched.len() as u32).map(|state| edges.partition_point(|edge| edge.0 < state)).collect();
        Self { begins, list: edges.into_iter().map(|edge| edge.1).collect() }
    }

    fn of(&self, state: u32) -> &[u32] {
        let state = state as usize;
        match (self.begins.get(state), self.begins.get(state + 1)) {
            (Some(begin), Some(end)) => self.list.get(*begin..*end).unwrap_or_default(),
            _ => &[],
        }
    }
}
