//! Many patterns to one automaton, each begun only where what stands before it allows.
//!
//! Sets of places in the patterns are its states (M. O. Rabin, D. Scott, "Finite Automata and Their Decision Problems", IBM
//! Journal 3(2), 1959). Three things are added: what must or must not stand before a match is read by a second automaton,
//! whose state says which patterns begin; a pattern ends where one of its exceptions has matched from the same start; and
//! `_` is no part of a word for rules of ours, since Markdown writes emphasis with it.

use std::collections::BTreeMap;

use regex_automata::nfa::thompson::{NFA, State, WhichCaptures};
use regex_automata::util::primitives::{PatternID, StateID};
use regex_syntax::hir::Hir;

use super::side::{Side, holds};
use super::table::Rules;

/// Bytes that reading the patterns may take.
const MAX_PATTERN_BYTES: usize = 8 << 20;

/// A pattern of a rule.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// The rule's place.
    pub(super) rule: usize,
    pub(super) pattern: Hir,
    /// What the text before a match ends with, if that matters.
    pub(super) behind: Option<Hir>,
    /// What it does not end with.
    pub(super) unless: Option<Hir>,
    /// What a match does not begin with.
    pub(super) except: Option<Hir>,
    /// Whether `_` is part of a word.
    pub(super) underscore: bool,
}

/// The states that can be reached, numbered from 0.
pub(super) struct Automaton {
    /// Where each state goes for each class, the end of the text last.
    pub(super) next: Vec<u32>,
    /// Rules that matched up to the byte before the last one.
    pub(super) matched: Vec<Rules>,
    /// The class of each byte.
    pub(super) classes: Box<[u8; 256]>,
    /// Classes, and the end of the text.
    pub(super) stride: usize,
    /// The automaton of what stands before: where each state goes, laid out as `next`. State 0 is the text's begin.
    pub(super) behind: Vec<u32>,
    /// The state of `next` in which a match begins, by state of `behind`.
    pub(super) starts: Vec<usize>,
    /// States of `behind` where a match ended, by its last byte: nothing before that place is seen.
    pub(super) restarts: [u32; Side::ALL],
}

impl Automaton {
    /// None where it would take more than `limit` bytes.
    pub(super) fn new(forms: &[Form], limit: usize) -> Option<Self> {
        let patterns = Patterns::new(forms)?;
        let (places, behind, restarts) = patterns.places(limit)?;
        let mut states = States::default();
        let starts = places.iter().map(|place| states.number(patterns.start(place)) as usize).collect();
        let (mut next, mut at) = (Vec::new(), 0);
        let mut seen = Seen::default();
        while let Some(state) = states.list.get(at).cloned() {
            patterns.expand(&state, &mut states, &mut next, &mut seen);
            at += 1;
            if (next.len() * size_of::<u32>()).max(states.members * size_of::<u32>() / 4) > limit {
                return None;
            }
        }
        let matched = states.list.iter().map(|state| state.matched).collect();
        let (classes, stride) = (patterns.classes, patterns.bytes.len() + 1);
        Some(Self { next, matched, classes, stride, behind, starts, restarts })
    }
}

/// What a pattern of the automaton is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    /// The behind or unless of a form.
    Behind(usize),
    Except(usize),
    Form(usize),
    Unless(usize),
}

/// A state: places in patterns, and what of the past still matters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Places {
    set: Vec<StateID>,
    before: Side,
    matched: Rules,
}

/// States in the order of their first mention.
#[derive(Default)]
struct States {
    numbers: BTreeMap<Places, u32>,
    list: Vec<Places>,
    members: usize,
}

impl States {
    fn number(&mut self, state: Places) -> u32 {
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.members += state.set.len();
        self.list.push(state.clone());
        self.numbers.insert(state, number);
        number
    }
}

/// Marks of places, to be used again: a place is marked where its number is the round's.
#[derive(Default)]
struct Seen {
    marks: Vec<u32>,
    round: u32,
    stack: Vec<StateID>,
}

impl Seen {
    fn begin(&mut self, places: usize) {
        self.marks.resize(places, 0);
        self.round += 1;
        self.stack.clear();
    }

    fn is_new(&mut self, place: StateID) -> bool {
        let round = self.round;
        self.marks.get_mut(place.as_usize()).is_some_and(|mark| std::mem::replace(mark, round) != round)
    }
}

struct Patterns<'a> {
    nfa: NFA,
    forms: &'a [Form],
    roles: Vec<Role>,
    /// The pattern that each place is in.
    owners: Vec<Option<usize>>,
    classes: Box<[u8; 256]>,
    /// A byte of each class.
    bytes: Vec<u8>,
}

impl<'a> Patterns<'a> {
    fn new(forms: &'a [Form]) -> Option<Self> {
        let (mut roles, mut hirs) = (Vec::new(), Vec::new());
        for (at, form) in forms.iter().enumerate() {
            let parts = [
                (Role::Form(at), Some(&form.pattern)),
                (Role::Except(at), form.except.as_ref()),
                (Role::Behind(at), form.behind.as_ref()),
                (Role::Unless(at), form.unless.as_ref()),
            ];
            for (role, hir) in parts.into_iter().filter_map(|(role, hir)| Some((role, hir?))) {
                roles.push(role);
                hirs.push(hir.clone());
            }
        }
        let limits = NFA::config().which_captures(WhichCaptures::None).nfa_size_limit(Some(MAX_PATTERN_BYTES));
        let nfa = NFA::compiler().configure(limits).build_many_from_hir(&hirs).ok()?;
        let classes = nfa.byte_classes();
        let bytes = classes.representatives(0..=u8::MAX).filter_map(|unit| unit.as_u8()).collect();
        let classes = Box::new(std::array::from_fn(|byte| classes.get(byte as u8)));
        let mut patterns = Self { owners: vec![None; nfa.states().len()], nfa, forms, roles, classes, bytes };
        patterns.own();
        Some(patterns)
    }

    /// Finds which pattern each place is in.
    fn own(&mut self) {
        for pattern in 0..self.roles.len() {
            let mut stack: Vec<StateID> = self.begin(pattern).into_iter().collect();
            while let Some(place) = stack.pop() {
                let Some(owner) = self.owners.get_mut(place.as_usize()).filter(|owner| owner.is_none()) else {
                    continue;
                };
                *owner = Some(pattern);
                match self.nfa.state(place) {
                    State::ByteRange { trans } => stack.push(trans.next),
                    State::Sparse(sparse) => stack.extend(sparse.transitions.iter().map(|one| one.next)),
                    State::Dense(dense) => stack.extend(dense.transitions.iter()),
                    State::Look { next, .. } | State::Capture { next, .. } => stack.push(*next),
                    State::Union { alternates } => stack.extend(alternates.iter()),
                    State::BinaryUnion { alt1, alt2 } => stack.extend([*alt1, *alt2]),
                    State::Fail | State::Match { .. } => {}
                }
            }
        }
    }

    fn begin(&self, pattern: usize) -> Option<StateID> {
        self.nfa.start_pattern(PatternID::new(pattern).ok()?)
    }

    fn role(&self, place: StateID) -> Option<Role> {
        self.roles.get((*self.owners.get(place.as_usize())?)?).copied()
    }

    fn form(&self, place: StateID) -> Option<&Form> {
        match self.role(place)? {
            Role::Behind(form) | Role::Except(form) | Role::Form(form) | Role::Unless(form) => self.forms.get(form),
        }
    }

    /// Places to be had from `from` without reading, assertions among them where `sides` are not known.
    fn closure(&self, from: &[StateID], sides: Option<(Side, Side)>, seen: &mut Seen) -> Vec<StateID> {
        seen.begin(self.owners.len());
        let mut set = Vec::new();
        for place in from {
            seen.stack.push(*place);
            while let Some(place) = seen.stack.pop() {
                if !seen.is_new(place) {
                    continue;
                }
                match self.nfa.state(place) {
                    State::Look { look, next } => match sides {
                        None => set.push(place),
                        Some((before, after)) => {
                            let underscore = self.form(place).is_none_or(|form| form.underscore);
                            seen.stack.extend(holds(*look, before, after, underscore).then_some(*next));
                        }
                    },
                    State::Capture { next, .. } => seen.stack.push(*next),
                    State::Union { alternates } => seen.stack.extend(alternates.iter()),
                    State::BinaryUnion { alt1, alt2 } => seen.stack.extend([*alt1, *alt2]),
                    State::Fail => {}
                    State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) | State::Match { .. } => {
                        set.push(place)
                    }
                }
            }
        }
        self.without_exceptions(&mut set);
        set.sort_unstable();
        set
    }

    /// Ends forms that an exception has matched, and exceptions of forms that are over.
    fn without_exceptions(&self, set: &mut Vec<StateID>) {
        let excepted = |place: &StateID| match self.role(*place) {
            Some(Role::Except(form)) if self.is_match(*place) => Some(form),
            _ => None,
        };
        if let ended @ [_, ..] = set.iter().filter_map(excepted).collect::<Vec<usize>>().as_slice() {
            set.retain(|place| {
                !matches!(self.role(*place), Some(Role::Form(form) | Role::Except(form)) if ended.contains(&form))
            });
        }
        if set.iter().any(|place| matches!(self.role(*place), Some(Role::Except(_)))) {
            let is_form = |place: &StateID| match self.role(*place) {
                Some(Role::Form(form)) => Some(form),
                _ => None,
            };
            let alive: Vec<usize> = set.iter().filter_map(is_form).collect();
            set.retain(|place| !matches!(self.role(*place), Some(Role::Except(form)) if !alive.contains(&form)));
        }
    }

    fn is_match(&self, place: StateID) -> bool {
        matches!(self.nfa.state(place), State::Match { .. })
    }

    fn is_look(&self, place: &StateID) -> bool {
        matches!(self.nfa.state(*place), State::Look { .. })
    }

    fn read(&self, set: &[StateID], byte: u8, into: &mut Vec<StateID>) {
        into.extend(set.iter().filter_map(|place| match self.nfa.state(*place) {
            State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
            State::Sparse(sparse) => sparse.matches_byte(byte),
            State::Dense(dense) => dense.matches_byte(byte),
            _ => None,
        }));
    }

    /// Adds where `state` goes to `next`.
    fn expand(&self, state: &Places, states: &mut States, next: &mut Vec<u32>, seen: &mut Seen) {
        // Places and what matched there, by what comes.
        let mut resolved: [Option<(Vec<StateID>, Rules)>; Side::ALL] = Default::default();
        let mut known: BTreeMap<(Vec<StateID>, Side, Rules), u32> = BTreeMap::new();
        for byte in self.bytes.iter().copied().map(Some).chain([None]) {
            let after = byte.map_or(Side::Edge, Side::of);
            let Some(slot) = resolved.get_mut(after as usize) else { continue };
            let (set, matched) = slot.get_or_insert_with(|| self.resolve(state, after, seen));
            let mut targets = Vec::new();
            if let Some(byte) = byte {
                self.read(set, byte, &mut targets);
            }
            let key = (targets, after, *matched);
            if let Some(number) = known.get(&key) {
                next.push(*number);
                continue;
            }
            let number = states.number(self.state(&key.0, after, *matched, seen));
            known.insert(key, number);
            next.push(number);
        }
    }

    /// The places of a state once it is known what comes, and the rules that match there.
    fn resolve(&self, state: &Places, after: Side, seen: &mut Seen) -> (Vec<StateID>, Rules) {
        let set = match state.set.iter().any(|place| self.is_look(place)) {
            true => self.closure(&state.set, Some((state.before, after)), seen),
            false => state.set.clone(),
        };
        let matched = set.iter().filter(|place| self.is_match(**place)).filter_map(|place| match self.role(*place) {
            Some(Role::Form(form)) => self.forms.get(form).map(|form| 1 << form.rule),
            _ => None,
        });
        let matched = matched.fold(0, |all: Rules, rule: Rules| all | rule);
        (set, matched)
    }

    fn state(&self, from: &[StateID], before: Side, matched: Rules, seen: &mut Seen) -> Places {
        let set = self.closure(from, None, seen);
        let before = if set.iter().any(|place| self.is_look(place)) { before } else { Side::Other };
        Places { set, before, matched }
    }

    /// The state in which a match begins behind `place`.
    fn start(&self, place: &Places) -> Places {
        let has =
            |wanted: Role| place.set.iter().any(|place| self.is_match(*place) && self.role(*place) == Some(wanted));
        let begins = |role: &Role| {
            let (Role::Form(at) | Role::Except(at)) = role else { return false };
            let behind = self.forms.get(*at).is_some_and(|form| form.behind.is_some());
            (!behind || has(Role::Behind(*at))) && !has(Role::Unless(*at))
        };
        let patterns = self.roles.iter().enumerate().filter(|(_, role)| begins(role));
        let from: Vec<StateID> = patterns.filter_map(|(pattern, _)| self.begin(pattern)).collect();
        self.state(&from, place.before, 0, &mut Seen::default())
    }

    /// The automaton of what stands before a match: its states, where they go, and those behind a match.
    fn places(&self, limit: usize) -> Option<(Vec<Places>, Vec<u32>, [u32; Side::ALL])> {
        let is_behind = |role: &Role| matches!(role, Role::Behind(_) | Role::Unless(_));
        let patterns = self.roles.iter().enumerate().filter(|(_, role)| is_behind(role));
        let begins: Vec<StateID> = patterns.filter_map(|(pattern, _)| self.begin(pattern)).collect();
        let mut seen = Seen::default();
        let mut states = States::default();
        let fresh = self.closure(&begins, Some((Side::Edge, Side::Other)), &mut seen);
        let mut restart = |before| states.number(Places { set: fresh.clone(), before, matched: 0 });
        restart(Side::Edge);
        let restarts = [Side::Cr, Side::Edge, Side::Lf, Side::Other, Side::Underscore, Side::Word].map(restart);
        let (mut next, mut at) = (Vec::new(), 0);
        while let Some(state) = states.list.get(at).cloned() {
            for byte in &self.bytes {
                let mut from = begins.clone();
                self.read(&state.set, *byte, &mut from);
                // Nothing but the begin of the text is asked for, and this is not it.
                let set = self.closure(&from, Some((Side::Other, Side::Other)), &mut seen);
                next.push(states.number(Places { set, before: Side::of(*byte), matched: 0 }));
            }
            next.push(0);
            at += 1;
            if next.len() * size_of::<u32>() > limit {
                return None;
            }
        }
        Some((states.list, next, restarts))
    }
}
