//! White space without end, which folding hides from the other views.

use super::history::History;
use super::report::Loop;

/// White space in a row that is a loop, in text and in code. Drawings on a canvas of spaces hold less.
const TEXT: u64 = 1_000;
const CODE: u64 = 4_000;

/// The white space at the end of a text so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blank {
    characters: u64,
    fired: bool,
}

impl Blank {
    pub(super) fn step(&mut self, character: char, code: bool, history: &History) -> Option<Loop> {
        if !character.is_whitespace() {
            *self = Self::default();
            return None;
        }
        self.characters += 1;
        if self.fired || self.characters < if code { CODE } else { TEXT } {
            return None;
        }
        self.fired = true;
        let onset = history.characters() + 1 - self.characters;
        Some(Loop { onset, start: history.count() - 1, period: 1, symbols: 1, copies: self.characters as f64 })
    }
}

crate::keep::keep!(struct Blank { characters, fired });
