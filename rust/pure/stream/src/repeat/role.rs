use super::history::{History, Symbol};
use super::shape::is_wide;

/// What a number is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// The part behind the point of a decimal number.
    Fraction,
    /// It ends an entry, as in `Line 7`.
    Label,
    /// It begins one, as in `7. apples`.
    Marker,
    Other,
    /// A part of a name, time, date or address.
    Part,
}

/// The digits of one number and what stands around them.
struct Number<'a> {
    history: &'a History,
    first: u64,
    /// Behind the last digit.
    end: u64,
}

impl Role {
    /// Of the number whose first digit is at `first`.
    pub(super) fn of(history: &History, first: u64) -> Self {
        let mut end = first + 1;
        while end < history.count() && history.get(end).is_digit() {
            end += 1;
        }
        let number = Number { history, first, end };
        match () {
            () if joins(number.symbol(end)) && number.symbol(end + 1).is_digit() => Self::Part,
            () if number.before(1).is_digit() || joins(number.before(1)) && number.before(2).is_digit() => {
                number.decimal()
            }
            () if is_name(number.before(1)) => number.question(),
            () => number.plain(number.begins_item()),
        }
    }
}

impl Number<'_> {
    fn symbol(&self, at: u64) -> Symbol {
        if at < self.history.count() { self.history.get(at) } else { Symbol::default() }
    }

    /// The symbol `back` places before the number.
    fn before(&self, back: u64) -> Symbol {
        let at = self.first.checked_sub(back).filter(|at| *at >= self.history.oldest());
        at.map_or(Symbol::default(), |at| self.symbol(at))
    }

    /// Whether a line begins behind the symbol `back` places before.
    fn begins_line(&self, back: u64) -> bool {
        self.first + 1 == back || self.before(back).has_line_break()
    }

    /// Whether a line begins before the number, or before the mark of an item.
    fn begins_item(&self) -> bool {
        let marks = (1..5).take_while(|back| "*-•#>[( ".contains(self.before(*back).character()));
        let back = marks.take_while(|back| !self.before(*back).has_line_break()).count() as u64;
        self.begins_line(back + 1)
    }

    /// The second part of `1.2`, in which a chapter may count.
    fn decimal(&self) -> Role {
        let digits = (2..8).take_while(|back| self.before(*back).is_digit()).count() as u64;
        let outside = self.before(digits + 2);
        if self.before(1).character() != '.' || digits == 0 || joins(outside) || is_name(outside) {
            return Role::Part;
        }
        let zero = digits == 1 && self.before(2).character() == '0';
        match self.plain(self.begins_line(digits + 2)) {
            Role::Label | Role::Marker if zero => Role::Fraction,
            Role::Other => Role::Fraction,
            role => role,
        }
    }

    /// `Q3.` at the beginning of a line or a sentence; other numbers behind a letter belong to a name.
    fn question(&self) -> Role {
        match self.plain(true) {
            Role::Marker
                if (self.begins_line(2) || self.before(2).is_space())
                    && ".)".contains(self.symbol(self.end).character()) =>
            {
                Role::Marker
            }
            _ => Role::Part,
        }
    }

    fn plain(&self, begins_line: bool) -> Role {
        let mut at = self.end;
        at += u64::from(self.symbol(at).is_space() && !self.symbol(at).has_line_break());
        let marks = at;
        while ".:)]|-".contains(self.symbol(at).character()) && at < marks + 4 {
            at += 1;
        }
        let closed = (marks..at).any(|at| ")]|".contains(self.symbol(at).character()));
        match self.symbol(at) {
            end if ",;".contains(end.character()) || end.has_line_break() => Role::Label,
            end if end.is_space() && at > marks && (begins_line || closed) => Role::Marker,
            _ => Role::Other,
        }
    }
}

fn joins(symbol: Symbol) -> bool {
    ":./-,".contains(symbol.character())
}

/// Names end in a letter or a line below; scripts without spaces put numbers behind any word.
fn is_name(symbol: Symbol) -> bool {
    let character = symbol.character();
    character == '_' || character.is_alphabetic() && !is_wide(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The role of the number at the `#`, which stands for the digits 12.
    fn role(text: &str) -> Role {
        let mut history = History::new();
        text.replace('#', "12").chars().for_each(|character| _ = history.push(character));
        Role::of(&history, text.find('#').unwrap() as u64)
    }

    #[test]
    fn a_number_before_an_entry_is_its_marker() {
        for text in [
            "a\n#. apples",
            "#) apples",
            "| # | apples",
            "a\n* #. apples",
            "a (#) apples",
            "a\nQ#. Why?",
            "So? Q#. Why?",
            "a\n1.#. Why?",
        ] {
            assert_eq!(role(text), Role::Marker, "{text}");
        }
    }

    #[test]
    fn a_number_at_the_end_of_an_entry_is_its_label() {
        for text in ["Line #\nLine", "item #, item", "Page #:\n"] {
            assert_eq!(role(text), Role::Label, "{text}");
        }
    }

    #[test]
    fn a_part_of_something_larger_does_not_count() {
        for text in ["12:#:30 up", "2024-#-01 up", "10.0.0.# up", "x# = 1", "a_# = 1", "#.5 up", "1,#0 up"] {
            assert_eq!(role(text), Role::Part, "{text}");
        }
    }

    #[test]
    fn a_number_in_a_sentence_is_neither() {
        for text in ["Day # was dull", "In # they left"] {
            assert_eq!(role(text), Role::Other, "{text}");
        }
    }

    #[test]
    fn a_number_behind_a_point_is_a_fraction() {
        for text in ["Version 1.#: fixes", "0.# up", "0.#\n"] {
            assert_eq!(role(text), Role::Fraction, "{text}");
        }
    }
}
