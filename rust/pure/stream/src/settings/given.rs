//! Kinds of values that several tables share.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A number of copies, or off.
#[derive(Clone, Copy)]
pub(crate) struct Copies(pub(crate) Option<u32>);

/// A table; `None` where all of it is off.
pub(crate) struct OrOff<T>(pub(crate) Option<T>);

impl<'de> Deserialize<'de> for Copies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Copies;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of copies, or \"off\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Copies, E> {
                if text == "off" { Ok(Copies(None)) } else { Err(E::unknown_variant(text, &["off"])) }
            }

            // A number beyond all limits is refused with those of its field.
            fn visit_i64<E: Error>(self, copies: i64) -> Result<Copies, E> {
                Ok(Copies(Some(u32::try_from(copies.max(0)).unwrap_or(u32::MAX))))
            }

            fn visit_u64<E: Error>(self, copies: u64) -> Result<Copies, E> {
                Ok(Copies(Some(u32::try_from(copies).unwrap_or(u32::MAX))))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrOff<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = OrOff<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table, or \"off\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<OrOff<T>, E> {
                if text == "off" { Ok(OrOff(None)) } else { Err(E::unknown_variant(text, &["off"])) }
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<OrOff<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(table)).map(|table| OrOff(Some(table)))
            }
        }
        deserializer.deserialize_any(Read(PhantomData))
    }
}
