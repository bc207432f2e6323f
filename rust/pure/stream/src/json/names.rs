//! Objects that say a name twice: readers of JSON take the last value, the derived ones of serde none at all.

use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Bytes of a text that is looked into at most: it is rare, and taken apart whole.
const MAX_TEXT: usize = 64 << 10;
/// Levels that are looked into; deeper ones are kept as they are.
const LEVELS: u32 = 16;

/// The text with each name once in its object, with its last value; `None` where it is no JSON or repeats no name.
pub(crate) fn distinct(text: &str) -> Option<String> {
    let value: &RawValue = serde_json::from_str(text).ok().filter(|_| text.len() <= MAX_TEXT)?;
    let (mut out, mut repeats) = (String::with_capacity(text.len()), false);
    write(value, LEVELS, &mut out, &mut repeats);
    repeats.then_some(out)
}

fn write(value: &RawValue, levels: u32, out: &mut String, repeats: &mut bool) {
    let inner = levels.checked_sub(1).and_then(|levels| Some((levels, serde_json::from_str(value.get()).ok()?)));
    match inner {
        Some((levels, Shape::Object(members))) => {
            let mut separator = '{';
            for (at, (name, value)) in members.iter().enumerate() {
                if members.iter().skip(at + 1).take(NEAR).any(|(later, _)| later == name) {
                    *repeats = true;
                    continue;
                }
                let quoted = serde_json::to_string(name).unwrap_or_default();
                let _ = write!(out, "{separator}{quoted}:");
                write(value, levels, out, repeats);
                separator = ',';
            }
            out.push_str(if separator == '{' { "{}" } else { "}" });
        }
        Some((levels, Shape::Array(elements))) => {
            let mut separator = '[';
            for element in elements {
                out.push(std::mem::replace(&mut separator, ','));
                write(element, levels, out, repeats);
            }
            out.push_str(if separator == '[' { "[]" } else { "]" });
        }
        _ => out.push_str(value.get()),
    }
}

/// How many later names one is compared with: the time stays linear, and no provider's object has more.
const NEAR: usize = 64;

enum Shape<'a> {
    Array(Vec<&'a RawValue>),
    Leaf,
    Object(Vec<(String, &'a RawValue)>),
}

impl<'de> Deserialize<'de> for Shape<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Shape<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Shape::Object(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Shape::Array(elements))
            }

            leaves!(Shape::Leaf);
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_name_counts_at_every_level() {
        assert_eq!(
            distinct(r#"{"a":1,"b":[{"c":"x","c":"y\n"}],"a":{}}"#).as_deref(),
            Some(r#"{"b":[{"c":"y\n"}],"a":{}}"#)
        );
        assert_eq!(distinct(r#"[{"\u0061":1,"a":2}]"#).as_deref(), Some(r#"[{"a":2}]"#));
        assert_eq!(distinct(r#"{"a":{},"a":[]}"#).as_deref(), Some(r#"{"a":[]}"#));
    }

    #[test]
    fn a_text_without_a_name_said_twice_and_one_that_is_no_json_are_none() {
        assert_eq!(distinct(&format!(r#"{{"a":1,"a":"{}"}}"#, "x".repeat(MAX_TEXT))), None);
        for text in [r#"{"a":{"a":1}}"#, r#"[1,"a","a"]"#, "{", "", r#"{"a":1,"a"}"#] {
            assert_eq!(distinct(text), None, "{text}");
        }
    }

    #[test]
    fn deep_levels_cost_no_stack() {
        let deep = format!(r#"{{"a":1,"a":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
        assert_eq!(distinct(&deep).map(|text| text.len()), Some(deep.len() - 6));
    }
}
