//! What stands on the two sides of a place, for assertions.

use regex_automata::util::look::Look;

/// What a byte is to an assertion beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Cr,
    /// Nothing: the text begins or ends.
    Edge,
    Lf,
    Other,
    Underscore,
    Word,
}

impl Side {
    pub(super) const ALL: usize = 6;

    pub(super) fn of(byte: u8) -> Self {
        match byte {
            b'\n' => Self::Lf,
            b'\r' => Self::Cr,
            b'_' => Self::Underscore,
            _ if byte.is_ascii_alphanumeric() => Self::Word,
            _ => Self::Other,
        }
    }

    fn is_word(self, underscore: bool) -> bool {
        self == Self::Word || (underscore && self == Self::Underscore)
    }
}

/// Whether an assertion holds between two sides.
pub(super) fn holds(look: Look, before: Side, after: Side, underscore: bool) -> bool {
    let (left, right) = (before.is_word(underscore), after.is_word(underscore));
    match look {
        Look::Start => before == Side::Edge,
        Look::End => after == Side::Edge,
        Look::StartLF => matches!(before, Side::Edge | Side::Lf),
        Look::EndLF => matches!(after, Side::Edge | Side::Lf),
        Look::StartCRLF => matches!(before, Side::Edge | Side::Lf) || (before == Side::Cr && after != Side::Lf),
        Look::EndCRLF => matches!(after, Side::Edge | Side::Cr) || (after == Side::Lf && before != Side::Cr),
        Look::WordAscii | Look::WordUnicode => left != right,
        Look::WordAsciiNegate | Look::WordUnicodeNegate => left == right,
        Look::WordStartAscii | Look::WordStartUnicode => !left && right,
        Look::WordEndAscii | Look::WordEndUnicode => left && !right,
        Look::WordStartHalfAscii | Look::WordStartHalfUnicode => !left,
        Look::WordEndHalfAscii | Look::WordEndHalfUnicode => !right,
    }
}
