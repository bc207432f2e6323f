//! How much equal text is a loop. People repeat marks, lines and rows; they do not repeat sentences.

use super::history::{History, Symbol};
use super::settings::RepeatSettings;

/// Longest period of a line.
const LINE: u64 = 128;

/// What one copy holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    /// Symbols.
    pub period: u64,
    /// Characters.
    pub characters: u64,
    /// Letters and pictures.
    letters: u64,
    digits: u64,
    /// Marks that stand in program code and seldom in prose.
    code_marks: u64,
    line_breaks: u64,
    first: Symbol,
}

impl Shape {
    /// Of the newest `period` symbols.
    pub(super) fn of(history: &History, period: u64) -> Self {
        let from = history.count().saturating_sub(period).max(history.oldest());
        let mut shape = Self {
            period,
            characters: history.characters_between(from, history.count()),
            letters: 0,
            digits: 0,
            code_marks: 0,
            line_breaks: 0,
            first: history.get(from),
        };
        for symbol in (from..history.count()).map(|at| history.get(at)) {
            let character = symbol.character();
            shape.letters += u64::from(character.is_alphabetic() || is_picture(character));
            shape.digits += u64::from(symbol.is_digit());
            shape.code_marks += u64::from("{}();=<>[]\\".contains(character));
            shape.line_breaks += u64::from(symbol.has_line_break());
        }
        shape
    }

    /// Symbols that must equal those one period before, in prose and in code.
    pub(super) fn need(&self, limits: &RepeatSettings) -> Need {
        Need { text: self.need_in_text(limits), code: self.need_in_code(limits) }
    }

    fn need_in_text(&self, limits: &RepeatSettings) -> u64 {
        let period = self.period;
        if period == 1 {
            return self.need_of_one(limits);
        }
        if self.letters == 0 {
            return if self.line_breaks > 0 { (11 * period).max(96) } else { 400 };
        }
        period + 72
    }

    fn need_of_one(&self, limits: &RepeatSettings) -> u64 {
        let character = self.first.character();
        if self.letters > 0 {
            return u64::from(limits.exact_run);
        }
        match character {
            '0'..='9' => 120,
            _ if character.is_ascii() || ('\u{2500}'..='\u{257f}').contains(&character) => 400,
            _ => 160,
        }
    }

    fn need_in_code(&self, _limits: &RepeatSettings) -> u64 {
        if self.period > LINE { 3 * self.period } else { (7 * self.period).max(400) }
    }
}

/// Equal symbols that make a loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Need {
    pub text: u64,
    pub code: u64,
}

/// Emoji and the like, which stand for words.
fn is_picture(character: char) -> bool {
    matches!(character, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}
