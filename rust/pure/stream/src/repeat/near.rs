//! Re-worded repetition: most groups of four words were written at least twice before, and no new word comes.

use super::groups::Groups;
use super::words::Words;

/// Words of a group.
const GROUP: usize = 4;
/// Groups looked at together.
pub(super) const WINDOW: usize = 60;
/// Times that a group was written before from which on it counts as repeated: quoting a text once is no loop.
const TIMES: u8 = 2;
/// What the share is multiplied by where one word of the window is new.
const ONE_NEW: f64 = 1.6;
/// Words from which on a line is prose: cells and items are shorter. Two characters of a script without spaces are about
/// a word.
const PROSE: usize = 4;

const OFFSET: u32 = 0x811C_9DC5;
const PRIME: u32 = 0x0100_0193;

/// What is found of re-worded repetition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reworded {
    /// Where the oldest repeated group begins, in characters of the channel.
    pub onset: u64,
    /// Times that the repeated groups were written, the mean.
    pub copies: f64,
    /// Repeated groups of the [`WINDOW`].
    pub repeated: usize,
}

/// A group of words.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// Where its first word begins, in characters of the channel.
    at: u64,
    /// Times that it was written before; 0 for a group of numbers, which says nothing.
    before: u8,
    /// Its last word is new.
    new: bool,
}

/// A word: its hash and where it begins.
#[derive(Clone, Copy, Debug)]
struct Word {
    hash: u32,
    at: u64,
    /// Letters of it, up to 2: groups of numbers or of single letters say nothing.
    letters: u8,
    /// It is one character of a script without spaces.
    character: bool,
}

/// The words of one channel.
#[derive(Clone, Debug)]
pub(super) struct Near {
    groups: Groups,
    known: Words,
    /// The newest words.
    words: [Word; GROUP],
    count: u32,
    /// The one being written.
    word: Option<Word>,
    /// The character before may be the mark behind a number.
    marked: bool,
    /// Half words of this line.
    line: usize,
    /// Groups of this line, until it is prose.
    waiting: [Group; 2 * PROSE],
    waits: usize,
    window: [Group; WINDOW],
    /// Groups in prose so far.
    seen: usize,
    /// Groups of the window that count as repeated.
    repeated: usize,
    /// And whose last word is new.
    new: usize,
    fired: bool,
}

impl Near {
    pub(super) fn new() -> Self {
        let word = Word { hash: OFFSET, at: 0, letters: 0, character: false };
        Self {
            groups: Groups::new(),
            known: Words::new(),
            words: [word; GROUP],
            count: 0,
            word: None,
            marked: false,
            line: 0,
            waiting: [Group::default(); 2 * PROSE],
            waits: 0,
            window: [Group::default(); WINDOW],
            seen: 0,
            repeated: 0,
            new: 0,
            fired: false,
        }
    }

    /// Reads the character at `at`; finds where `share` of the window is repeated.
    pub(super) fn push(&mut self, character: char, at: u64, share: f64) -> Option<Reworded> {
        if is_word_part(character) {
            let word = self.word.get_or_insert(Word { hash: OFFSET, at, letters: 0, character: false });
            word.hash = (word.hash ^ u32::from(character.to_ascii_lowercase())).wrapping_mul(PRIME);
            word.character = is_word(character);
            word.letters =
                (word.letters + if word.character { 2 } else { u8::from(!character.is_ascii_digit()) }).min(2);
            return if word.character { self.end_word(share) } else { None };
        }
        // The number of an item is no word.
        if character.is_whitespace() && self.line == 0 && self.marked {
            self.word = self.word.filter(|word| word.letters > 0);
        }
        self.marked = matches!(character, '.' | ')' | ':');
        let found = if character.is_whitespace() { self.end_word(share) } else { None };
        if character == '\n' {
            self.skip();
        }
        found
    }

    /// The line ends, or text comes that is not looked at.
    pub(super) fn skip(&mut self) -> Option<Reworded> {
        self.word = None;
        self.line = 0;
        self.waits = 0;
        None
    }

    #[inline(never)]
    fn end_word(&mut self, share: f64) -> Option<Reworded> {
        let word = self.word.take()?;
        self.words.rotate_left(1);
        if let Some(newest) = self.words.last_mut() {
            *newest = word;
        }
        self.count = self.count.wrapping_add(1);
        self.line += if word.character { 1 } else { 2 };
        if (self.count as usize) < GROUP {
            return None;
        }
        let hash = self.words.iter().fold(OFFSET, |hash, word| (hash.rotate_left(5) ^ word.hash).wrapping_mul(PRIME));
        let at = self.words.first().map_or(0, |word| word.at);
        let before = self.groups.enter(hash, self.count);
        let new = !self.known.enter(word.hash);
        let at_least = |letters: u8| self.words.iter().filter(|word| word.letters >= letters).count();
        let before = if at_least(1) < GROUP - 1 || at_least(2) < GROUP / 2 { 0 } else { before };
        self.wait(Group { at, before, new }, share)
    }

    /// Holds a group back until its line is prose.
    fn wait(&mut self, group: Group, share: f64) -> Option<Reworded> {
        if let Some(place) = self.waiting.get_mut(self.waits) {
            *place = group;
            self.waits += 1;
        }
        if self.line < 2 * PROSE {
            return None;
        }
        let waiting = self.waiting;
        let waits = std::mem::take(&mut self.waits);
        waiting.iter().take(waits).fold(None, |found, group| found.or(self.slide(*group, share)))
    }

    fn slide(&mut self, group: Group, share: f64) -> Option<Reworded> {
        let oldest = self.window.get_mut(self.seen % WINDOW)?;
        self.repeated -= usize::from(oldest.before >= TIMES);
        self.new -= usize::from(oldest.new);
        *oldest = group;
        self.repeated += usize::from(group.before >= TIMES);
        self.new += usize::from(group.new);
        self.seen += 1;
        let now = self.repeated as f64 / WINDOW as f64;
        self.fired &= now >= share / 2.0;
        // A form that is filled in and a verse that is sung again bring a new word or two.
        let asked = if self.new == 0 { share } else { ONE_NEW * share };
        if self.fired || now < asked || self.new > 1 {
            return None;
        }
        self.fired = true;
        Some(self.reworded())
    }

    fn reworded(&self) -> Reworded {
        let repeated = self.window.iter().filter(|group| group.before >= TIMES);
        let times: f64 = repeated.clone().map(|group| f64::from(group.before)).sum();
        Reworded {
            onset: repeated.map(|group| group.at).min().unwrap_or(0),
            copies: 1.0 + times / self.repeated.max(1) as f64,
            repeated: self.repeated,
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.groups.bytes()
    }
}

/// Letters and digits; punctuation may change where words are repeated.
fn is_word_part(character: char) -> bool {
    match character {
        '\0'..='\u{7f}' => character.is_ascii_alphanumeric(),
        '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{2bff}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff0f}' => false,
        _ => !character.is_whitespace(),
    }
}

/// Scripts without spaces: each character is a word.
fn is_word(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

crate::keep::keep!(struct Group { at, before, new });
crate::keep::keep!(struct Word { hash, at, letters, character });
crate::keep::keep!(struct Near { groups, known, words, count, word, marked, line, waiting, waits, window, seen, repeated, new, fired });
