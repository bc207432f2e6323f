//! Reading JSON leniently: a field of an unexpected type is as if it were absent, and nothing else fails with it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The visits of a value that is neither object nor array: `$nothing` for each.
macro_rules! leaves {
    ($nothing:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
    };
}
/// A leaf of any type, kept as the text it stands in. `null` is `None`.
pub(crate) type Leaf<'a> = Option<&'a RawValue>;

/// Adds the text of a whole JSON string's inside to `out`.
pub(crate) fn unescape_all(inner: &str, out: &mut String) {
    let mut half = None;
    unescape(inner, &mut half, out);
    out.extend(half.map(|_| char::REPLACEMENT_CHARACTER));
}

/// Adds the text of a JSON string's inside to `out`. The first half of a surrogate pair at the end waits in `pending`
/// for the next fragment; a half without its partner becomes U+FFFD.
pub(crate) fn unescape(inner: &str, pending: &mut Option<u16>, out: &mut String) {
    let mut rest = inner;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        literal(&rest[..at], pending, out);
        rest = &rest[at + 1..];
        let escape = rest.as_bytes().first().copied();
        if escape == Some(b'u') {
            let unit = rest.get(1..5).and_then(|digits| u16::from_str_radix(digits, 16).ok());
            code_unit(unit.unwrap_or(0xFFFD), pending, out);
            rest = rest.get(5..).unwrap_or_default();
            continue;
        }
        let character = match escape {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => rest.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER),
        };
        lone(pending, out);
        out.push(character);
        rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    literal(rest, pending, out);
}

fn literal(text: &str, pending: &mut Option<u16>, out: &mut String) {
    if !text.is_empty() {
        lone(pending, out);
        out.push_str(text);
    }
}

fn lone(pending: &mut Option<u16>, out: &mut String) {
    if pending.take().is_some() {
        out.push(char::REPLACEMENT_CHARACTER);
    }
}

fn code_unit(unit: u16, pending: &mut Option<u16>, out: &mut String) {
    if let (Some(high), 0xDC00..=0xDFFF) = (*pending, unit) {
        *pending = None;
        out.extend(char::decode_utf16([high, unit]).flatten());
        return;
    }
    lone(pending, out);
    match unit {
        0xD800..=0xDBFF => *pending = Some(unit),
        unit => out.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)),
    }
}

/// The string a leaf holds, decoded; `None` where it is none.
pub(crate) fn string(leaf: Leaf<'_>) -> Option<std::borrow::Cow<'_, str>> {
    let raw = leaf?.get();
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(inner.into());
    }
    let (mut text, mut pending) = (String::new(), None);
    unescape(inner, &mut pending, &mut text);
    lone(&mut pending, &mut text);
    Some(text.into())
}

/// The unsigned integer a leaf holds, `5.0` among them; `None` where it is none.
pub(crate) fn integer(leaf: Leaf<'_>) -> Option<u64> {
    let raw = leaf?.get();
    let whole = raw.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|digit| digit == b'0'));
    whole.map_or(raw, |(whole, _)| whole).parse().ok()
}

/// Whether a leaf is `true`.
pub(crate) fn is_true(leaf: Leaf<'_>) -> bool {
    leaf.is_some_and(|leaf| leaf.get() == "true")
}

/// A struct where the text has an object; else nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maybe<T>(pub(crate) Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Maybe<T> {
    pub(crate) fn as_ref(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = Maybe<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|value| Maybe(Some(value)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Maybe(None))
            }

            leaves!(Maybe(None));
        }

        deserializer.deserialize_any(Shape(PhantomData))
    }
}

/// The structs of an array, other elements left out; nothing where the text has no array.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> List<T> {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(List::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(Maybe(element)) = seq.next_element()? {
                    list.extend(element);
                }
                Ok(List(list))
            }

            leaves!(List::default());
        }

        deserializer.deserialize_any(Shape(PhantomData))
    }
}

/// As [`List`], with room for one element before anything is allocated.
#[derive(Clone, Debug)]
pub(crate) struct Few<T> {
    /// The text has an array.
    pub(crate) given: bool,
    first: Option<T>,
    rest: Vec<T>,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { given: false, first: None, rest: Vec::new() }
    }
}

impl<T> Few<T> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.rest)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn push(&mut self, element: T) {
        if self.first.is_none() {
            self.first = Some(element);
        } else {
            self.rest.push(element);
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Few::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut few = Few { given: true, ..Few::default() };
                while let Some(Maybe(element)) = seq.next_element()? {
                    element.into_iter().for_each(|element| few.push(element));
                }
                Ok(few)
            }

            leaves!(Few::default());
        }

        deserializer.deserialize_any(Shape(PhantomData))
    }
}

/// The object or array a leaf holds, read as `T`; nothing where it is of another shape.
pub(crate) fn inside<'a, T: Deserialize<'a> + Default>(leaf: Leaf<'a>) -> T {
    leaf.and_then(|leaf| serde_json::from_str(leaf.get()).ok()).unwrap_or_default()
}

/// A leaf that holds a string of at least one character.
pub(crate) fn words(leaf: Leaf<'_>) -> Leaf<'_> {
    leaf.filter(|leaf| leaf.get().len() > 2 && leaf.get().starts_with('"'))
}

mod names;

pub(crate) use names::distinct;

/// Levels of nesting that most readers of JSON take; `serde_json` and others refuse more.
const MAX_DEPTH: usize = 128;

/// Whether objects and arrays stand inside each other deeper than [`MAX_DEPTH`].
pub(crate) fn is_too_deep(text: &str) -> bool {
    let opens = |byte: &&u8| matches!(byte, b'[' | b'{');
    // Nearly every text is too short or has too few brackets, and counting them is cheap.
    if text.len() <= 2 * MAX_DEPTH || text.as_bytes().iter().filter(opens).count() <= MAX_DEPTH {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// How many bytes a leaf's base64 stands for; 0 where it is no string.
pub(crate) fn base64_bytes(leaf: Leaf<'_>) -> u64 {
    let digits = words(leaf).map_or(0, |leaf| {
        leaf.get()
            .bytes()
            .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'))
            .count()
    });
    digits as u64 * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(fragments: &[&str]) -> String {
        let (mut text, mut pending) = (String::new(), None);
        for fragment in fragments {
            unescape(fragment, &mut pending, &mut text);
        }
        lone(&mut pending, &mut text);
        text
    }

    #[test]
    fn escapes_decode_as_json_says() {
        assert_eq!(unescaped(&[r#"a\"\\\/\n\t\u00e9\u4e2d"#]), "a\"\\/\n\té中");
    }

    #[test]
    fn a_surrogate_pair_split_over_fragments_joins() {
        assert_eq!(unescaped(&[r"x\ud83d", r"\ude00y"]), "x😀y");
    }

    #[test]
    fn halves_without_partner_become_replacement_characters() {
        assert_eq!(unescaped(&[r"\ud83d", "x", r"\ude00", r"\ud83d\ud83d\ude00"]), "\u{fffd}x\u{fffd}\u{fffd}😀");
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(!is_too_deep(&nested(MAX_DEPTH)));
        assert!(is_too_deep(&nested(MAX_DEPTH + 1)));
        assert!(!is_too_deep(&format!(r#"["{}\"{{"]"#, "[".repeat(500))));
        assert!(!is_too_deep(&"[],".repeat(500)));
    }

    #[test]
    fn wrong_types_count_as_absent() {
        #[derive(serde::Deserialize)]
        struct Wire<'a> {
            #[serde(borrow, default)]
            leaf: Leaf<'a>,
            #[serde(borrow, default)]
            list: List<Inner<'a>>,
        }
        #[derive(serde::Deserialize)]
        struct Inner<'a> {
            #[serde(borrow, default)]
            index: Leaf<'a>,
        }
        let wire: Wire<'_> =
            serde_json::from_str(r#"{"leaf": {"deep": [1]}, "list": [1, {"index": 7}, null]}"#).unwrap();
        assert_eq!(integer(wire.leaf), None);
        assert_eq!(wire.list.iter().filter_map(|inner| integer(inner.index)).collect::<Vec<_>>(), [7]);
        let wire: Wire<'_> = serde_json::from_str(r#"{"list": "none"}"#).unwrap();
        assert!(wire.list.0.is_empty());
    }
}
