//! Where the text equals itself one period before: the live lags, found by the last place of a twelve-symbol hash.

use std::marker::PhantomData;

use super::history::{CAPACITY, History, Symbol};

/// Symbols that must be equal before a lag is followed.
pub(super) const SEED: usize = 12;
/// Lags followed at a time.
const MAX_LIVE: usize = 4;
/// Odd, so that every one of the last twelve symbols changes the hash.
const BASE: u32 = 0x9E37_79B1;
/// Comparisons that a new lag may spend on finding its true start; each symbol earns [`CREDIT_PER_SYMBOL`].
const MAX_CREDIT: u32 = CAPACITY as u32;
const CREDIT_PER_SYMBOL: u32 = 4;

/// How a view reads the history: which symbols it steps over and which it takes for equal.
pub(super) trait Alphabet {
    /// Slots of the table of last places, as a part of the history's.
    const HINT_PART: usize;

    /// What stands for the symbol in hashes and comparisons.
    fn letter(symbol: Symbol) -> u32;

    /// Whether the view steps over the symbol after `before`.
    fn skips(before: Symbol, symbol: Symbol) -> bool;
}

/// Equal text: `count` symbols from `start` on equal those from `origin` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<T> {
    /// Where the first copy begins.
    pub origin: u64,
    /// Where the second copy begins.
    pub start: u64,
    /// The same in characters of the channel.
    pub onset: u64,
    /// The position that the newest symbol equals.
    pub twin: u64,
    /// Symbols of the view that are equal so far.
    pub count: u64,
    /// What the view knows of one copy, once a whole one is repeated.
    pub shape: Option<T>,
    /// It was reported; it is not again until it breaks.
    pub fired: bool,
}

/// The live lags of one view.
#[derive(Clone, Debug)]
pub(super) struct Runs<A, T> {
    live: Vec<Run<T>>,
    /// Low 16 bits of the last position of each hash. A stale one is harmless: what it suggests is compared.
    hints: Vec<u16>,
    /// The last twelve letters and their polynomial hash.
    recent: [u32; 16],
    seen: u64,
    hash: u32,
    credit: u32,
    alphabet: PhantomData<A>,
}

impl<A: Alphabet, T: Copy> Runs<A, T> {
    pub(super) fn new(history: &History) -> Self {
        Self {
            live: Vec::with_capacity(MAX_LIVE),
            hints: vec![0; history.capacity() / A::HINT_PART],
            recent: [0; 16],
            seen: 0,
            hash: 0,
            credit: 0,
            alphabet: PhantomData,
        }
    }

    /// Reads the newest symbol of the history. False where this view steps over it.
    #[inline]
    pub(super) fn step(&mut self, history: &History) -> bool {
        let at = history.count() - 1;
        let symbol = history.get(at);
        if at > 0 && A::skips(history.get(at - 1), symbol) {
            return false;
        }
        self.credit = (self.credit + CREDIT_PER_SYMBOL).min(MAX_CREDIT);
        if !self.live.is_empty() {
            self.advance(history, A::letter(symbol));
        }
        if self.hints.len() < history.capacity() / A::HINT_PART {
            self.grow(history);
        }
        if let Some(last) = self.enter(A::letter(symbol), at) {
            self.suggest(history, at, last);
        }
        true
    }

    /// The lags that still match.
    pub(super) fn live_mut(&mut self) -> &mut [Run<T>] {
        &mut self.live
    }

    /// A reported loop goes on.
    pub(super) fn any_fired(&self) -> bool {
        self.live.iter().any(|run| run.fired)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.hints.capacity() * size_of::<u16>() + self.live.capacity() * size_of::<Run<T>>()
    }

    // What few symbols need stays out of line, so that `step` keeps its values in registers.
    #[inline(never)]
    fn advance(&mut self, history: &History, letter: u32) {
        let oldest = history.oldest();
        self.live.retain_mut(|run| {
            run.twin = next::<A>(history, run.twin);
            run.count += 1;
            run.twin >= oldest && A::letter(history.get(run.twin)) == letter
        });
    }

    /// Adds a letter to the hash and enters its position. Gives the low bits of the last place of the newest twelve.
    fn enter(&mut self, letter: u32, at: u64) -> Option<u16> {
        const OUT: u32 = power(BASE, SEED);
        let (new, old) = (self.seen as usize & 15, self.seen.wrapping_sub(SEED as u64) as usize & 15);
        let gone = self.recent.get(old).filter(|_| self.seen >= SEED as u64).copied().unwrap_or(0);
        if let Some(place) = self.recent.get_mut(new) {
            *place = letter;
        }
        self.seen += 1;
        self.hash = self.hash.wrapping_mul(BASE).wrapping_add(letter).wrapping_sub(gone.wrapping_mul(OUT));
        let slot = (self.hash.wrapping_mul(BASE) >> 16) as usize & (self.hints.len() - 1);
        let hint = self.hints.get_mut(slot).filter(|_| self.seen >= SEED as u64)?;
        Some(std::mem::replace(hint, at as u16))
    }

    /// Follows the lag to `last`, if the newest twelve symbols are there.
    fn suggest(&mut self, history: &History, at: u64, last: u16) {
        let lag = u64::from((at as u16).wrapping_sub(last));
        if lag == 0 || lag > at - history.oldest() {
            return;
        }
        let twin = at - lag;
        let unequal = A::letter(history.get(twin)) != A::letter(history.get(at));
        if unequal || self.live.iter().any(|run| run.twin == twin) {
            return;
        }
        self.follow(history, at, twin);
    }

    #[inline(never)]
    fn follow(&mut self, history: &History, at: u64, twin: u64) {
        let oldest = history.oldest();
        let (mut start, mut origin, mut count) = (at, twin, 1);
        while let (Some(before), Some(twin)) =
            (previous::<A>(history, start, oldest), previous::<A>(history, origin, oldest))
        {
            let spent = count >= SEED as u64 && self.credit == 0;
            if spent || A::letter(history.get(before)) != A::letter(history.get(twin)) {
                break;
            }
            (start, origin, count) = (before, twin, count + 1);
            self.credit = self.credit.saturating_sub(1);
        }
        if count < SEED as u64 || !self.make_room(count) {
            return;
        }
        let onset = history.characters() - history.characters_between(start, at + 1);
        self.live.push(Run { origin, start, onset, twin, count, shape: None, fired: false });
    }

    /// Drops the shortest match for one of `count` symbols. False where all are longer.
    fn make_room(&mut self, count: u64) -> bool {
        if self.live.len() < MAX_LIVE {
            return true;
        }
        let shortest = self.live.iter().enumerate().filter(|(_, run)| !run.fired).min_by_key(|(_, run)| run.count);
        match shortest {
            Some((index, run)) if run.count < count => {
                self.live.remove(index);
                true
            }
            _ => false,
        }
    }

    /// Keeps the table in step with the history, which has doubled, and enters what the history holds.
    #[inline(never)]
    fn grow(&mut self, history: &History) {
        self.hints = vec![0; history.capacity() / A::HINT_PART];
        (self.seen, self.hash) = (0, 0);
        for at in history.oldest()..history.count() - 1 {
            let symbol = history.get(at);
            if at > history.oldest() && A::skips(history.get(at - 1), symbol) {
                continue;
            }
            self.enter(A::letter(symbol), at);
        }
    }
}

/// The view's position after `at`. There must be one.
pub(super) fn next<A: Alphabet>(history: &History, at: u64) -> u64 {
    let mut next = at + 1;
    while next + 1 < history.count() && A::skips(history.get(next - 1), history.get(next)) {
        next += 1;
    }
    next
}

/// The view's position before `at`, none before `oldest`.
pub(super) fn previous<A: Alphabet>(history: &History, at: u64, oldest: u64) -> Option<u64> {
    let mut previous = at.checked_sub(1).filter(|previous| *previous >= oldest)?;
    while previous > oldest && A::skips(history.get(previous - 1), history.get(previous)) {
        previous -= 1;
    }
    Some(previous)
}

const fn power(base: u32, exponent: usize) -> u32 {
    let (mut result, mut left) = (1u32, exponent);
    while left > 0 {
        result = result.wrapping_mul(base);
        left -= 1;
    }
    result
}

impl<T: crate::keep::Keep> crate::keep::Keep for Run<T> {
    fn keep(&self, out: &mut crate::keep::Kept) {
        let Self { origin, start, onset, twin, count, shape, fired } = self;
        ((*origin, *start), (*onset, *twin)).keep(out);
        (*count, *fired).keep(out);
        shape.keep(out);
    }

    fn take(from: &mut crate::keep::Source<'_>) -> Option<Self> {
        let ((origin, start), (onset, twin)) = crate::keep::Keep::take(from)?;
        let (count, fired) = crate::keep::Keep::take(from)?;
        Some(Self { origin, start, onset, twin, count, shape: crate::keep::Keep::take(from)?, fired })
    }
}

impl<A, T: crate::keep::Keep> crate::keep::Keep for Runs<A, T> {
    fn keep(&self, out: &mut crate::keep::Kept) {
        let Self { live, hints, recent, seen, hash, credit, alphabet: _ } = self;
        (live.len(), *seen).keep(out);
        live.iter().for_each(|run| run.keep(out));
        hints.keep(out);
        recent.keep(out);
        (*hash, *credit).keep(out);
    }

    fn take(from: &mut crate::keep::Source<'_>) -> Option<Self> {
        let (count, seen): (usize, u64) = crate::keep::Keep::take(from)?;
        let live = (0..count).map(|_| crate::keep::Keep::take(from)).collect::<Option<_>>()?;
        let (hints, recent) = (crate::keep::Keep::take(from)?, crate::keep::Keep::take(from)?);
        let (hash, credit) = crate::keep::Keep::take(from)?;
        Some(Self { live, hints, recent, seen, hash, credit, alphabet: PhantomData })
    }
}
