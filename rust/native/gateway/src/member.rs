//! The name of a member of a JSON object, as whoever reads the object takes it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

/// Reads a name where it stands, into what a function makes of it.
pub(crate) struct Name<T>(pub(crate) fn(&str) -> T);

impl<'de, T> DeserializeSeed<'de> for Name<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        from.deserialize_str(self)
    }
}

impl<T> Visitor<'_> for Name<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}
