//! The text so far, folded: each run of white space is one symbol. Old symbols are overwritten.

/// Symbols kept at most. A power of two.
pub(super) const CAPACITY: usize = 8_192;
const FIRST_CAPACITY: usize = 256;

/// One folded character: its code point, whether the white space it stands for holds a line break and ends in an indent,
/// and how many more characters it stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Symbol(u32);

impl Symbol {
    const CODE_POINT: u32 = 0x1F_FFFF;
    const LINE_BREAK: u32 = 1 << 21;
    const INDENT: u32 = 1 << 22;
    const ONE_MORE: u32 = 1 << 23;

    pub(super) const fn code_point(self) -> u32 {
        self.0 & Self::CODE_POINT
    }

    pub(super) fn character(self) -> char {
        char::from_u32(self.code_point()).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    pub(super) const fn is_space(self) -> bool {
        self.code_point() == ' ' as u32
    }

    pub(super) const fn is_digit(self) -> bool {
        self.digit().is_some()
    }

    /// The value of a decimal digit of any script that numbers are often written in.
    pub(super) const fn digit(self) -> Option<u32> {
        let code = self.code_point();
        let zero = match code {
            ..0x660 => '0' as u32,
            0x660..=0x669 => 0x660,
            0x6F0..=0x6F9 => 0x6F0,
            0x966..=0x96F => 0x966,
            0x9E6..=0x9EF => 0x9E6,
            0xE50..=0xE59 => 0xE50,
            0xFF10..=0xFF19 => 0xFF10,
            _ => return None,
        };
        let value = code.wrapping_sub(zero);
        if value < 10 { Some(value) } else { None }
    }

    pub(super) const fn has_line_break(self) -> bool {
        self.0 & Self::LINE_BREAK != 0
    }

    /// White space that ends behind the beginning of a line.
    pub(super) const fn is_indent(self) -> bool {
        self.0 & Self::INDENT != 0
    }

    /// Characters of the text it stands for.
    pub(super) const fn characters(self) -> u64 {
        1 + (self.0 / Self::ONE_MORE) as u64
    }
}

/// The newest symbols of one channel, addressed by their number from the channel's start.
#[derive(Clone, Debug)]
pub(super) struct History {
    ring: Vec<Symbol>,
    /// Symbols so far.
    count: u64,
    /// Characters so far.
    characters: u64,
}

impl History {
    pub(super) fn new() -> Self {
        Self { ring: vec![Symbol::default(); FIRST_CAPACITY], count: 0, characters: 0 }
    }

    /// Adds a character. False where it only lengthens a run of white space.
    pub(super) fn push(&mut self, character: char) -> bool {
        self.characters += 1;
        if character.is_whitespace() {
            return self.push_space(character == '\n' || character == '\r');
        }
        self.append(Symbol(u32::from(character)));
        true
    }

    fn push_space(&mut self, line_break: bool) -> bool {
        let flag = if line_break { Symbol::LINE_BREAK } else { 0 };
        let slot = self.slot(self.count.wrapping_sub(1));
        match self.ring.get_mut(slot) {
            Some(last) if self.count > 0 && last.is_space() && last.0 <= u32::MAX - Symbol::ONE_MORE => {
                let indent = if last.has_line_break() { Symbol::INDENT } else { 0 };
                let kept = if line_break { last.0 & !Symbol::INDENT } else { last.0 | indent };
                last.0 = (kept | flag) + Symbol::ONE_MORE;
                false
            }
            _ => {
                self.append(Symbol(u32::from(' ') | flag));
                true
            }
        }
    }

    fn append(&mut self, symbol: Symbol) {
        if self.count == self.ring.len() as u64 && self.ring.len() < CAPACITY {
            // Positions below the old capacity keep their slots, so that nothing moves.
            self.ring.resize(self.ring.len() * 2, Symbol::default());
        }
        let slot = self.slot(self.count);
        if let Some(place) = self.ring.get_mut(slot) {
            *place = symbol;
        }
        self.count += 1;
    }

    fn slot(&self, at: u64) -> usize {
        at as usize & (self.ring.len() - 1)
    }

    /// The symbol at `at`, which must not lie before [`History::oldest`].
    pub(super) fn get(&self, at: u64) -> Symbol {
        self.ring.get(self.slot(at)).copied().unwrap_or_default()
    }

    /// Symbols so far; the newest is at one less.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Characters so far.
    pub(super) const fn characters(&self) -> u64 {
        self.characters
    }

    /// Position of the oldest symbol kept.
    pub(super) fn oldest(&self) -> u64 {
        self.count.saturating_sub(self.ring.len() as u64)
    }

    pub(super) fn capacity(&self) -> usize {
        self.ring.len()
    }

    /// Characters that the symbols from `from` to before `to` stand for.
    pub(super) fn characters_between(&self, from: u64, to: u64) -> u64 {
        (from..to).map(|at| self.get(at).characters()).sum()
    }

    /// The symbols from `from` to before `to` as text, at most `limit` of them, without control characters.
    pub(super) fn excerpt(&self, from: u64, to: u64, limit: u64) -> String {
        let shown = from.max(self.oldest())..to.min(from.max(self.oldest()) + limit);
        let text: String = shown.map(|at| self.get(at).character()).map(visible).collect();
        text.trim().to_owned()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.ring.capacity() * size_of::<Symbol>()
    }
}

fn visible(character: char) -> char {
    if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }
}

crate::keep::keep!(tuple Symbol);
crate::keep::keep!(struct History { ring, count, characters });

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> History {
        let mut history = History::new();
        text.chars().for_each(|character| _ = history.push(character));
        history
    }

    #[test]
    fn a_run_of_white_space_is_one_symbol_that_knows_its_length_and_line_break() {
        let history = of("a \n\t b");
        assert_eq!(history.count(), 3);
        assert_eq!(history.get(1).characters(), 4);
        assert!(history.get(1).has_line_break());
        assert_eq!(history.characters_between(0, 3), 6);
        assert_eq!(history.excerpt(0, 3, 80), "a b");
    }

    #[test]
    fn a_run_of_white_space_beyond_what_one_symbol_holds_is_two() {
        let history = of(&" ".repeat(513));
        assert_eq!((history.count(), history.get(0).characters(), history.get(1).characters()), (2, 512, 1));
    }

    #[test]
    fn the_newest_symbols_are_kept_and_the_ring_stops_growing() {
        let history = of(&"abcdefg".repeat(3_000));
        assert_eq!(history.count(), 21_000);
        assert_eq!(history.oldest(), 21_000 - CAPACITY as u64);
        assert_eq!(history.get(20_999).character(), 'g');
        assert_eq!(
            history.get(history.oldest()).character(),
            ['a', 'b', 'c', 'd', 'e', 'f', 'g'][history.oldest() as usize % 7]
        );
        assert_eq!(history.bytes(), CAPACITY * 4);
    }

    #[test]
    fn control_characters_do_not_reach_an_excerpt() {
        assert_eq!(of("a\u{1b}b").excerpt(0, 3, 80), "a\u{fffd}b");
    }
}
