//! How much equal text is a loop. People repeat marks, lines and rows; they do not repeat sentences.

use super::history::{History, Symbol};
use super::settings::RepeatSettings;

/// Longest period of a line, and of a paragraph.
const LINE: u64 = 128;
const PARAGRAPH: u64 = 512;
/// Equal wide characters, which fill a line in half as many.
const WIDE_RUN: u32 = 39;

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
    commas: u64,
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
            commas: 0,
            line_breaks: 0,
            first: history.get(from),
        };
        for symbol in (from..history.count()).map(|at| history.get(at)) {
            let character = symbol.character();
            shape.letters += u64::from(character.is_alphabetic() || is_picture(character));
            shape.digits += u64::from(symbol.is_digit());
            shape.code_marks += u64::from("{}();=<>[]\\".contains(character));
            shape.commas += u64::from(character == ',');
            shape.line_breaks += u64::from(symbol.has_line_break());
        }
        shape
    }

    /// Symbols that must equal those one period before, in prose and in code.
    pub(super) fn need(&self, limits: &RepeatSettings) -> Need {
        Need { text: self.need_in_text(limits), code: self.need_in_code() }
    }

    fn need_in_text(&self, limits: &RepeatSettings) -> u64 {
        let period = self.period;
        match () {
            () if period == 1 => self.need_of_one(limits),
            () if self.letters == 0 && self.line_breaks > 0 => (11 * period).max(96),
            () if self.letters == 0 => 400,
            () if self.is_code() => self.need_in_code(),
            () if period <= PARAGRAPH => period + u64::from(limits.exact_beyond),
            () => 2 * period,
        }
    }

    /// A rule or a bar may fill a line; no word does.
    fn need_of_one(&self, limits: &RepeatSettings) -> u64 {
        let character = self.first.character();
        match character {
            _ if self.letters > 0 && is_wide(character) => u64::from(limits.exact_run.min(WIDE_RUN)),
            _ if self.letters > 0 => u64::from(limits.exact_run),
            // A googol written out has 100 zeros.
            '0'..='9' => 120,
            _ if character.is_ascii() || ('\u{2500}'..='\u{257f}').contains(&character) => 400,
            _ => 160,
        }
    }

    /// Tables of data repeat values for pages, code repeats short lines, and neither repeats blocks.
    fn need_in_code(&self) -> u64 {
        let period = self.period;
        match () {
            () if period == 1 => 1_500,
            () if self.commas > 0 && period <= LINE / 2 => 2_500,
            () if self.letters == 0 && self.line_breaks > 0 => (11 * period).max(240),
            () if period <= LINE / 2 => (7 * period).max(480),
            () if period <= LINE => 4 * period,
            () => 3 * period,
        }
    }

    /// Reads like a line of program code, fence or not.
    pub(super) fn is_code(&self) -> bool {
        self.code_marks >= 3 && 20 * self.code_marks >= self.period
    }
}

/// Equal symbols that make a loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Need {
    pub text: u64,
    pub code: u64,
}

/// Fills two columns, or nearly.
fn is_wide(character: char) -> bool {
    character >= '\u{1100}'
}

/// Emoji and the like, which stand for words.
fn is_picture(character: char) -> bool {
    matches!(character, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}
