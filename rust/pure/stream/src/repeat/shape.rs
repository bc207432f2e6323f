//! What one copy of repeated text looks like.

use super::history::{History, Symbol};

/// Longest period of a line.
pub(super) const LINE: u64 = 128;
/// A token of so many letters and digits before the first copy is no word.
const TOKEN: u64 = 16;
/// Longest word, in columns.
const WORD: u64 = 12;
/// Longest line of a verse, on average.
const VERSE: u64 = 64;

/// What one copy holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    /// Symbols.
    pub period: u64,
    pub letters: u64,
    /// Letters that fill two columns.
    wide: u64,
    pub pictures: u64,
    pub first: Symbol,
    digits: u64,
    words: u64,
    spaces: u64,
    lines: u64,
    /// Lines that are indented and begin with a letter.
    indented: u64,
    pub commas: u64,
    bars: u64,
    /// Braces and colons, as objects have them.
    pairs: u64,
    /// Marks that stand in program code and seldom in prose, and those of them that prose has hardly ever.
    code_marks: u64,
    code_only: u64,
    /// Calls, assignments and ends of statements.
    statements: u64,
    /// Lines that end as statements do.
    ends: u64,
    /// Lines that end as sentences do.
    stops: u64,
    /// Text before the first copy goes on in it without white space, as in a key or a sequence.
    in_token: bool,
}

impl Shape {
    /// Of the newest `period` symbols, whose first copy begins at `origin`.
    pub(super) fn of(history: &History, period: u64, origin: u64) -> Self {
        let from = history.count().saturating_sub(period).max(history.oldest());
        let mut shape = Self {
            period,
            letters: 0,
            wide: 0,
            pictures: 0,
            first: history.get(from),
            digits: 0,
            words: 0,
            spaces: 0,
            lines: 0,
            indented: 0,
            commas: 0,
            bars: 0,
            pairs: 0,
            code_marks: 0,
            code_only: 0,
            statements: 0,
            ends: 0,
            stops: 0,
            in_token: in_token(history, origin),
        };
        // The copy before ends as this one does.
        let mut before = history.get(history.count() - 1);
        for at in from..history.count() {
            let symbol = history.get(at);
            shape.add(before, symbol);
            before = symbol;
        }
        shape
    }

    fn add(&mut self, before: Symbol, symbol: Symbol) {
        let (last, character) = (before.character(), symbol.character());
        let letter = character.is_alphabetic();
        self.letters += u64::from(letter);
        self.wide += u64::from(letter && is_wide(character));
        self.words += u64::from(letter && !last.is_alphabetic());
        self.indented += u64::from(letter && before.is_indent());
        self.digits += u64::from(symbol.is_digit());
        self.pictures += u64::from(is_picture(character));
        if symbol.has_line_break() {
            self.lines += 1;
            self.ends += u64::from(");{}".contains(last));
            self.stops += u64::from(".!?:。！？：".contains(last));
        } else {
            self.spaces += u64::from(symbol.is_space());
        }
        self.statements += u64::from(last.is_alphabetic() && character == '(' || ";=".contains(character));
        self.code_only += u64::from("{};=<>\\".contains(character));
        let follows_word = last.is_alphanumeric() || last == '_';
        let call = "([".contains(character) && follows_word || ")]".contains(character) && "([\"'".contains(last);
        self.code_marks += u64::from("{};=<>\\".contains(character) || call);
        self.pairs += u64::from("{}:".contains(character));
        self.commas += u64::from(character == ',');
        self.bars += u64::from(character == '|');
    }

    /// Letters, or pictures that stand for words.
    pub(super) const fn says_something(&self) -> bool {
        self.letters + self.pictures > 0
    }

    pub(super) const fn has_digits(&self) -> bool {
        self.digits > 0
    }

    /// Marks without a digit, or marks of code.
    pub(super) const fn is_drawn(&self) -> bool {
        self.digits == 0 || self.code_only > 0
    }

    /// Reads like the fields of a table as programs write them; people put a space behind a comma.
    pub(super) const fn is_record(&self) -> bool {
        self.spaces == 0 && 16 * self.commas >= self.period
    }

    /// Reads like a row of a Markdown table, whose cells people do fill with equal words.
    pub(super) const fn is_row(&self) -> bool {
        self.bars >= 2
    }

    /// Reads like values in a table: a comma at least every 24 symbols, and nothing done with them.
    pub(super) const fn is_data(&self) -> bool {
        let rows = self.pairs == 0 || self.letters == 0;
        self.period <= LINE && 24 * self.commas >= self.period && self.statements == 0 && rows
    }

    /// Reads like rows of values: three commas or more a line.
    pub(super) const fn is_fields(&self) -> bool {
        self.lines > 0 && self.commas >= 3 * self.lines && 16 * self.commas >= self.period
    }

    /// Reads like a line of program code, fence or not.
    pub(super) fn is_code(&self) -> bool {
        let dense = |marks: u64, least: u64| marks >= least && 20 * marks >= self.period;
        dense(self.code_marks, 3)
            || dense(self.code_only, 2)
            || self.spaces + self.lines == 0 && self.code_only > 0
            || self.lines > 0 && (self.ends == self.lines && self.statements > 0 || self.indented == self.lines)
    }

    /// Is a part of a key, a sequence of bases, an encoded file.
    pub(super) const fn is_in_token(&self) -> bool {
        self.in_token && self.spaces + self.lines == 0
    }

    /// Several lines.
    pub(super) const fn is_block(&self) -> bool {
        self.lines > 1
    }

    /// Copies that hold `lines` lines, one line being the least a copy can hold.
    pub(super) fn copies_of_lines(&self, lines: u64) -> u64 {
        lines.div_ceil(self.lines.max(1))
    }

    /// One word a line, or less. A longer line without spaces is a sentence in a script that has none.
    pub(super) const fn is_word_a_line(&self) -> bool {
        let short = self.letters + self.wide <= WORD * self.lines;
        self.lines > 0 && self.words <= self.lines && short && self.pictures == 0
    }

    /// Lines of marks between which few letters stand: tablature, forms, patterns of a drum.
    pub(super) const fn is_sparse(&self) -> bool {
        self.lines > 0 && 3 * (self.letters + self.pictures) < self.period
    }

    /// Numbers with a letter here and there.
    pub(super) const fn is_figures(&self) -> bool {
        self.letters < self.digits && 4 * self.letters <= self.period
    }

    /// Lines of which some end as those of a song do, without a full stop.
    pub(super) const fn is_open(&self) -> bool {
        self.stops < self.lines
    }

    /// Lines as short as those of a verse or a list.
    pub(super) const fn is_short_lines(&self) -> bool {
        self.lines > 0 && self.period <= VERSE * self.lines
    }
}

/// Whether what stands before `origin` looks like a key, an encoded file or a sequence of bases.
fn in_token(history: &History, origin: u64) -> bool {
    let Some(from) = origin.checked_sub(TOKEN).filter(|from| *from >= history.oldest()) else { return false };
    let (mut large, mut small, mut digits, mut bases) = (0, 0, 0, 0);
    for at in from..origin {
        let character = history.get(at).character();
        large += u64::from(character.is_ascii_uppercase());
        small += u64::from(character.is_ascii_lowercase());
        digits += u64::from(character.is_ascii_digit());
        bases += u64::from("ACGNTU".contains(character));
        if !character.is_ascii_alphanumeric() && !"+/=_-".contains(character) {
            return false;
        }
    }
    bases == TOKEN || digits > 0 && large + small > 0 || small > 0 && 2 * large >= TOKEN
}

/// Fills two columns, or nearly.
pub(super) const fn is_wide(character: char) -> bool {
    character >= '\u{1100}'
}

/// Emoji and the like, which stand for words.
const fn is_picture(character: char) -> bool {
    matches!(character, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}

crate::keep::keep!(struct Shape { period, letters, wide, pictures, first, digits, words, spaces, lines, indented, commas, bars, pairs, code_marks, code_only, statements, ends, stops, in_token });
