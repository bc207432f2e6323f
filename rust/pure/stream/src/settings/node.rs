//! Settings as they were written: a tree of values, each with its place.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// Characters of a value that an error shows.
const SHOWN: usize = 80;

/// One value and the bytes it stands in; none in JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Flag(bool),
    List(Vec<Node>),
    Nothing,
    Number(f64),
    Table(Vec<Entry>),
    Text(String),
    /// A date or a time, which no setting is.
    Time,
    Whole(i128),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// The bytes of the key.
    pub(super) at: Range<usize>,
    pub(super) node: Node,
}

/// One part of a key's path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    At(usize),
    Key(String),
}

impl Node {
    pub(super) fn of(value: Value) -> Self {
        Self { value, at: 0..0 }
    }

    /// The value at a dotted path, and the bytes that name it: those of its key, else its own.
    pub(super) fn find(&self, path: &str) -> Option<(&Self, Range<usize>)> {
        self.walk(path, self.at.clone())
    }

    fn walk(&self, path: &str, named: Range<usize>) -> Option<(&Self, Range<usize>)> {
        if path.is_empty() {
            return Some((self, named));
        }
        match &self.value {
            Value::Table(entries) => entries.iter().find_map(|entry| {
                let quoted = quoted(&entry.name);
                let rest = path.strip_prefix(quoted.as_str()).or_else(|| path.strip_prefix(entry.name.as_str()))?;
                let rest =
                    rest.strip_prefix('.').or_else(|| (rest.is_empty() || rest.starts_with('[')).then_some(rest))?;
                entry.node.walk(rest, entry.at.clone())
            }),
            Value::List(nodes) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let node = nodes.get(index.parse::<usize>().ok()?)?;
                node.walk(rest.strip_prefix('.').unwrap_or(rest), node.at.clone())
            }
            _ => None,
        }
    }
}

/// A name as a part of a dotted path: in quotes where it is not of letters, digits, `_` and `-` alone.
pub(crate) fn quoted(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { format!("{name:?}") }
}

/// The dotted path of steps, the outermost first.
pub(super) fn dotted<'a>(steps: impl Iterator<Item = &'a Step>) -> String {
    steps.fold(String::new(), |path, step| match step {
        Step::At(index) => format!("{path}[{index}]"),
        Step::Key(name) if path.is_empty() => quoted(name),
        Step::Key(name) => format!("{path}.{}", quoted(name)),
    })
}

/// The value as an error shows it.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::List(nodes) => f.write_str(if nodes.is_empty() { "an empty list" } else { "a list" }),
            Value::Nothing => f.write_str("nothing"),
            Value::Number(number) => write!(f, "{number}"),
            Value::Table(_) => f.write_str("a table"),
            Value::Text(text) => f.write_str(&shown(text)),
            Value::Time => f.write_str("a date or a time"),
            Value::Whole(number) => write!(f, "{number}"),
        }
    }
}

/// The beginning of a text, in quotes.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Flag(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Whole(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Whole(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Nothing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = list.next_element()? {
                    nodes.push(node);
                }
                Ok(Value::List(nodes))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, node)) = table.next_entry()? {
                    entries.push(Entry { name, at: 0..0, node });
                }
                Ok(Value::Table(entries))
            }
        }
        deserializer.deserialize_any(Read).map(Self::of)
    }
}

/// A time is `null`, as what is no number.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::List(nodes) => serializer.collect_seq(nodes),
            Value::Nothing | Value::Time => serializer.serialize_unit(),
            Value::Number(number) => serializer.serialize_f64(*number),
            Value::Table(entries) => serializer.collect_map(entries.iter().map(|entry| (&entry.name, &entry.node))),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Whole(number) => serializer.serialize_i128(*number),
        }
    }
}
