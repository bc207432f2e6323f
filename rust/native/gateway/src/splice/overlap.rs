//! What a second answer says again of the first.

/// Characters of the first answer's end that are looked at.
const LONGEST: usize = 200;
/// Fewer characters may be a continuation that happens to begin alike.
const SHORTEST: usize = 20;

/// Drops the beginning of a text that repeats the end of the one before: a server that does not go on behind the turn that
/// it was given, but says the last of it again.
#[derive(Debug, Default)]
pub(crate) struct Overlap {
    /// The end of the text before; empty once it is settled.
    tail: Vec<char>,
    /// White space at the end of that text which the request could not hold.
    trimmed: String,
    held: String,
    is_settled: bool,
}

impl Overlap {
    /// Behind `text`, of which the request held all but the end from byte `kept` on.
    pub(crate) fn behind(text: &str, kept: usize) -> Self {
        let count = text.chars().count();
        let tail = text.chars().skip(count.saturating_sub(LONGEST)).collect();
        let trimmed = text.get(kept..).unwrap_or_default().to_owned();
        Self { tail, trimmed, held: String::new(), is_settled: text.is_empty() }
    }

    /// What passes of the next piece.
    pub(crate) fn take(&mut self, text: &str) -> String {
        if self.is_settled {
            return text.to_owned();
        }
        self.held.push_str(text);
        let held: Vec<char> = self.held.chars().collect();
        if held.is_empty() {
            return String::new();
        }
        let mut longest = None;
        for length in SHORTEST..=self.tail.len() {
            let Some(end) = self.tail.get(self.tail.len() - length..) else { continue };
            if held.len() < length && end.starts_with(&held) {
                return String::new();
            }
            if held.starts_with(end) {
                longest = Some(length);
            }
        }
        let white = held.iter().take_while(|character| character.is_whitespace()).count();
        // The white space that the request lacked may come again, and more of it in the next piece.
        if longest.is_none() && white == held.len() && white < self.trimmed.chars().count() {
            return String::new();
        }
        self.settle(longest)
    }

    /// Nothing more comes: what passes of what was held.
    pub(crate) fn rest(&mut self) -> String {
        if self.is_settled { String::new() } else { self.settle(None) }
    }

    fn settle(&mut self, repeated: Option<usize>) -> String {
        self.is_settled = true;
        let held = std::mem::take(&mut self.held);
        if let Some(repeated) = repeated {
            return held.chars().skip(repeated).collect();
        }
        let again = self.trimmed.chars().zip(held.chars()).take_while(|(one, other)| one == other).count();
        held.chars().skip(again).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "The quick brown fox jumps over the lazy dog, and then it";

    fn joined(before: &str, kept: usize, pieces: &[&str]) -> String {
        let mut overlap = Overlap::behind(before, kept);
        let mut text = before.to_owned();
        for piece in pieces {
            text.push_str(&overlap.take(piece));
        }
        text + &overlap.rest()
    }

    #[test]
    fn a_continuation_passes_as_it_is() {
        assert_eq!(joined(BEFORE, BEFORE.len(), &[" sle", "eps."]), format!("{BEFORE} sleeps."));
        assert_eq!(joined("Hel", 3, &["l", "o"]), "Hello");
        assert_eq!(joined("ha ha ", 6, &["ha ", "ha"]), "ha ha ha ha");
        assert_eq!(joined("", 0, &["Hi"]), "Hi");
    }

    #[test]
    fn what_is_said_again_is_dropped_however_it_is_cut() {
        let again = "jumps over the lazy dog, and then it sleeps.";
        for size in 1..again.len() {
            let pieces: Vec<&str> = again.as_bytes().chunks(size).map(|piece| str::from_utf8(piece).unwrap()).collect();
            assert_eq!(joined(BEFORE, BEFORE.len(), &pieces), format!("{BEFORE} sleeps."), "{size}");
        }
    }

    #[test]
    fn white_space_that_a_request_could_not_hold_stands_once() {
        assert_eq!(joined("One.\n\n", 4, &["\n", "\nTwo."]), "One.\n\nTwo.");
        assert_eq!(joined("One.\n\n", 4, &["Two."]), "One.\n\nTwo.");
        assert_eq!(joined("One. ", 4, &["\nTwo."]), "One. \nTwo.");
    }
}
