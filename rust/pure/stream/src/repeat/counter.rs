//! The same words over and over with a number that goes up.

use super::entry::{Entry, Manner};
use super::history::{History, Symbol};
use super::numbers::{Rise, rise};
use super::report::Loop;
use super::runs::{Alphabet, Run, Runs, next};
use super::settings::RepeatSettings;
use super::shape::Shape;

/// Equal symbols that short entries need, and that are enough for each repeat of a long one.
const LEAST: u64 = 80;
const ENOUGH: u64 = 75;
/// Copies of a block of code.
const BLOCKS: u64 = 8;
/// Lines of a list, a log or a form, of short sentences, and of a table.
const RECORDS: u64 = 32;
const SHORT: u64 = 24;
const ROWS: u64 = 24;
/// Repeats, and equal symbols, of text in which several numbers rise together, and each by a step of its own: fewer where
/// each line is a sentence.
const TOGETHER: [(u64, u64); 2] = [(17, 700), (5, 300)];
const APART: [(u64, u64); 2] = [(24, 1_000), (9, 450)];

/// Each run of digits is one letter.
#[derive(Clone, Debug)]
pub(super) struct Numbered;

impl Alphabet for Numbered {
    const HINT_PART: usize = 4;

    fn letter(symbol: Symbol) -> u32 {
        if symbol.is_digit() { '#' as u32 } else { symbol.code_point() }
    }

    fn skips(before: Symbol, symbol: Symbol) -> bool {
        symbol.is_digit() && before.is_digit()
    }
}

/// What one copy holds, and when its numbers are looked at next.
#[derive(Clone, Copy, Debug)]
struct Copy {
    entry: Entry,
    check_at: u64,
}

/// What is found of a counter loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Counted {
    /// It is one.
    New(Loop),
    /// It was reported, and has gone on for as many copies as end a stream.
    Long(Loop),
}

#[derive(Clone, Debug)]
pub(super) struct Counter {
    runs: Runs<Numbered, Copy>,
    /// The loop that goes on was reported as long.
    long: bool,
}

impl Counter {
    pub(super) fn new(history: &History) -> Self {
        Self { runs: Runs::new(history), long: false }
    }

    /// Reads the newest symbol of the history.
    #[inline]
    pub(super) fn step(&mut self, history: &History, code: bool, limits: &RepeatSettings) -> Option<Counted> {
        if !self.runs.step(history) || code {
            return None;
        }
        if self.runs.live_mut().is_empty() {
            self.long = false;
            return None;
        }
        self.found(history, limits)
    }

    #[inline(never)]
    fn found(&mut self, history: &History, limits: &RepeatSettings) -> Option<Counted> {
        if self.runs.any_fired() {
            return self.lengthened(history, limits);
        }
        self.long = false;
        self.runs.live_mut().iter_mut().find_map(|run| found(run, history, limits)).map(Counted::New)
    }

    /// A reported loop goes on.
    pub(super) fn any_fired(&self) -> bool {
        self.runs.any_fired()
    }

    /// Whether the reported loop has become a long one.
    fn lengthened(&mut self, history: &History, limits: &RepeatSettings) -> Option<Counted> {
        let copies = limits.counter_stop_copies.filter(|_| !self.long)?;
        let run = self.runs.live_mut().iter_mut().find(|run| run.fired)?;
        let copy = run.shape?;
        // Code and the rows of a table are worth a warning, never a stop.
        let enough = (u64::from(copies) - 1) * copy.entry.period;
        let warned = matches!(copy.entry.manner, Manner::Code | Manner::Row);
        if warned || run.count < enough.max(copy.check_at + copy.check_at / 2) {
            return None;
        }
        self.long = true;
        Some(Counted::Long(report(run, copy.entry.period, history)))
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.runs.bytes()
    }
}

fn found(run: &mut Run<Copy>, history: &History, limits: &RepeatSettings) -> Option<Loop> {
    if run.twin < run.start {
        return None;
    }
    let copy = run.shape.get_or_insert_with(|| {
        let shape = Shape::of(history, history.count() - 1 - run.twin, run.origin);
        // The second copy: at the first one's beginning the text may begin.
        let second = second(history, run.origin, run.start);
        let entry = Entry::of(history, run.start, second, &shape);
        Copy { entry, check_at: need(entry.period, limits) }
    });
    if run.count < copy.check_at || copy.entry.manner == Manner::Nothing {
        return None;
    }
    let Some(rise) = rise(history, run.origin, copy.entry) else {
        copy.check_at = run.count + run.count / 2;
        return None;
    };
    let need = need(copy.entry.period, limits).max(need_of_entry(copy.entry, rise));
    copy.check_at = need;
    if run.count < need {
        return None;
    }
    let period = copy.entry.period;
    run.fired = true;
    Some(report(run, period, history))
}

/// Where the copy that begins at `start` ends, the one before having begun at `origin`.
fn second(history: &History, origin: u64, start: u64) -> u64 {
    let (mut first, mut second) = (origin, start);
    while first < start {
        (first, second) = (next::<Numbered>(history, first), next::<Numbered>(history, second));
    }
    second
}

/// Equal symbols at which a number going up makes a loop.
fn need(period: u64, limits: &RepeatSettings) -> u64 {
    let repeats = u64::from(limits.counter_repeats);
    (repeats * period).min((repeats * ENOUGH).max(2 * period)).max(LEAST)
}

/// What people write often under running numbers needs more.
fn need_of_entry(entry: Entry, rise: Rise) -> u64 {
    let lines = |lines: u64| entry.period * lines.div_ceil(entry.lines.max(1));
    let either = |needs: [(u64, u64); 2]| {
        let (repeats, symbols) = needs[usize::from(entry.sentences || entry.markers > 0)];
        (repeats * entry.period).min(symbols)
    };
    match (entry.manner, rise) {
        (Manner::Code, _) => BLOCKS * entry.period,
        (Manner::Row, _) => lines(ROWS),
        (_, Rise::Together(numbers)) if numbers == entry.markers => lines(items(entry)),
        (_, Rise::One) if entry.markers > 0 => lines(items(entry)),
        (Manner::Record, _) => lines(if entry.ends { SHORT } else { RECORDS }).max(either(of_rise(rise))),
        _ => either(of_rise(rise)),
    }
}

/// Lines of numbered items: answers of a word or two are given again.
const fn items(entry: Entry) -> u64 {
    match entry.words / if entry.lines == 0 { 1 } else { entry.lines } {
        0 | 1 => 24,
        2 => 16,
        _ => 0,
    }
}

const fn of_rise(rise: Rise) -> [(u64, u64); 2] {
    match rise {
        Rise::Apart => APART,
        Rise::One => [(0, 0); 2],
        Rise::Together(_) => TOGETHER,
    }
}

fn report<T>(run: &Run<T>, period: u64, history: &History) -> Loop {
    let newest = history.count() - 1;
    // The second copy, else the newest one that no digit may lengthen.
    let (from, to) = if run.start < history.oldest() {
        (run.twin, newest)
    } else {
        (run.start, (0..period).fold(run.start, |at, _| next::<Numbered>(history, at)))
    };
    Loop {
        onset: run.onset,
        start: run.start,
        period: history.characters_between(from, to),
        symbols: to - from,
        copies: (run.count as f64 / period as f64) + 1.0,
    }
}

crate::keep::keep!(struct Copy { entry, check_at });
crate::keep::keep!(struct Counter { runs, long });
