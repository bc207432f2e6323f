//! How much equal text is a loop. People repeat marks, lines and rows; they do not repeat sentences.

use super::history::History;
use super::settings::RepeatSettings;
use super::shape::{LINE, Shape, is_wide};

/// Longest period of a paragraph.
const PARAGRAPH: u64 = 512;
/// Equal wide characters, which fill a line in half as many.
const WIDE_RUN: u32 = 39;
/// Equal digits: an address has 128 bits, a googol 100 zeros.
const DIGITS: u64 = 128;

/// Equal marks from which on they are looked at, and those that no drawing and no table of data holds.
const LEAST_MARKS: u64 = 96;
const DRAWING: u64 = 500;
const DATA: u64 = 12_000;
/// Figures, and fields between commas.
const FIGURES: u64 = 400;
/// Numbers with marks between them, in one line.
const NUMBERS: u64 = 240;
/// A key, a sequence of bases, padding in an encoded file.
const TOKEN: u64 = 1_000;
/// A line of code.
const CODE: u64 = 480;

/// Lines that fill a table, a song or a form, in copies of them.
const ROWS: u64 = 12;
const WORDS: u64 = 48;
const PATTERN: u64 = 24;
/// Rows without a letter, and those of a drawing or an array in code.
const MARKED_ROWS: u64 = 11;
const DRAWN_ROWS: u64 = 40;
/// Longest bar of music in rows.
const PLAYED: u64 = 192;
/// Symbols beyond whole copies of a verse.
const BEYOND_VERSE: u64 = 3;

impl Shape {
    /// Symbols that must equal those one period before, in prose and in code.
    pub(super) fn need(&self, limits: &RepeatSettings) -> Need {
        Need { text: self.need_in_text(limits), code: self.need_in_code() }
    }

    fn need_in_text(&self, limits: &RepeatSettings) -> u64 {
        let period = self.period;
        let prose = period + u64::from(limits.exact_beyond);
        match () {
            () if self.is_in_token() => TOKEN.max(2 * period),
            () if period == 1 => self.need_of_one(limits),
            () if !self.says_something() => LEAST_MARKS,
            () if self.is_code() => self.need_in_code(),
            () if self.is_row() => prose.max(period * self.copies_of_rows()),
            () if self.is_record() || self.is_fields() || self.is_figures() => (2 * period).max(FIGURES),
            () if self.is_word_a_line() => prose.max(period * self.copies_of_words()),
            () if self.is_sparse() => prose.max(period * self.copies_of_lines(PATTERN).max(4)),
            () if self.is_short_lines() && self.is_open() && period <= LINE / 2 => prose.max(3 * period + BEYOND_VERSE),
            () if self.is_short_lines() && (LINE / 2..PARAGRAPH).contains(&period) => {
                prose.max(2 * period + BEYOND_VERSE)
            }
            () if period <= PARAGRAPH => prose,
            () => 2 * period,
        }
    }

    /// Tablature and patterns of a drum are rows too, played over and over.
    fn copies_of_rows(&self) -> u64 {
        let played = if self.is_block() && self.is_sparse() && self.period <= PLAYED { 6 } else { 3 };
        self.copies_of_lines(ROWS).max(played)
    }

    fn copies_of_words(&self) -> u64 {
        self.copies_of_lines(if self.is_block() { PATTERN } else { WORDS })
    }

    /// A rule or a bar may fill a line; no word does.
    fn need_of_one(&self, limits: &RepeatSettings) -> u64 {
        let character = self.first.character();
        match character {
            _ if self.pictures > 0 || self.letters > 0 && is_wide(character) => {
                u64::from(limits.exact_run.min(WIDE_RUN))
            }
            _ if self.letters > 0 => u64::from(limits.exact_run),
            '0'..='9' => DIGITS,
            _ if character.is_ascii() || ('\u{2500}'..='\u{257f}').contains(&character) => 400,
            _ => 160,
        }
    }

    /// Tables of data repeat values for pages, code repeats short lines, and neither repeats blocks.
    fn need_in_code(&self) -> u64 {
        let period = self.period;
        match () {
            () if period == 1 => 1_500,
            () if !self.says_something() => LEAST_MARKS,
            () if self.is_data() => DATA,
            () if self.is_sparse() => CODE.max(period * self.copies_of_lines(PATTERN).max(6)),
            () if period <= LINE / 2 => CODE.max(7 * period),
            () if period <= LINE => 4 * period,
            () => 3 * period,
        }
    }

    /// What `count` equal symbols without a letter need. Rows may repeat for a page and a drawing may fill one; one line
    /// may not.
    pub(super) fn need_of_marks(&self, history: &History, count: u64, limits: &RepeatSettings) -> Option<Need> {
        if self.letters > 0 || self.period == 1 || self.is_in_token() {
            return None;
        }
        let from = history.count().saturating_sub(count).max(history.oldest());
        let lines = (from..history.count()).filter(|at| history.get(*at).has_line_break()).count() as u64;
        let data = if self.is_data() { DATA } else { 0 };
        let (text, code) = match lines {
            0 if self.pictures > 0 => (self.period + u64::from(limits.exact_beyond), CODE),
            0 if self.has_digits() => (NUMBERS, CODE),
            0 => (FIGURES, CODE),
            // The newest line break may still be to come.
            lines if lines + 1 >= (history.count() - from) / self.period => {
                ((MARKED_ROWS * self.period).max(LEAST_MARKS), self.need_of_rows_in_code())
            }
            _ => (DRAWING, 4 * DRAWING),
        };
        Some(Need { text, code: code.max(data) })
    }

    /// Rows of figures, as a log has them, are few; rows of a drawing or of an array may be many.
    fn need_of_rows_in_code(&self) -> u64 {
        if self.is_drawn() { (DRAWN_ROWS * self.period).max(CODE) } else { (MARKED_ROWS * self.period).max(NUMBERS) }
    }
}

/// Equal symbols that make a loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Need {
    text: u64,
    code: u64,
}

impl Need {
    pub(super) const fn of(self, code: bool) -> u64 {
        if code { self.code } else { self.text }
    }
}

crate::keep::keep!(struct Need { text, code });
