//! Where Markdown says that code is.

/// Fewest marks of a fence.
const FENCE: u32 = 3;

/// Follows the fences of one text, character by character. Any indent is allowed, since lists indent their code.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fences {
    line: Line,
    /// The open fence's mark and length.
    open: Option<(char, u32)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Line {
    /// White space so far.
    #[default]
    Start,
    /// Then this mark so many times.
    Marks(char, u32),
    /// So many marks that they open a fence.
    Opening(char, u32),
    /// The language behind an opening fence.
    Info(char),
    /// Marks that close a fence if nothing but white space follows.
    Closing,
    Other,
}

impl Fences {
    /// Whether the text is inside a fence.
    pub(super) const fn code(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn push(&mut self, character: char) {
        if self.line == Line::Other && character != '\n' {
            return;
        }
        self.line = match self.line {
            _ if character == '\n' => self.end_line(),
            Line::Start if character.is_whitespace() => Line::Start,
            Line::Start if matches!(character, '`' | '~') => Line::Marks(character, 1),
            Line::Marks(mark, count) if mark == character => self.marks(mark, count + 1),
            Line::Opening(mark, count) if mark == character => {
                self.open = Some((mark, count + 1));
                Line::Opening(mark, count + 1)
            }
            Line::Info('`') if character == '`' => {
                // Marks on both sides of a word are code inside a line.
                self.open = None;
                Line::Other
            }
            Line::Opening(mark, _) | Line::Info(mark) => Line::Info(mark),
            Line::Marks(mark, count) if character.is_whitespace() && self.closes(mark, count) => Line::Closing,
            Line::Closing if character.is_whitespace() => Line::Closing,
            _ => Line::Other,
        };
    }

    fn marks(&mut self, mark: char, count: u32) -> Line {
        if self.open.is_some() || count < FENCE {
            return Line::Marks(mark, count);
        }
        self.open = Some((mark, count));
        Line::Opening(mark, count)
    }

    fn closes(&self, mark: char, count: u32) -> bool {
        self.open.is_some_and(|(open, least)| open == mark && count >= least)
    }

    fn end_line(&mut self) -> Line {
        let closed = match self.line {
            Line::Closing => true,
            Line::Marks(mark, count) => self.closes(mark, count),
            _ => false,
        };
        if closed {
            self.open = None;
        }
        Line::Start
    }
}

crate::keep::keep!(
    enum Line {
        Start,
        Marks(mark, count),
        Opening(mark, count),
        Info(mark),
        Closing,
        Other,
    }
);
crate::keep::keep!(struct Fences { line, open });

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each line's last character is inside a fence.
    fn lines(text: &str) -> String {
        let mut fences = Fences::default();
        let mut inside = String::new();
        for character in text.chars() {
            if character == '\n' {
                inside.push(if fences.code() { 'c' } else { '.' });
            }
            fences.push(character);
        }
        inside
    }

    #[test]
    fn code_is_between_fences() {
        assert_eq!(lines("a\n```rust\nfn a() {}\n```\nb\n"), ".ccc.");
    }

    #[test]
    fn an_indented_fence_counts() {
        assert_eq!(lines("- a\n\n  ~~~\n  x\n  ~~~  \nb\n"), "..ccc.");
    }

    #[test]
    fn a_longer_fence_holds_a_shorter_one() {
        assert_eq!(lines("````\n```\nx\n```\n````\nb\n"), "ccccc.");
    }

    #[test]
    fn a_fence_with_a_language_closes_nothing() {
        assert_eq!(lines("```\n```rust\nx\n```\nb\n"), "cccc.");
    }

    #[test]
    fn marks_around_a_word_are_no_fence() {
        assert_eq!(lines("```x``` is code\nb\n"), "..");
        assert_eq!(lines("a ``` b\nb\n"), "..");
    }
}
