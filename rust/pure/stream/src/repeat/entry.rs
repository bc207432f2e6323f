//! What one copy of an entry with numbers says.

use super::counter::Numbered;
use super::history::{History, Symbol};
use super::role::Role;
use super::runs::next;
use super::shape::{Shape, is_wide};

/// Numbers in one copy at most; more make a table.
pub(super) const NUMBERS: usize = 8;
/// Fewest letters of an entry that says something.
const LETTERS: u64 = 4;
/// Most words of a label with one number, for example `Line 7`, and with more.
const LABEL: u64 = 3;
const LABELS: u64 = 2;
/// Fewest words a line of sentences. Three wide characters are about two words.
const SENTENCE: u64 = 5;
/// Longest line of code, or two.
const BLOCK: u64 = 64;
/// Commas of a line from which on they part fields.
const FIELDS: u64 = 3;

/// How an entry reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Manner {
    /// A block of program code outside a fence.
    Code,
    /// Nothing is said.
    Nothing,
    /// A short line of a list, a log, a form.
    Record,
    /// A row of a table.
    Row,
    /// Prose, or an item behind a number.
    Sentence,
}

/// One copy of an entry with numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    /// Symbols, a number being one.
    pub period: u64,
    pub numbers: usize,
    pub lines: u64,
    pub manner: Manner,
    /// Its lines begin with a letter and end as sentences do.
    pub sentences: bool,
    /// Its lines end as sentences do.
    pub ends: bool,
    /// Numbers that begin an item, if each line has one.
    pub markers: usize,
    pub words: u64,
}

impl Entry {
    /// The copy from `from` to before `to`, which looks like `shape`.
    pub(super) fn of(history: &History, from: u64, to: u64, shape: &Shape) -> Self {
        let mut count = Count::default();
        let mut before = history.get(from.max(to) - 1);
        let mut at = from;
        while at < to {
            count.add(before, history.get(at), at, history);
            before = history.get(at);
            at = next::<Numbered>(history, at);
        }
        Self {
            period: count.period,
            numbers: count.numbers,
            lines: count.lines,
            manner: count.manner(shape),
            sentences: count.ends() && count.lines == count.beginnings,
            ends: count.ends(),
            markers: if count.is_marked(shape) { count.markers } else { 0 },
            words: count.words(),
        }
    }
}

#[derive(Default)]
struct Count {
    period: u64,
    numbers: usize,
    letters: u64,
    words: u64,
    wide: u64,
    lines: u64,
    /// Lines that begin with a letter.
    beginnings: u64,
    /// Ends of sentences, and those at the end of a line.
    ends: u64,
    line_ends: u64,
    label: bool,
    markers: usize,
}

impl Count {
    const fn ends(&self) -> bool {
        if self.lines == 0 { self.ends > 0 } else { self.line_ends == self.lines }
    }

    const fn words(&self) -> u64 {
        self.words + 2 * self.wide / 3
    }

    const fn is_marked(&self, shape: &Shape) -> bool {
        self.markers > 0 && self.markers as u64 >= self.lines && !shape.is_sparse()
    }

    fn add(&mut self, before: Symbol, symbol: Symbol, at: u64, history: &History) {
        let letter = symbol.character().is_alphabetic();
        let wide = letter && is_wide(symbol.character());
        self.period += 1;
        self.letters += u64::from(letter);
        self.wide += u64::from(wide);
        self.words += u64::from(letter && !wide && !before.character().is_alphabetic());
        self.lines += u64::from(symbol.has_line_break());
        self.beginnings += u64::from(letter && before.has_line_break());
        let end = ".!?。！？".contains(before.character());
        self.line_ends += u64::from(end && symbol.has_line_break());
        self.ends += u64::from(end && symbol.is_space() || "。！？".contains(symbol.character()));
        if symbol.is_digit() {
            self.numbers += 1;
            let role = Role::of(history, at);
            self.label |= role == Role::Label;
            self.markers += usize::from(role == Role::Marker);
        }
    }

    fn manner(&self, shape: &Shape) -> Manner {
        let words = self.words();
        let label = self.label && words <= if self.numbers == 1 { LABEL } else { LABELS };
        let marked = self.is_marked(shape);
        let empty = words < self.lines.max(if marked { 1 } else { 2 });
        let fields = self.lines > 0 && shape.commas >= FIELDS * self.lines && !self.ends();
        match () {
            () if !(1..=NUMBERS).contains(&self.numbers) || self.letters < LETTERS => Manner::Nothing,
            () if shape.is_row() => Manner::Row,
            () if shape.is_code() && self.period > BLOCK => Manner::Code,
            () if label || empty || shape.is_code() || shape.is_record() => Manner::Nothing,
            () if marked && !fields => Manner::Sentence,
            () if self.lines > 0 && words < SENTENCE * self.lines || fields => Manner::Record,
            () => Manner::Sentence,
        }
    }
}

crate::keep::keep!(
    enum Manner {
        Code,
        Nothing,
        Record,
        Row,
        Sentence,
    }
);
crate::keep::keep!(struct Entry { period, numbers, lines, manner, sentences, ends, markers, words });
