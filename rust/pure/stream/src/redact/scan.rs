//! Where strings stand in JSON text that is known to be whole.

use std::ops::Range;

use memchr::memchr2;

/// What stands at one place of a JSON text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    /// The closing bracket of a container that has this many others around it.
    Close { levels: usize },
    /// The opening one.
    Open { levels: usize },
    /// The inside of a member's name.
    Key,
    /// A string's inside.
    Text,
    /// A number, `true`, `false`, `null`.
    Word,
}

/// Reads values one after the other, with the name of the member they are or stand in.
pub(super) struct Scan<'a> {
    json: &'a str,
    at: usize,
    levels: &'a mut Vec<Level>,
    key: Range<usize>,
    expects_key: bool,
}

/// A container that is open.
#[derive(Clone, Debug)]
pub(super) struct Level {
    is_object: bool,
    key: Range<usize>,
}

impl<'a> Scan<'a> {
    /// `levels` is room to use.
    pub(super) fn new(json: &'a str, levels: &'a mut Vec<Level>) -> Self {
        levels.clear();
        Self { json, at: 0, levels, key: 0..0, expects_key: false }
    }

    /// The name of the member that the last value is, or that its array is.
    pub(super) fn key(&self) -> &'a str {
        self.json.get(self.key.clone()).unwrap_or_default()
    }

    /// Where that name stands.
    pub(super) fn key_at(&self) -> Range<usize> {
        self.key.clone()
    }

    /// The next value or bracket, and where it stands.
    pub(super) fn next(&mut self) -> Option<(Token, Range<usize>)> {
        loop {
            let start = self.at;
            let byte = *self.json.as_bytes().get(start)?;
            self.at += 1;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b':' => {}
                b',' => self.expects_key = self.levels.last().is_some_and(|level| level.is_object),
                b'{' | b'[' => {
                    let levels = self.levels.len();
                    self.levels.push(Level { is_object: byte == b'{', key: self.key.clone() });
                    self.expects_key = byte == b'{';
                    return Some((Token::Open { levels }, start..self.at));
                }
                b'}' | b']' => {
                    self.key = self.levels.pop().map_or(0..0, |level| level.key);
                    self.expects_key = false;
                    return Some((Token::Close { levels: self.levels.len() }, start..self.at));
                }
                b'"' => {
                    self.at = string_end(self.json, self.at);
                    let inside = start + 1..self.at.saturating_sub(1).max(start + 1);
                    if !std::mem::take(&mut self.expects_key) {
                        return Some((Token::Text, inside));
                    }
                    self.key = inside.clone();
                    return Some((Token::Key, inside));
                }
                _ => {
                    let rest = self.json.as_bytes().get(start..)?;
                    let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
                    self.at = start + rest.iter().position(ends).unwrap_or(rest.len());
                    return Some((Token::Word, start..self.at));
                }
            }
            // An array's own name is that of its elements.
            if byte == b','
                && !self.expects_key
                && let Some(level) = self.levels.last()
            {
                self.key = level.key.clone();
            }
        }
    }
}

/// Behind the quote that ends a string whose inside begins at `at`.
fn string_end(json: &str, mut at: usize) -> usize {
    while let Some(found) = json.as_bytes().get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json.as_bytes().get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    json.len()
}

/// Behind the value that begins at `at`.
pub(super) fn value_end(json: &str, mut at: usize) -> usize {
    let mut depth = 0usize;
    while let Some(byte) = json.as_bytes().get(at) {
        match byte {
            b'"' => at = string_end(json, at + 1),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' => {
                if depth == 0 {
                    return at;
                }
                depth -= 1;
                at += 1;
            }
            b',' | b' ' | b'\t' | b'\r' | b'\n' | b':' if depth == 0 => return at,
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// Adds `text` as it stands inside a JSON string.
pub(crate) fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        let (plain, behind) = rest.split_at(at);
        out.push_str(plain);
        match behind.as_bytes().first() {
            Some(b'"') => out.push_str("\\\""),
            Some(b'\\') => out.push_str("\\\\"),
            Some(b'\n') => out.push_str("\\n"),
            Some(b'\r') => out.push_str("\\r"),
            Some(b'\t') => out.push_str("\\t"),
            Some(other) => {
                out.push_str("\\u00");
                out.extend([other >> 4, other & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
            }
            None => {}
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Vec<String> {
        let mut levels = Vec::new();
        let mut scan = Scan::new(json, &mut levels);
        let mut lines = Vec::new();
        while let Some((token, span)) = scan.next() {
            lines.push(match token {
                Token::Open { levels } => format!("{levels} {} {}", scan.key(), &json[span]),
                Token::Close { levels } => format!("{levels} {} {}", scan.key(), &json[span]),
                Token::Key => continue,
                Token::Text | Token::Word => format!("{}={}", scan.key(), &json[span]),
            });
        }
        lines
    }

    #[test]
    fn values_come_with_the_name_of_their_member() {
        let json = r#"{"a": "x\"}", "b": [1, "y", {"c": null, "d": []}, "z"], "e": {"f": "" }}"#;
        assert_eq!(
            read(json),
            [
                "0  {", "a=x\\\"}", "1 b [", "b=1", "b=y", "2 b {", "c=null", "3 d [", "3 d ]", "2 b }", "b=z",
                "1 b ]", "1 e {", "f=", "1 e }", "0  }"
            ]
        );
    }

    #[test]
    fn a_value_ends_where_its_last_bracket_or_quote_does() {
        let json = r#"{"a":[1,"]"],"b":-1.5e3 ,"c":"\\"}"#;
        for (at, value) in [(0, json), (5, r#"[1,"]"]"#), (6, "1"), (17, "-1.5e3"), (29, r#""\\""#)] {
            assert_eq!(&json[at..value_end(json, at)], value);
        }
    }

    #[test]
    fn escapes_are_those_of_json() {
        let mut out = String::new();
        escape("a\"\\\n\u{1}\u{1f}é", &mut out);
        assert_eq!(out, r#"a\"\\\n\u0001\u001fé"#);
        assert_eq!(serde_json::from_str::<String>(&format!("\"{out}\"")).unwrap(), "a\"\\\n\u{1}\u{1f}é");
    }
}
