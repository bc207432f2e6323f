use std::collections::VecDeque;

use super::redactor::Release;

/// Bytes of the longest spelling: two escapes that make one character.
const LONGEST: usize = 12;

/// How characters of a text were written where they do not stand for themselves, such as `\u0040` in JSON, until the
/// text is released.
#[derive(Clone, Debug, Default)]
pub(super) struct Spelling {
    odd: VecDeque<Odd>,
    /// Bytes of the text that are released.
    passed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Odd {
    /// Bytes of the text before the character.
    at: u64,
    /// Bytes of the character.
    length: u8,
    spelt: [u8; LONGEST],
    spelt_length: u8,
}

impl Spelling {
    /// The character of `length` bytes behind `at` bytes of the text is written as `spelt`.
    pub(super) fn push(&mut self, at: u64, length: usize, spelt: &str) {
        let mut bytes = [0; LONGEST];
        bytes.iter_mut().zip(spelt.bytes()).for_each(|(slot, byte)| *slot = byte);
        let spelt_length = spelt.len().min(LONGEST) as u8;
        self.odd.push_back(Odd { at, length: length as u8, spelt: bytes, spelt_length });
    }

    /// A new text begins.
    pub(super) fn clear(&mut self) {
        self.odd.clear();
        self.passed = 0;
    }

    /// Moves on over `text`, and hands it to `take` as it was written.
    fn pass(&mut self, text: &str, mut take: impl FnMut(&str)) {
        let end = self.passed + text.len() as u64;
        let mut rest = text;
        while let Some(odd) = self.odd.front().copied().filter(|odd| odd.at < end) {
            self.odd.pop_front();
            let (plain, behind) =
                rest.split_at_checked(odd.at.saturating_sub(self.passed) as usize).unwrap_or((rest, ""));
            take(plain);
            take(odd.spelt());
            rest = behind.get(odd.length.into()..).unwrap_or_default();
            self.passed = odd.at + u64::from(odd.length);
        }
        take(rest);
        self.passed = end;
    }
}

impl Odd {
    fn spelt(&self) -> &str {
        self.spelt.get(..self.spelt_length.into()).and_then(|spelt| str::from_utf8(spelt).ok()).unwrap_or_default()
    }
}

/// Text that is released, and where in it replacements begin.
#[derive(Clone, Debug, Default)]
pub(super) struct Released {
    pub(super) text: String,
    pub(super) replaced_at: Vec<usize>,
}

impl Release for Released {
    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn replacement(&mut self, text: &str) {
        self.replaced_at.push(self.text.len());
        self.text.push_str(text);
    }

    fn secret(&mut self, _: &str) {}
}

/// Releases text as it was written.
pub(super) struct AsSpelt<'a> {
    pub(super) spelling: &'a mut Spelling,
    pub(super) out: &'a mut Released,
}

impl Release for AsSpelt<'_> {
    fn text(&mut self, text: &str) {
        self.spelling.pass(text, |text| self.out.text.push_str(text));
    }

    fn replacement(&mut self, text: &str) {
        self.out.replacement(text);
    }

    fn secret(&mut self, text: &str) {
        self.spelling.pass(text, |_| {});
    }
}

crate::keep::keep!(struct Spelling { odd, passed });
crate::keep::keep!(struct Odd { at, length, spelt, spelt_length });
