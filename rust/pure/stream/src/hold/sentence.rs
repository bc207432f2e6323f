/// The sentence that a channel is in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sentence {
    characters: u32,
    /// It holds more than ends and white space.
    has_word: bool,
    after_digit: bool,
}

crate::keep::keep!(struct Sentence { characters, has_word, after_digit });

impl Sentence {
    /// Reads its next character; whether it ends with that. A new one begins then.
    ///
    /// A point behind a digit is none: most are in a number or behind that of a list.
    pub(super) fn push(&mut self, character: char, limit: u32) -> bool {
        let is_end = is_end(character);
        self.characters += 1;
        let ends = is_end && self.has_word && !(character == '.' && self.after_digit);
        self.has_word |= !is_end && !character.is_whitespace();
        self.after_digit = character.is_ascii_digit();
        let is_over = ends || self.characters >= limit;
        if is_over {
            *self = Self::default();
        }
        is_over
    }
}

/// The characters that end a sentence in the scripts that have one for it, and the line feed.
const fn is_end(character: char) -> bool {
    matches!(
        character,
        '.' | '!'
            | '?'
            | '\n'
            | '\u{589}' // Armenian
            | '\u{61F}' // Arabic
            | '\u{6D4}'
            | '\u{964}' // Devanagari and its neighbours
            | '\u{965}'
            | '\u{104A}' // Burmese
            | '\u{104B}'
            | '\u{1362}' // Ethiopic
            | '\u{1367}'
            | '\u{17D4}' // Khmer
            | '\u{17D5}'
            | '\u{F0D}' // Tibetan
            | '\u{2026}'
            | '\u{203C}'
            | '\u{2047}'
            ..='\u{2049}'
            | '\u{3002}' // Chinese and Japanese
            | '\u{FF01}'
            | '\u{FF0E}'
            | '\u{FF1F}'
            | '\u{FF61}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str, limit: u32) -> Vec<String> {
        let (mut sentence, mut pieces) = (Sentence::default(), vec![String::new()]);
        for character in text.chars() {
            pieces.last_mut().unwrap().push(character);
            if sentence.push(character, limit) {
                pieces.push(String::new());
            }
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    #[test]
    fn sentences_end_at_their_marks_in_many_scripts() {
        assert_eq!(sentences("It is. Is it? Yes!\nNo", 99), ["It is.", " Is it?", " Yes!", "\nNo"]);
        assert_eq!(sentences("今日は。元気？はい！", 99), ["今日は。", "元気？", "はい！"]);
        assert_eq!(sentences("यह है। हाँ", 99), ["यह है।", " हाँ"]);
        assert_eq!(sentences("هل هذا؟ نعم", 99), ["هل هذا؟", " نعم"]);
    }

    #[test]
    fn marks_alone_numbers_and_fences_begin_no_sentence_of_their_own() {
        assert_eq!(sentences("Wait... 3.14, then.", 99), ["Wait.", ".. 3.14, then."]);
        assert_eq!(sentences("1. One\n2. Two\n", 99), ["1. One\n", "2. Two\n"]);
        assert_eq!(sentences("```\ncode\n```\n", 99), ["```\n", "code\n", "```\n"]);
    }

    #[test]
    fn a_text_without_an_end_is_cut_at_the_limit() {
        assert_eq!(sentences("abcdefgh", 3), ["abc", "def", "gh"]);
    }
}
