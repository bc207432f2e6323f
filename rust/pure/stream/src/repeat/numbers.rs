//! What the numbers of equal entries do from copy to copy.

use super::counter::Numbered;
use super::history::History;
use super::role::Role;
use super::runs::{next, previous};

/// Copies whose numbers are compared.
const COPIES: usize = 6;
/// Numbers in one copy at most; more make a table.
const NUMBERS: usize = 8;
/// Fewest letters of an entry that says something.
const LETTERS: u64 = 4;
/// Most words of a label, for example `Line 7`.
const LABEL: u64 = 3;

/// One copy of an entry with numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    /// Symbols, a number being one.
    pub period: u64,
    numbers: usize,
    /// It holds more than a label and its number.
    pub says_something: bool,
}

impl Entry {
    /// The copy from `from` to before `to`.
    pub(super) fn of(history: &History, from: u64, to: u64) -> Self {
        let (mut period, mut numbers, mut letters, mut words) = (0, 0, 0, 0);
        let (mut label, mut marker) = (false, false);
        let mut in_word = false;
        let mut at = from;
        while at < to {
            let symbol = history.get(at);
            let letter = symbol.character().is_alphabetic();
            letters += u64::from(letter);
            words += u64::from(letter && !in_word);
            in_word = letter;
            if symbol.is_digit() {
                numbers += 1;
                let role = Role::of(history, at);
                label |= role == Role::Label;
                marker |= role == Role::Marker;
            }
            period += 1;
            at = next::<Numbered>(history, at);
        }
        let only_label = words <= LABEL && label || words <= 1 && !marker;
        let says_something = (1..=NUMBERS).contains(&numbers) && letters >= LETTERS && !only_label;
        Self { period, numbers, says_something }
    }
}

/// Whether one number goes up evenly from copy to copy, and every other stays or rises with it. Numbers that do anything
/// else are what a table, a log or a calculation tells.
pub(super) fn counts_up(history: &History, origin: u64, entry: Entry) -> bool {
    let values = Values::of(history, origin, entry);
    (0..entry.numbers).any(|number| values.count_by(number))
}

/// The numbers of the newest whole copies, in order.
struct Values {
    list: [i64; COPIES * NUMBERS],
    count: usize,
    per_copy: usize,
    /// Which numbers of a copy are parts of something larger.
    parts: [bool; NUMBERS],
}

impl Values {
    fn of(history: &History, origin: u64, entry: Entry) -> Self {
        let mut values =
            Self { list: [0; COPIES * NUMBERS], count: 0, per_copy: entry.numbers, parts: [false; NUMBERS] };
        let newest = history.count() - 1;
        let mut at = next::<Numbered>(history, start(history, origin.max(history.oldest()), entry.period));
        while at < newest {
            let after = next::<Numbered>(history, at);
            // The newest number may still grow.
            if history.get(at).is_digit() && after <= newest {
                values.push(number(history, at), Role::of(history, at));
            }
            at = after;
        }
        values
    }

    fn push(&mut self, value: i64, role: Role) {
        if let Some(place) = self.list.get_mut(self.count) {
            *place = value;
        }
        if let Some(part) = self.parts.get_mut(self.count % self.per_copy) {
            *part |= role == Role::Part;
        }
        self.count += 1;
    }

    /// What the number is above the same one of the copy before.
    fn rise(&self, index: usize) -> Option<i64> {
        let (before, now) = (self.list.get(index)?, self.list.get(index + self.per_copy)?);
        Some(now - before).filter(|_| index + self.per_copy < self.count)
    }

    fn count_by(&self, number: usize) -> bool {
        let rises = (number..self.count).step_by(self.per_copy).map_while(|index| self.rise(index));
        let Some(step) = rises.clone().next().filter(|step| *step > 0) else { return false };
        if self.parts.get(number) != Some(&false) || rises.clone().count() < 2 || rises.clone().any(|rise| rise != step)
        {
            return false;
        }
        (0..self.count).all(|index| self.rise(index).is_none_or(|rise| rise == 0 || rise == step))
    }
}

/// The last position before as many whole copies as are kept and compared.
fn start(history: &History, bound: u64, period: u64) -> u64 {
    let mut start = history.count() - 1;
    for _ in 0..COPIES {
        let Some(before) = (0..period).try_fold(start, |at, _| previous::<Numbered>(history, at, bound)) else { break };
        start = before;
    }
    start
}

/// The value of the digits from `at` on.
fn number(history: &History, at: u64) -> i64 {
    let digits = (at..history.count()).map(|at| history.get(at)).take_while(|symbol| symbol.is_digit());
    digits.take(18).fold(0, |value, digit| value * 10 + i64::from(digit.code_point() - u32::from('0')))
}
