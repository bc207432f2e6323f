//! Arguments of a call as one number, equal where the JSON says the same.

use super::hash::Hash;
use crate::json;

/// Nesting that is followed; deeper text is compared as it stands.
const DEPTH: u32 = 64;

/// The number of a call's arguments. Of JSON the order of keys, white space, the spelling of strings and trailing zeros of
/// numbers do not count, nor do fields named in `volatile`. Text that is no JSON counts as it stands.
pub(super) fn arguments(text: &str, volatile: &[String]) -> u64 {
    let text = text.trim();
    let mut reader = Reader { rest: text.as_bytes(), volatile };
    let value = reader.value(0);
    match value {
        Some(number) if reader.next().is_none() => number,
        _ if text.is_empty() => Reader { rest: b"{}", volatile }.value(0).unwrap_or_default(),
        _ => Hash::of(b'?', text.as_bytes()),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    volatile: &'a [String],
}

impl<'a> Reader<'a> {
    /// The next byte that is no white space, which stays.
    fn next(&mut self) -> Option<u8> {
        let space = self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.rest = self.rest.get(space..)?;
        self.rest.first().copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.rest = self.rest.get(1..).unwrap_or_default())
    }

    fn value(&mut self, depth: u32) -> Option<u64> {
        if depth > DEPTH {
            return None;
        }
        match self.next()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(|(number, _)| number),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    /// Members are added up, so that their order does not count.
    fn object(&mut self, depth: u32) -> Option<u64> {
        self.take(b'{')?;
        let mut sum = Hash::of(b'{', b"");
        if self.take(b'}').is_some() {
            return Some(sum);
        }
        loop {
            self.next()?;
            let (key, skipped) = self.string()?;
            self.take(b':')?;
            let value = self.value(depth + 1)?;
            if !skipped {
                sum = sum.wrapping_add(Hash::pair(key, value));
            }
            if self.take(b'}').is_some() {
                return Some(sum);
            }
            self.take(b',')?;
        }
    }

    fn array(&mut self, depth: u32) -> Option<u64> {
        self.take(b'[')?;
        let mut list = Hash::of(b'[', b"");
        if self.take(b']').is_some() {
            return Some(list);
        }
        loop {
            list = Hash::pair(list, self.value(depth + 1)?);
            if self.take(b']').is_some() {
                return Some(list);
            }
            self.take(b',')?;
        }
    }

    /// A string's number, and whether it names a volatile field. White space at its ends does not count.
    fn string(&mut self) -> Option<(u64, bool)> {
        let inner = self.rest.strip_prefix(b"\"")?;
        let mut end = 0;
        loop {
            end += memchr::memchr2(b'"', b'\\', inner.get(end..)?)?;
            if inner.get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        self.rest = inner.get(end + 1..)?;
        let inner = std::str::from_utf8(inner.get(..end)?).ok()?;
        if inner.bytes().any(|byte| byte < b' ') {
            return None;
        }
        if !inner.contains('\\') {
            return Some(self.told(inner));
        }
        let (mut text, mut pending) = (String::new(), None);
        json::unescape(inner, &mut pending, &mut text);
        Some(self.told(&text))
    }

    fn told(&self, text: &str) -> (u64, bool) {
        (Hash::of(b'"', text.trim().as_bytes()), self.volatile.iter().any(|name| name == text))
    }

    fn number(&mut self) -> Option<u64> {
        let length = self.rest.iter().take_while(|byte| b"+-.eE0123456789".contains(byte)).count();
        let (number, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        let plain = !number.iter().any(|byte| matches!(byte, b'e' | b'E'));
        let number = match number.iter().position(|byte| *byte == b'.') {
            Some(point) if plain => {
                let zeros = number.iter().rev().take_while(|byte| **byte == b'0').count();
                let kept = number.len() - zeros;
                number.get(..if kept == point + 1 { point } else { kept })?
            }
            _ => number,
        };
        Some(Hash::of(b'1', if number == b"-0" { b"0" } else { number }))
    }

    fn word(&mut self) -> Option<u64> {
        let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| self.rest.starts_with(word))?;
        self.rest = self.rest.get(word.len()..)?;
        Some(Hash::of(b't', word))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn number(text: &str) -> u64 {
        arguments(text, &["request_id".to_owned()])
    }

    #[test]
    fn what_says_the_same_is_the_same() {
        for (one, other) in [
            (r#"{"a": 1, "b": [1, 2]}"#, r#"{"b":[1,2],"a":1.0}"#),
            (r#"{"path": "a\u002fb\n"}"#, r#"{"path":"a/b"}"#),
            (r#"{"q": "x", "request_id": "1"}"#, r#"{"q": "x"}"#),
            (r#"{"q": {"y": [{"request_id": 7, "z": 0}]}}"#, r#"{"q": {"y": [{"z": -0}]}}"#),
            ("", "{}"),
            (" ls -la\n", "ls -la"),
        ] {
            assert_eq!(number(one), number(other), "{one} {other}");
        }
    }

    #[test]
    fn what_says_something_else_is_not() {
        for (one, other) in [
            (r#"{"a": 1}"#, r#"{"a": "1"}"#),
            (r#"{"a": [1, 2]}"#, r#"{"a": [2, 1]}"#),
            (r#"{"a": 1, "b": 2}"#, r#"{"a": 2, "b": 1}"#),
            (r#"{"a": {}}"#, r#"{"a": []}"#),
            (r#"{"a": 10}"#, r#"{"a": 1}"#),
            (r#"{"a": 1.05}"#, r#"{"a": 1.5}"#),
            (r#"{"a": [[], 1]}"#, r#"{"a": [[1]]}"#),
            (r#"{"a": 1"#, r#"{"a": 1}"#),
            ("true", "{}"),
        ] {
            assert_ne!(number(one), number(other), "{one} {other}");
        }
    }

    #[test]
    fn nesting_without_end_is_read_as_text() {
        let deep = "[".repeat(1 << 20);
        assert_eq!(number(&deep), Hash::of(b'?', deep.as_bytes()));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3..3i64).prop_map(Value::from),
            "y[ab\\\\\"é\n]{0,2}x".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn numbers_agree_with_the_canonical_text(one in json(), other in json()) {
            let (plain, pretty) = (one.to_string(), serde_json::to_string_pretty(&one).unwrap());
            prop_assert_eq!(number(&plain), number(&pretty));
            prop_assert_eq!(number(&plain) == number(&other.to_string()), one == other);
        }

        #[test]
        fn no_text_is_too_odd(text in "[\\[\\]{}:,\"\\\\ae0-9.u\\- ]{0,40}") {
            prop_assert_eq!(number(&text), number(&format!(" {text}\n")));
        }
    }
}
