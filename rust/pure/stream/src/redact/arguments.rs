mod names;

use std::sync::Arc;

use memchr::memchr2;

use self::names::Names;
use super::redactor::{Redaction, Redactor};
use super::rule_set::RuleSet;
use super::spelling::{AsSpelt, Released, Spelling};
use crate::keep::{Keep, Kept, Source, State};

/// Characters of a number at most; a longer run of digits is no JSON that anybody wrote.
const LONGEST_NUMBER: usize = 64;

/// Redacts the arguments of a tool call while they come: JSON text whose strings are read decoded, each for itself and
/// values behind the names of their members.
///
/// What is not replaced stays as it was written, and the result stays JSON: a number that is a secret becomes a string.
/// Text that does not begin with a bracket is read as it stands, and so is all behind the first word that is no JSON.
#[derive(Clone, Debug)]
pub(super) struct Arguments {
    redactor: Redactor,
    place: Place,
    spelling: Spelling,
    /// Bytes of the current string that were decoded.
    decoded: u64,
    /// The beginning of an escape, or a number or word whose end has not come.
    open: String,
    /// Decoded text of the current string that the redactor has not read yet.
    fresh: String,
    names: Names,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Nothing but white space has come.
    Start,
    /// Between strings.
    Between,
    Number,
    Plain,
    String,
    Word,
}

crate::keep::keep!(
    enum Place {
        Start,
        Between,
        Number,
        Plain,
        String,
        Word,
    }
);

impl State for Arguments {
    fn keep_state(&self, out: &mut Kept) {
        let Self { redactor, place, spelling, decoded, open, fresh, names } = self;
        redactor.keep_state(out);
        (*place, *decoded).keep(out);
        spelling.keep(out);
        open.keep(out);
        fresh.keep(out);
        names.keep(out);
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        self.redactor.take_state(from)?;
        (self.place, self.decoded) = Keep::take(from)?;
        self.spelling = Keep::take(from)?;
        self.open = Keep::take(from)?;
        self.fresh = Keep::take(from)?;
        self.names = Keep::take(from)?;
        Some(())
    }
}

impl Arguments {
    pub(super) fn new(rules: Arc<RuleSet>) -> Self {
        Self {
            redactor: Redactor::new(rules),
            place: Place::Start,
            spelling: Spelling::default(),
            decoded: 0,
            open: String::new(),
            fresh: String::new(),
            names: Names::default(),
        }
    }

    pub(super) fn push(&mut self, text: &str, out: &mut Released, redactions: &mut Vec<Redaction>) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let taken = match self.place {
                Place::Start => self.start(first, out),
                Place::Between => self.between(first, out),
                Place::Number => self.number(first, out, redactions),
                Place::Word => self.word(first, out),
                Place::String => self.string(rest, out, redactions),
                Place::Plain => {
                    self.fresh.push_str(rest);
                    rest.len()
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.read(out, redactions);
    }

    /// No more comes: what waited is decided. What is pushed afterwards begins new arguments.
    pub(super) fn finish(&mut self, out: &mut Released, redactions: &mut Vec<Redaction>) {
        match self.place {
            Place::Number => self.end_number(out, redactions),
            Place::String => {
                self.end_string(out, redactions);
                out.text.push_str(&std::mem::take(&mut self.open));
            }
            _ => self.redactor.finish(out, redactions),
        }
        out.text.push_str(&std::mem::take(&mut self.open));
        self.place = Place::Start;
        self.names.clear();
    }

    /// Bytes that wait, those of an unfinished escape, number or word among them.
    pub(super) fn held(&self) -> usize {
        self.redactor.held() + self.open.len()
    }

    fn start(&mut self, first: char, out: &mut Released) -> usize {
        match first {
            ' ' | '\t' | '\r' | '\n' => {
                out.text.push(first);
                return first.len_utf8();
            }
            '{' | '[' => self.place = Place::Between,
            _ => self.place = Place::Plain,
        }
        0
    }

    fn between(&mut self, first: char, out: &mut Released) -> usize {
        match first {
            '"' => {
                self.place = Place::String;
                if !self.names.begins() {
                    self.lead();
                }
                self.spelling.clear();
                self.decoded = 0;
                out.text.push(first);
            }
            ' ' | '\t' | '\r' | '\n' | '{' | '}' | '[' | ']' | ':' | ',' => {
                self.names.read(first);
                out.text.push(first);
            }
            '-' | '0'..='9' => {
                self.place = Place::Number;
                return 0;
            }
            't' | 'f' | 'n' => {
                self.place = Place::Word;
                return 0;
            }
            _ => {
                self.place = Place::Plain;
                return 0;
            }
        }
        first.len_utf8()
    }

    fn number(&mut self, first: char, out: &mut Released, redactions: &mut Vec<Redaction>) -> usize {
        if matches!(first, '0'..='9' | '+' | '-' | '.' | 'e' | 'E') && self.open.len() < LONGEST_NUMBER {
            self.open.push(first);
            return 1;
        }
        if first.is_alphanumeric() || matches!(first, '+' | '-' | '.' | '_') {
            self.read_as_plain();
        } else {
            self.end_number(out, redactions);
        }
        0
    }

    fn end_number(&mut self, out: &mut Released, redactions: &mut Vec<Redaction>) {
        self.place = Place::Between;
        let (start, replaced) = (out.text.len(), out.replaced_at.len());
        let number = std::mem::take(&mut self.open);
        self.lead();
        self.redactor.push(&number, out, redactions);
        self.redactor.finish(out, redactions);
        if out.replaced_at.len() > replaced {
            out.text.insert(start, '"');
            out.text.push('"');
            out.replaced_at.iter_mut().skip(replaced).for_each(|at| *at += 1);
        }
    }

    fn word(&mut self, first: char, out: &mut Released) -> usize {
        self.open.push(first);
        let words = ["true", "false", "null"];
        if words.contains(&self.open.as_str()) {
            out.text.push_str(&self.open);
            self.open.clear();
            self.place = Place::Between;
        } else if !words.iter().any(|word| word.starts_with(&self.open)) {
            self.read_as_plain();
        }
        first.len_utf8()
    }

    /// What has come of a number or word is none: from there on this is no JSON.
    fn read_as_plain(&mut self) {
        self.place = Place::Plain;
        self.fresh.push_str(&self.open);
        self.open.clear();
    }

    /// Reads on in a string; gives how many bytes were taken.
    fn string(&mut self, rest: &str, out: &mut Released, redactions: &mut Vec<Redaction>) -> usize {
        if !self.open.is_empty() {
            return self.escape(rest);
        }
        let run = memchr2(b'"', b'\\', rest.as_bytes()).unwrap_or(rest.len());
        let (plain, behind) = rest.split_at_checked(run).unwrap_or((rest, ""));
        self.fresh.push_str(plain);
        self.decoded += plain.len() as u64;
        match behind.as_bytes().first() {
            Some(b'"') => {
                self.end_string(out, redactions);
                out.text.push('"');
                self.place = Place::Between;
            }
            Some(_) => self.open.push('\\'),
            None => return run,
        }
        run + 1
    }

    /// Reads one more character of an escape; a first half of a pair waits for what follows it.
    fn escape(&mut self, rest: &str) -> usize {
        let Some(next) = rest.chars().next() else { return 0 };
        let half = self.open.get(..6).is_some();
        let inside = self.open.get(if half { 6 } else { 0 }..).unwrap_or_default();
        match (inside.len(), next) {
            // Behind a first half comes no second one.
            (0, other) if half && other != '\\' => return self.lone_half(0),
            (1, other) if half && other != 'u' => return self.lone_half(1),
            (1, other) if other != 'u' => {
                let character = match other {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                };
                self.open.push(other);
                self.spell(character, self.open.len());
                return other.len_utf8();
            }
            (2..=5, other) if !other.is_ascii_hexdigit() => {
                // No escape: it stands for nothing, and is kept as it is written.
                self.spell(char::REPLACEMENT_CHARACTER, self.open.len());
                return 0;
            }
            _ => self.open.push(next),
        }
        self.unit(half);
        next.len_utf8()
    }

    /// Decodes `\uXXXX` once it is whole, or the pair.
    fn unit(&mut self, half: bool) {
        let code = |text: Option<&str>| text.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let (first, second) = (code(self.open.get(2..6)), code(self.open.get(8..12)));
        match (half, first, second) {
            (true, Some(high), Some(low @ 0xDC00..=0xDFFF)) => {
                let decoded = char::decode_utf16([high, low]).next().and_then(Result::ok);
                self.spell(decoded.unwrap_or(char::REPLACEMENT_CHARACTER), self.open.len());
            }
            (true, _, Some(_)) => {
                self.lone_half(6);
                self.unit(false);
            }
            (false, Some(0xD800..=0xDBFF), _) => {}
            (false, Some(unit), _) => {
                self.spell(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER), self.open.len());
            }
            _ => {}
        }
    }

    /// The first half stands alone; `behind` bytes of the next escape have come. Takes nothing of the rest.
    fn lone_half(&mut self, behind: usize) -> usize {
        let next = self.open.split_off(self.open.len() - behind);
        self.spell(char::REPLACEMENT_CHARACTER, self.open.len());
        self.open = next;
        0
    }

    /// The first `length` bytes of what is open are the spelling of `character`.
    fn spell(&mut self, character: char, length: usize) {
        let spelt = self.open.get(..length).unwrap_or_default();
        self.spelling.push(self.decoded, character.len_utf8(), spelt);
        self.fresh.push(character);
        self.decoded += character.len_utf8() as u64;
        self.open.clear();
    }

    /// A value begins.
    fn lead(&mut self) {
        if !self.names.name.is_empty() {
            self.redactor.lead(&self.names.name);
        }
    }

    fn end_string(&mut self, out: &mut Released, redactions: &mut Vec<Redaction>) {
        if self.open.len() == 6 {
            self.lone_half(0);
        }
        self.read(out, redactions);
        self.redactor.finish(&mut AsSpelt { spelling: &mut self.spelling, out }, redactions);
    }

    fn read(&mut self, out: &mut Released, redactions: &mut Vec<Redaction>) {
        if self.fresh.is_empty() {
            return;
        }
        if self.names.is_name && self.place == Place::String {
            self.names.add(&self.fresh);
        }
        if self.place == Place::Plain {
            self.redactor.push(&self.fresh, out, redactions);
        } else {
            self.redactor.push(&self.fresh, &mut AsSpelt { spelling: &mut self.spelling, out }, redactions);
        }
        self.fresh.clear();
    }
}

impl RuleSet {
    /// Finished arguments with their matches replaced.
    pub(crate) fn redact_arguments(self: &Arc<Self>, text: &str) -> String {
        let (mut arguments, mut out) = (Arguments::new(Arc::clone(self)), Released::default());
        arguments.push(text, &mut out, &mut Vec::new());
        arguments.finish(&mut out, &mut Vec::new());
        out.text
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::redact::Rule;

    static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
        let mut rules = vec![Rule::new("ticket", "TICKET-[0-9]{4}"), Rule::new("face", "\u{1f600}!")];
        rules.push(Rule::new("pin", "pin: [0-9]{4}"));
        rules.extend(["email", "card", "aws_secret_key"].map(|name| Rule::built_in(name).unwrap()));
        Arc::new(RuleSet::new(&rules).unwrap())
    });

    fn redacted(pieces: &[&str]) -> (String, usize) {
        let mut arguments = Arguments::new(Arc::clone(&RULES));
        let (mut out, mut redactions) = (Released::default(), Vec::new());
        for piece in pieces {
            arguments.push(piece, &mut out, &mut redactions);
        }
        arguments.finish(&mut out, &mut redactions);
        assert_eq!(arguments.held(), 0);
        assert_eq!(out.replaced_at.len(), redactions.len());
        (out.text, redactions.len())
    }

    /// Whole, and cut in two everywhere, it gives `expected`.
    fn assert_redacts(text: &str, expected: &str) {
        let whole = redacted(&[text]);
        assert_eq!(whole.0, expected);
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            assert_eq!(redacted(&[&text[..cut], &text[cut..]]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn strings_are_read_decoded_and_the_rest_stays_as_it_was_written() {
        assert_redacts(
            r#" {"to": "bob\u0040x.org", "\u00e9": ["\/\n\"", "b\u006fb@x.org\t"], "n": -1.50e3, "ok": true}"#,
            r#" {"to": "[EMAIL]", "\u00e9": ["\/\n\"", "[EMAIL]\t"], "n": -1.50e3, "ok": true}"#,
        );
    }

    #[test]
    fn each_string_is_a_text_of_its_own() {
        assert_redacts(r#"["TICKET-", "0042", "TICKET-0042"]"#, r#"["TICKET-", "0042", "[TICKET]"]"#);
        assert_redacts(r#"{"bob@x.org": 1}"#, r#"{"[EMAIL]": 1}"#);
    }

    #[test]
    fn a_value_is_read_behind_the_name_of_its_member() {
        let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let secret = format!(
            r#"{{"region": "eu", "aws_secret\u005faccess_key": "{key}", "pin": 4711, "n": {{"pin": ["4711", "{key}"]}}}}"#
        );
        assert_redacts(
            &secret,
            &format!(
                r#"{{"region": "eu", "aws_secret\u005faccess_key": "[AWS_SECRET_KEY]", "pin": "[PIN]", "n": {{"pin": ["[PIN]", "{key}"]}}}}"#
            ),
        );
        let other =
            format!(r#"{{"aws_secret_access_key": "", "{key}": 1, "a": {{"aws_secret_key": true}}, "b": "{key}"}}"#);
        assert_redacts(&other, &other);
        assert_redacts(r#"{"pin": "47", "TICKET": "-0042"}"#, r#"{"pin": "47", "TICKET": "-0042"}"#);
    }

    #[test]
    fn a_number_that_is_a_secret_becomes_a_string() {
        assert_redacts(r#"{"card": 4111111111111111, "n": 42}"#, r#"{"card": "[CARD]", "n": 42}"#);
        assert_redacts("[4111111111111111", "[\"[CARD]\"");
    }

    #[test]
    fn pairs_of_escapes_and_halves_of_them_are_characters() {
        assert_redacts(r#"["\ud83d\ude00!", "\ud83d!", "\ude00!"]"#, r#"["[FACE]", "\ud83d!", "\ude00!"]"#);
        assert_redacts(r#"["\ud83d\ud83d\ude00!\ud83d\u0021"]"#, r#"["\ud83d[FACE]\ud83d\u0021"]"#);
        assert_redacts(r#"["\ud83d\nx\ud83d"]"#, r#"["\ud83d\nx\ud83d"]"#);
    }

    #[test]
    fn what_is_no_json_is_read_as_it_stands() {
        assert_redacts("ls TICKET-0042", "ls [TICKET]");
        assert_redacts("{to: bob@x.org, \"a\": \"TICKET-0042\"}", "{to: [EMAIL], \"a\": \"[TICKET]\"}");
        assert_redacts("[nul@x.org]", "[[EMAIL]]");
        assert_redacts("[12ab@x.org]", "[[EMAIL]]");
        assert_redacts(r#"["TICKET-004"#, r#"["TICKET-004"#);
        assert_redacts(r#"["\u00"#, r#"["\u00"#);
        assert_redacts(r#"["\u0g", "\ud83d\u"]"#, r#"["\u0g", "\ud83d\u"]"#);
    }
}
