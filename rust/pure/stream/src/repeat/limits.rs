//! How much equal text is a loop. People repeat marks, lines and rows; they do not repeat sentences.

use super::history::{History, Symbol};
use super::settings::RepeatSettings;

/// Longest period of a line, and of a paragraph.
const LINE: u64 = 128;
const PARAGRAPH: u64 = 512;
/// Equal wide characters, which fill a line in half as many.
const WIDE_RUN: u32 = 39;

/// Equal marks from which on they are looked at, and those that no drawing and no table of data holds.
const LEAST_MARKS: u64 = 96;
const DRAWING: u64 = 500;
const DATA: u64 = 12_000;

/// What one copy holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    /// Symbols.
    pub period: u64,
    letters: u64,
    pictures: u64,
    spaces: u64,
    /// Marks that stand in program code and seldom in prose, and those of them that prose has hardly ever.
    code_marks: u64,
    code_only: u64,
    commas: u64,
    bars: u64,
    /// Calls, assignments and ends of statements.
    statements: u64,
    first: Symbol,
}

impl Shape {
    /// Of the newest `period` symbols.
    pub(super) fn of(history: &History, period: u64) -> Self {
        let from = history.count().saturating_sub(period).max(history.oldest());
        let mut shape = Self {
            period,
            letters: 0,
            pictures: 0,
            spaces: 0,
            code_marks: 0,
            code_only: 0,
            commas: 0,
            bars: 0,
            statements: 0,
            first: history.get(from),
        };
        let mut letter = false;
        for symbol in (from..history.count()).map(|at| history.get(at)) {
            let character = symbol.character();
            shape.statements += u64::from(letter && character == '(' || ";=".contains(character));
            letter = character.is_alphabetic();
            shape.letters += u64::from(letter);
            shape.pictures += u64::from(is_picture(character));
            shape.spaces += u64::from(symbol.is_space() && !symbol.has_line_break());
            shape.code_only += u64::from("{};=<>\\".contains(character));
            shape.code_marks += u64::from("{}();=<>[]\\".contains(character));
            shape.commas += u64::from(character == ',');
            shape.bars += u64::from(character == '|');
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
            () if self.letters + self.pictures == 0 => LEAST_MARKS,
            () if self.is_code() => self.need_in_code(),
            () if self.is_record() => (2 * period).max(400),
            () if period <= PARAGRAPH => period + u64::from(limits.exact_beyond),
            () => 2 * period,
        }
    }

    /// A rule or a bar may fill a line; no word does.
    fn need_of_one(&self, limits: &RepeatSettings) -> u64 {
        let character = self.first.character();
        match character {
            _ if self.pictures > 0 || self.letters > 0 && is_wide(character) => {
                u64::from(limits.exact_run.min(WIDE_RUN))
            }
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
            () if self.letters + self.pictures == 0 => LEAST_MARKS,
            () if self.is_data() => DATA,
            () if period <= LINE / 2 => (7 * period).max(480),
            () if period <= LINE => 4 * period,
            () => 3 * period,
        }
    }

    /// Reads like the fields of a table as programs write them; people put a space behind a comma.
    pub(super) fn is_record(&self) -> bool {
        self.spaces == 0 && 16 * self.commas >= self.period
    }

    /// Reads like a row of a Markdown table, whose cells people do fill with equal words.
    pub(super) fn is_row(&self) -> bool {
        self.bars >= 2
    }

    /// Reads like values in a table: a comma at least every 16 symbols, and nothing done with them.
    fn is_data(&self) -> bool {
        self.period <= LINE / 2 && 16 * self.commas >= self.period && self.statements == 0
    }

    /// Reads like a line of program code, fence or not.
    pub(super) fn is_code(&self) -> bool {
        let dense = |marks: u64, least: u64| marks >= least && 20 * marks >= self.period;
        dense(self.code_marks, 3) || dense(self.code_only, 2)
    }

    /// What `count` equal symbols without a letter need. Rows may repeat for a page and a drawing may fill one; one line
    /// may not.
    pub(super) fn need_of_marks(&self, history: &History, count: u64, limits: &RepeatSettings) -> Option<Need> {
        if self.letters > 0 || self.period == 1 {
            return None;
        }
        let from = history.count().saturating_sub(count).max(history.oldest());
        let lines = (from..history.count()).filter(|at| history.get(*at).has_line_break()).count() as u64;
        let data = if self.is_data() { DATA } else { 0 };
        let (text, code) = match lines {
            0 if self.pictures > 0 => (self.period + u64::from(limits.exact_beyond), 480),
            0 => (400, 480),
            // The newest line break may still be to come.
            lines if lines + 1 >= (history.count() - from) / self.period => {
                ((11 * self.period).max(LEAST_MARKS), (11 * self.period).max(240))
            }
            _ => (DRAWING, 4 * DRAWING),
        };
        Some(Need { text, code: code.max(data) })
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

/// Fills two columns, or nearly.
pub(super) fn is_wide(character: char) -> bool {
    character >= '\u{1100}'
}

/// Emoji and the like, which stand for words.
fn is_picture(character: char) -> bool {
    matches!(character, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}
