//! Made-up secrets and texts around them, drawn by a seed. They are put together at run time, so that no scanner takes them
//! for real ones.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::Arc;

use midstream_stream::redact::{Redactor, RuleSet};

/// Cut behind any character, `text` gives `expected`; at most `left` cuts are tried, which counts them down.
pub(crate) fn assert_same_at_every_cut(rules: &Arc<RuleSet>, text: &str, expected: &str, left: &mut u64) {
    let mut head = Redactor::new(Arc::clone(rules));
    let (mut passed, mut redactions) = (String::new(), Vec::new());
    for (at, character) in text.char_indices() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let (mut rest, mut released) = (head.clone(), String::new());
        rest.push(&text[at..], &mut released, &mut redactions);
        rest.finish(&mut released, &mut redactions);
        let whole = expected.strip_prefix(&passed).and_then(|tail| tail.strip_prefix(&released));
        assert_eq!(whole, Some(""), "{text:?} cut at {at} gives {passed:?} and {released:?}");
        head.push(character.encode_utf8(&mut [0; 4]), &mut passed, &mut redactions);
    }
    head.finish(&mut passed, &mut redactions);
    assert_eq!(passed, expected, "{text:?} by characters");
}

/// Splitmix64: the same draws in every run.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

pub(crate) const HEX: &str = "0123456789abcdef";
pub(crate) const DIGITS: &str = "0123456789";
pub(crate) const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
pub(crate) const MIXED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    pub(crate) fn one<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// `length` characters of an ASCII alphabet.
    pub(crate) fn of(&mut self, alphabet: &str, length: usize) -> String {
        (0..length).map(|_| char::from(self.one(alphabet.as_bytes()))).collect()
    }

    /// A secret of one of the published forms.
    pub(crate) fn secret(&mut self) -> String {
        let (head, alphabet, length) = match self.below(21) {
            0 => return self.email(),
            1 => return self.card(),
            2 => return self.iban(),
            3 => return self.phone(),
            4 => return self.key_block(),
            5 => return ["eyJ", &self.of(MIXED, 20), ".eyJ", &self.of(MIXED, 30), ".", &self.of(MIXED, 43)].concat(),
            6 => return ["SG.", &self.of(MIXED, 22), ".", &self.of(MIXED, 43)].concat(),
            7 => (["AK", "IA"], "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
            8 => (["gh", "p_"], MIXED, 36),
            9 => (["github", "_pat_"], MIXED, 82),
            10 => (["gl", "pat-"], MIXED, 20),
            11 => (["sk-", "ant-api03-"], MIXED, 95),
            12 => (["sk-", "proj-"], MIXED, 100),
            13 => (["h", "f_"], MIXED, 34),
            14 => (["np", "m_"], MIXED, 36),
            15 => (["sk_", "live_"], MIXED, 24),
            16 => (["xo", "xb-123456789012-"], MIXED, 24),
            17 => (["AI", "za"], MIXED, 35),
            18 => (["S", "K"], HEX, 32),
            19 => (["Bear", "er "], MIXED, 40),
            _ => (["pypi-", "AgEIcHlwaS5vcmc"], MIXED, 80),
        };
        head.concat() + &self.of(alphabet, length)
    }

    fn email(&mut self) -> String {
        let (name, host) = (3 + self.below(12), 3 + self.below(9));
        let end = self.one(&["org", "com", "co.uk", "example"]);
        [&self.of(MIXED, name), "@", &self.of(HEX, host), ".", end].concat()
    }

    fn card(&mut self) -> String {
        let (head, length) = self.one(&[("4", 16), ("51", 16), ("37", 15), ("6011", 16), ("3528", 16)]);
        let digits = head.to_owned() + &self.of(DIGITS, length - 1 - head.len());
        let last = (0..10).map(|last| format!("{digits}{last}")).find(|number| luhn(number));
        grouped(&last.unwrap_or_default(), self.one(&["", " ", "-"]))
    }

    fn iban(&mut self) -> String {
        let (country, length) = self.one(&[("DE", 22), ("FR", 27), ("NL", 18), ("ES", 24)]);
        let account = match country {
            "NL" => self.of(CAPITALS, 4) + &self.of(DIGITS, 10),
            _ => self.of(DIGITS, length - 4),
        };
        let remainder = remainder_of_97(&format!("{account}{country}00"));
        let whole = format!("{country}{:02}{account}", 98 - remainder);
        grouped(&whole, self.one(&["", " "]))
    }

    fn phone(&mut self) -> String {
        match self.below(3) {
            0 => ["+44 20 ", &self.of(DIGITS, 4), " ", &self.of(DIGITS, 4)].concat(),
            1 => ["+1", &self.of("23456789", 3), &self.of("23456789", 1), &self.of(DIGITS, 6)].concat(),
            _ => ["(", &self.of("23456789", 3), ") ", &self.of("23456789", 3), "-", &self.of(DIGITS, 4)].concat(),
        }
    }

    fn key_block(&mut self) -> String {
        let dashes = "-".repeat(5);
        let lines: String = (0..1 + self.below(3)).map(|_| self.of(MIXED, 64) + "\n").collect();
        format!("{dashes}BEGIN RSA {0} KEY{dashes}\n{lines}{dashes}END RSA {0} KEY{dashes}", "PRIVATE")
    }

    /// Words, numbers, punctuation, other scripts, beginnings of secrets; and secrets, which are also given apart.
    pub(crate) fn text(&mut self, pieces: usize) -> (String, Vec<String>) {
        let (mut text, mut secrets) = (String::new(), Vec::new());
        for _ in 0..1 + self.below(pieces) {
            match self.below(9) {
                0 | 1 => {
                    let secret = self.secret();
                    text.extend([" \u{201c}", &secret, "\u{201d} "]);
                    secrets.push(secret);
                }
                2 => {
                    let secret = self.secret();
                    let end = self.below(secret.len());
                    text.extend([" ", &secret[..end], "\u{e9} "]);
                }
                3 => {
                    let length = self.below(8);
                    text.push_str(&self.of(" .,:-+@_/()\"\\\n\t", length));
                }
                4 => text.push_str(self.one(&["\u{1f600}", "\u{65e5}\u{672c}", "\u{e9}", "\u{10ffff}", "\u{1}"])),
                5 => {
                    let length = self.below(9);
                    text.push_str(&self.of(DIGITS, length));
                }
                _ => {
                    let length = 1 + self.below(9);
                    text.push_str(&self.of("abcdefghijklmnopqrstuvwxyz", length));
                    text.push(' ');
                }
            }
        }
        (text, secrets)
    }

    /// `text` inside a JSON string: characters for themselves or escaped, in pieces that may part the two halves of a pair.
    pub(crate) fn json_pieces(&mut self, text: &str, most: usize) -> Vec<String> {
        let mut units: Vec<String> = Vec::new();
        let escapes = self.below(3) == 0;
        for character in text.chars() {
            if character < ' ' || matches!(character, '"' | '\\') || (escapes && self.below(4) == 0) {
                let mut pair = [0; 2];
                units.extend(character.encode_utf16(&mut pair).iter().map(|unit| format!("\\u{unit:04x}")));
            } else {
                units.push(character.to_string());
            }
        }
        let mut cuts: Vec<usize> = (0..self.below(most)).map(|_| self.below(units.len() + 1)).collect();
        cuts.extend([0, units.len()]);
        cuts.sort_unstable();
        cuts.windows(2).map(|pair| units[pair[0]..pair[1]].concat()).collect()
    }
}

pub(crate) fn luhn(number: &str) -> bool {
    let digits = number.chars().rev().filter_map(|digit| digit.to_digit(10));
    let doubled = |(at, digit): (usize, u32)| if at % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { digit };
    digits.enumerate().map(doubled).sum::<u32>() % 10 == 0
}

/// The remainder of letters and digits, letters standing for 10 to 35.
pub(crate) fn remainder_of_97(text: &str) -> u32 {
    text.chars()
        .filter_map(|character| character.to_digit(36))
        .fold(0, |sum, digit| (if digit < 10 { sum * 10 + digit } else { sum * 100 + digit }) % 97)
}

/// In groups of four.
fn grouped(text: &str, separator: &str) -> String {
    let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..text.len().min(at + 4)]).collect();
    groups.join(separator)
}
