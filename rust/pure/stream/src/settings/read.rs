//! Reads settings from a tree of values. What is wrong keeps its path.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};

use super::asked::{WORDS, words_of};
use super::nearest::nearest;
use super::node::{Entry, Node, Step, Value, dotted};
use crate::Error;

/// The value of an error about what may be a secret.
pub const NOT_SHOWN: &str = "a text that is not shown";

/// Reads a `T` and checks it, or says what is wrong with which key.
pub(super) fn read<'a, T: Deserialize<'a>>(
    root: &'a Node,
    validate: impl FnOnce(&T) -> Result<(), Error>,
) -> Result<T, Error> {
    let of = |limits| T::deserialize(Reader { node: root, limits }).map_err(|fault| fault.error(root));
    // A check of ranges says best what is allowed; only what none refuses is refused for its sign alone.
    validate(&of(Limits::Reached)?).map_err(|error| as_written(root, error))?;
    of(Limits::Kept)
}

/// An error of settings that were read, with the value as it was written.
pub(super) fn as_written(root: &Node, error: Error) -> Error {
    match error {
        Error::Setting { field, value, allowed } if value != NOT_SHOWN => {
            let value = root.find(&field).map_or(value, |(node, _)| node.to_string());
            Error::Setting { field, value, allowed }
        }
        other => other,
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    limits: Limits,
}

/// What becomes of a whole number below those that its type has.
#[derive(Clone, Copy)]
enum Limits {
    /// It is refused.
    Kept,
    /// It becomes the least, for a check of ranges to refuse.
    Reached,
}

/// What is wrong, and where.
#[derive(Debug)]
struct Fault {
    what: What,
    /// The innermost first.
    path: Vec<Step>,
}

#[derive(Debug)]
enum What {
    /// A value of another kind than this.
    Kind(String),
    Missing,
    Other(String),
    Twice,
    UnknownKey(Vec<String>),
    UnknownWord(String, Vec<String>),
}

impl Fault {
    fn of(what: What) -> Self {
        Self { what, path: Vec::new() }
    }

    fn key(what: What, name: &str) -> Self {
        Self { what, path: vec![Step::Key(name.to_owned())] }
    }

    fn inside(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    fn error(self, root: &Node) -> Error {
        let field = dotted(self.path.iter().rev());
        let setting = |value: &str, allowed: String| Error::Setting {
            field: if field.is_empty() { "settings".into() } else { field.clone() },
            value: value.to_owned(),
            allowed,
        };
        // A field of actions takes some of their words.
        let words = |words: Vec<String>| {
            if words == WORDS { owned(&words_of(&field)) } else { words }
        };
        match self.what {
            What::Kind(allowed) => {
                let allowed = if allowed == WORDS.join(", ") { words_of(&field).join(", ") } else { allowed };
                let value = root.find(&field).map_or_else(|| "nothing".into(), |(node, _)| node.to_string());
                setting(&value, allowed)
            }
            What::Missing => setting("left out", "a value: it has no default".into()),
            What::Other(message) => setting("not readable", message),
            What::Twice => setting("given twice", "one value".into()),
            What::UnknownKey(known) => {
                let name = match self.path.first() {
                    Some(Step::Key(name)) => name.as_str(),
                    _ => "",
                };
                Error::UnknownKey { nearest: nearest(name, known.iter().map(String::as_str)), key: field, known }
            }
            What::UnknownWord(word, known) => {
                let known = words(known);
                Error::UnknownWord { nearest: nearest(&word, known.iter().map(String::as_str)), field, word, known }
            }
        }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::of(What::Other(message.to_string()))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::key(What::Twice, field)
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::of(What::Kind(kind(&expected.to_string())))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::of(What::Kind(kind(&expected.to_string())))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::key(What::Missing, field)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::key(What::UnknownKey(owned(known)), field)
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::of(What::UnknownWord(word.to_owned(), owned(known)))
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What Rust's name of a type means to who writes settings.
fn kind(expected: &str) -> String {
    match expected {
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        "a string" => "text".into(),
        "f64" => "a number".into(),
        "u32" | "u64" | "usize" => "a whole number".into(),
        other if other == "a map" || other.starts_with("struct ") => "a table".into(),
        other => other.into(),
    }
}

impl<'de> Reader<'de> {
    fn wrong(self, expected: &str) -> Fault {
        Fault::of(What::Kind(expected.into()))
    }

    /// A whole number for a type that ends at `most`; one beyond becomes the limit.
    fn whole<V: Visitor<'de>>(self, most: u64, visitor: V) -> Result<V::Value, Fault> {
        match (&self.node.value, self.limits) {
            (Value::Whole(..0), Limits::Kept) => Err(self.wrong("a whole number from 0 on")),
            (Value::Whole(number), _) => {
                visitor.visit_u64(u64::try_from((*number).max(0)).unwrap_or(u64::MAX).min(most))
            }
            _ => Err(self.wrong("a whole number")),
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Flag(flag) => visitor.visit_bool(*flag),
            Value::List(nodes) => visitor.visit_seq(Items { nodes: nodes.iter().enumerate(), limits: self.limits }),
            Value::Nothing => visitor.visit_unit(),
            Value::Number(number) => visitor.visit_f64(*number),
            Value::Table(entries) => {
                visitor.visit_map(Entries { entries: entries.iter(), next: None, limits: self.limits })
            }
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Time => Err(de::Error::invalid_type(Unexpected::Other("time"), &visitor)),
            Value::Whole(number) => match u64::try_from(*number) {
                Err(_) if *number < 0 => visitor.visit_i64(i64::try_from(*number).unwrap_or(i64::MIN)),
                number => visitor.visit_u64(number.unwrap_or(u64::MAX)),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            Value::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            Value::Number(number) => visitor.visit_f64(number),
            Value::Whole(number) => visitor.visit_f64(number as f64),
            _ => Err(self.wrong("a number")),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.whole(u32::MAX.into(), visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.whole(u64::MAX, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Text(word) => {
                let word: StrDeserializer<'_, Fault> = word.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            _ => Err(self.wrong(&words.join(", "))),
        }
    }

    /// A list is no table, though serde would take one.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Table(_) => self.deserialize_any(visitor),
            _ => Err(self.wrong("a table")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u128 f32 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map identifier ignored_any
    }
}

/// The elements of a list.
struct Items<'de> {
    nodes: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
    limits: Limits,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((index, node)) = self.nodes.next() else { return Ok(None) };
        seed.deserialize(Reader { node, limits: self.limits }).map(Some).map_err(|fault| fault.inside(Step::At(index)))
    }
}

/// The entries of a table.
struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    next: Option<&'de Entry>,
    limits: Limits,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.next = self.entries.next();
        let Some(entry) = self.next else { return Ok(None) };
        let name: StrDeserializer<'_, Fault> = entry.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(Entry { name, node, .. }) = self.next else { return Err(Fault::of(What::Missing)) };
        seed.deserialize(Reader { node, limits: self.limits }).map_err(|fault| fault.inside(Step::Key(name.clone())))
    }
}
