/// Letters of a word that are kept to tell an abbreviation.
const LONGEST: usize = 4;

/// Words whose point ends no sentence, in small letters, beside those of one letter, as in `e.g.`, `z.B.` and `J. Smith`.
const SHORT: [&[u8]; 12] = [b"bzw", b"ca", b"cf", b"dr", b"fig", b"mr", b"mrs", b"ms", b"nr", b"prof", b"vgl", b"vs"];

/// The sentence that a channel is in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sentence {
    characters: u32,
    /// It holds more than ends and white space.
    has_word: bool,
    after_digit: bool,
    /// Letters in a row up to here, and the first of them.
    letters: u32,
    word: [u8; LONGEST],
}

crate::keep::keep!(struct Sentence { characters, has_word, after_digit, letters, word });

impl Sentence {
    /// Reads its next character; whether it ends with that. A new one begins then.
    ///
    /// A point behind a digit is none, most being in a number or behind that of a list, nor is one behind an abbreviation:
    /// then the text is asked for with the next sentence, and nothing has to wait to be told what it is.
    pub(super) fn push(&mut self, character: char, limit: u32) -> bool {
        let is_end = is_end(character);
        self.characters += 1;
        let is_point = character == '.' && (self.after_digit || self.is_short());
        let ends = is_end && self.has_word && !is_point;
        self.has_word |= !is_end && !character.is_whitespace();
        self.after_digit = character.is_ascii_digit();
        self.spell(character);
        let is_over = ends || self.characters >= limit;
        if is_over {
            *self = Self::default();
        }
        is_over
    }

    fn spell(&mut self, character: char) {
        if !character.is_alphabetic() {
            self.letters = 0;
            return;
        }
        if let Some(place) = self.word.get_mut(self.letters as usize) {
            *place = if character.is_ascii() { character.to_ascii_lowercase() as u8 } else { 0 };
        }
        self.letters = self.letters.saturating_add(1);
    }

    /// Whether the word up to here is an abbreviation.
    fn is_short(&self) -> bool {
        let word = self.word.get(..self.letters as usize);
        self.letters == 1 || word.is_some_and(|word| SHORT.contains(&word))
    }
}

/// The characters that end a sentence: those of Unicode's `Sentence_Terminal`, the line feed, the dots of an ellipsis and
/// the Tibetan shad.
fn is_end(character: char) -> bool {
    match character {
        '\n' | '!' | '.' | '?' => true,
        '\0'..'\u{589}' => false,
        '\u{F0D}' | '\u{2026}' => true,
        _ => {
            let above = ENDS.partition_point(|(first, _)| *first <= character);
            above.checked_sub(1).and_then(|at| ENDS.get(at)).is_some_and(|(_, last)| character <= *last)
        }
    }
}

/// `Sentence_Terminal` of Unicode 16.
const ENDS: &[(char, char)] = &[
    ('\u{21}', '\u{21}'),
    ('\u{2E}', '\u{2E}'),
    ('\u{3F}', '\u{3F}'),
    ('\u{589}', '\u{589}'),
    ('\u{61D}', '\u{61F}'),
    ('\u{6D4}', '\u{6D4}'),
    ('\u{700}', '\u{702}'),
    ('\u{7F9}', '\u{7F9}'),
    ('\u{837}', '\u{837}'),
    ('\u{839}', '\u{839}'),
    ('\u{83D}', '\u{83E}'),
    ('\u{964}', '\u{965}'),
    ('\u{104A}', '\u{104B}'),
    ('\u{1362}', '\u{1362}'),
    ('\u{1367}', '\u{1368}'),
    ('\u{166E}', '\u{166E}'),
    ('\u{1735}', '\u{1736}'),
    ('\u{17D4}', '\u{17D5}'),
    ('\u{1803}', '\u{1803}'),
    ('\u{1809}', '\u{1809}'),
    ('\u{1944}', '\u{1945}'),
    ('\u{1AA8}', '\u{1AAB}'),
    ('\u{1B4E}', '\u{1B4F}'),
    ('\u{1B5A}', '\u{1B5B}'),
    ('\u{1B5E}', '\u{1B5F}'),
    ('\u{1B7D}', '\u{1B7F}'),
    ('\u{1C3B}', '\u{1C3C}'),
    ('\u{1C7E}', '\u{1C7F}'),
    ('\u{2024}', '\u{2024}'),
    ('\u{203C}', '\u{203D}'),
    ('\u{2047}', '\u{2049}'),
    ('\u{2CF9}', '\u{2CFB}'),
    ('\u{2E2E}', '\u{2E2E}'),
    ('\u{2E3C}', '\u{2E3C}'),
    ('\u{2E53}', '\u{2E54}'),
    ('\u{3002}', '\u{3002}'),
    ('\u{A4FF}', '\u{A4FF}'),
    ('\u{A60E}', '\u{A60F}'),
    ('\u{A6F3}', '\u{A6F3}'),
    ('\u{A6F7}', '\u{A6F7}'),
    ('\u{A876}', '\u{A877}'),
    ('\u{A8CE}', '\u{A8CF}'),
    ('\u{A92F}', '\u{A92F}'),
    ('\u{A9C8}', '\u{A9C9}'),
    ('\u{AA5D}', '\u{AA5F}'),
    ('\u{AAF0}', '\u{AAF1}'),
    ('\u{ABEB}', '\u{ABEB}'),
    ('\u{FE12}', '\u{FE12}'),
    ('\u{FE15}', '\u{FE16}'),
    ('\u{FE52}', '\u{FE52}'),
    ('\u{FE56}', '\u{FE57}'),
    ('\u{FF01}', '\u{FF01}'),
    ('\u{FF0E}', '\u{FF0E}'),
    ('\u{FF1F}', '\u{FF1F}'),
    ('\u{FF61}', '\u{FF61}'),
    ('\u{10A56}', '\u{10A57}'),
    ('\u{10F55}', '\u{10F59}'),
    ('\u{10F86}', '\u{10F89}'),
    ('\u{11047}', '\u{11048}'),
    ('\u{110BE}', '\u{110C1}'),
    ('\u{11141}', '\u{11143}'),
    ('\u{111C5}', '\u{111C6}'),
    ('\u{111CD}', '\u{111CD}'),
    ('\u{111DE}', '\u{111DF}'),
    ('\u{11238}', '\u{11239}'),
    ('\u{1123B}', '\u{1123C}'),
    ('\u{112A9}', '\u{112A9}'),
    ('\u{113D4}', '\u{113D5}'),
    ('\u{1144B}', '\u{1144C}'),
    ('\u{115C2}', '\u{115C3}'),
    ('\u{115C9}', '\u{115D7}'),
    ('\u{11641}', '\u{11642}'),
    ('\u{1173C}', '\u{1173E}'),
    ('\u{11944}', '\u{11944}'),
    ('\u{11946}', '\u{11946}'),
    ('\u{11A42}', '\u{11A43}'),
    ('\u{11A9B}', '\u{11A9C}'),
    ('\u{11C41}', '\u{11C42}'),
    ('\u{11EF7}', '\u{11EF8}'),
    ('\u{11F43}', '\u{11F44}'),
    ('\u{16A6E}', '\u{16A6F}'),
    ('\u{16AF5}', '\u{16AF5}'),
    ('\u{16B37}', '\u{16B38}'),
    ('\u{16B44}', '\u{16B44}'),
    ('\u{16D6E}', '\u{16D6F}'),
    ('\u{16E98}', '\u{16E98}'),
    ('\u{1BC9F}', '\u{1BC9F}'),
    ('\u{1DA88}', '\u{1DA88}'),
];

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
        assert_eq!(sentences("یہ ہے۔ ہاں", 99), ["یہ ہے۔", " ہاں"]);
        assert_eq!(sentences("ይህ ነው። አዎ", 99), ["ይህ ነው።", " አዎ"]);
        assert_eq!(sentences("នេះ។ បាទ", 99), ["នេះ។", " បាទ"]);
        assert_eq!(sentences("ဒါ။ ဟုတ်", 99), ["ဒါ။", " ဟုတ်"]);
    }

    #[test]
    fn abbreviations_initials_and_numbers_end_none() {
        assert_eq!(
            sentences("Some, e.g. this. Or 3.5 of J. Smith. No", 99),
            ["Some, e.g. this.", " Or 3.5 of J. Smith.", " No"]
        );
        assert_eq!(
            sentences("Das ist z.B. Dr. Müller bzw. Frau X. Ja.", 99),
            ["Das ist z.B. Dr. Müller bzw. Frau X. Ja."]
        );
        assert_eq!(sentences("He saw Mrs. Grey. Alms. Then", 99), ["He saw Mrs. Grey.", " Alms.", " Then"]);
    }

    #[test]
    fn every_sentence_terminal_of_unicode_ends_one() {
        let hir = regex_syntax::Parser::new().parse(r"\p{Sentence_Terminal}").unwrap();
        let regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) = hir.into_kind() else {
            panic!("a class of characters");
        };
        let is_terminal = |character| class.iter().any(|range| (range.start()..=range.end()).contains(&character));
        for character in ('\0'..=char::MAX).filter(|character| !"\n…\u{F0D}".contains(*character)) {
            assert_eq!(is_end(character), is_terminal(character), "{character:?}");
        }
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
