//! State as bytes: what a snapshot of a running stream is made of.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use midstream_series::{Span, Timestamp};

/// What can be written as bytes and read again.
pub(crate) trait Keep: Sized {
    fn keep(&self, out: &mut Kept);

    /// `None` where the bytes hold something else.
    fn take(from: &mut Source<'_>) -> Option<Self>;
}

/// What is made first, of settings or by a name, and then brought to the state that was kept.
pub(crate) trait State {
    fn keep_state(&self, out: &mut Kept);

    /// `None` where the bytes hold something else.
    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()>;
}

impl<T: Keep> State for T {
    fn keep_state(&self, out: &mut Kept) {
        self.keep(out);
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        *self = T::take(from)?;
        Some(())
    }
}

/// Bytes that are written. Times count from `origin`.
pub(crate) struct Kept {
    pub(crate) bytes: Vec<u8>,
    pub(crate) origin: Timestamp,
}

/// Bytes that are read. Times count from `origin`.
pub(crate) struct Source<'a> {
    pub(crate) rest: &'a [u8],
    pub(crate) origin: Timestamp,
}

impl Source<'_> {
    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    /// A count of items that take a byte each at least.
    fn count(&mut self) -> Option<usize> {
        usize::take(self).filter(|count| *count <= self.rest.len())
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
impl Keep for u64 {
    fn keep(&self, out: &mut Kept) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.bytes.push(rest as u8);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = from.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

macro_rules! keep_as_u64 {
    ($($number:ty)*) => { $(
        impl Keep for $number {
            fn keep(&self, out: &mut Kept) {
                (*self as u64).keep(out);
            }

            fn take(from: &mut Source<'_>) -> Option<Self> {
                Self::try_from(u64::take(from)?).ok()
            }
        }
    )* };
}
keep_as_u64!(u8 u16 u32 usize);

/// The sign in the lowest bit, so that small numbers are short.
impl Keep for i64 {
    fn keep(&self, out: &mut Kept) {
        (((*self << 1) ^ (*self >> 63)) as u64).keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        let number = u64::take(from)?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

impl Keep for u128 {
    fn keep(&self, out: &mut Kept) {
        (*self as u64).keep(out);
        ((*self >> 64) as u64).keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        let low = u128::from(u64::take(from)?);
        Some(low | u128::from(u64::take(from)?) << 64)
    }
}

impl Keep for bool {
    fn keep(&self, out: &mut Kept) {
        out.bytes.push(u8::from(*self));
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        match from.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Keep for char {
    fn keep(&self, out: &mut Kept) {
        u32::from(*self).keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        char::from_u32(u32::take(from)?)
    }
}

impl Keep for f64 {
    fn keep(&self, out: &mut Kept) {
        out.bytes.extend(self.to_bits().to_le_bytes());
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        Some(Self::from_bits(u64::from_le_bytes(from.bytes(8)?.try_into().ok()?)))
    }
}

impl Keep for String {
    fn keep(&self, out: &mut Kept) {
        self.len().keep(out);
        out.bytes.extend(self.as_bytes());
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        let count = from.count()?;
        str::from_utf8(from.bytes(count)?).ok().map(str::to_owned)
    }
}

impl Keep for Cow<'static, str> {
    fn keep(&self, out: &mut Kept) {
        self.as_ref().to_owned().keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        String::take(from).map(Cow::Owned)
    }
}

/// Words that findings and summaries hold.
const WORDS: &[&str] = &[
    "actions",
    "budget",
    "compressed",
    "ending",
    "error_page",
    "hold",
    "http_status",
    "pace",
    "redact",
    "repeat",
    "unknown_format",
    "wrong_dialect",
];

impl Keep for &'static str {
    fn keep(&self, out: &mut Kept) {
        debug_assert!(WORDS.contains(self), "{self} is not among the words of a snapshot");
        (*self).to_owned().keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        let word = String::take(from)?;
        WORDS.iter().copied().find(|known| *known == word)
    }
}

impl Keep for Timestamp {
    fn keep(&self, out: &mut Kept) {
        (*self - out.origin).as_nanos().keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        Span::take(from).map(|since| from.origin + since)
    }
}

impl Keep for Span {
    fn keep(&self, out: &mut Kept) {
        self.as_nanos().keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        i64::take(from).map(Self::from_nanos)
    }
}

impl<T: Keep> Keep for Option<T> {
    fn keep(&self, out: &mut Kept) {
        self.is_some().keep(out);
        if let Some(value) = self {
            value.keep(out);
        }
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        match bool::take(from)? {
            true => T::take(from).map(Some),
            false => Some(None),
        }
    }
}

impl<T: Keep> Keep for Box<T> {
    fn keep(&self, out: &mut Kept) {
        T::keep(self, out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        T::take(from).map(Self::new)
    }
}

impl<T: Keep> Keep for Vec<T> {
    fn keep(&self, out: &mut Kept) {
        self.len().keep(out);
        self.iter().for_each(|one| one.keep(out));
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        (0..from.count()?).map(|_| T::take(from)).collect()
    }
}

impl<T: Keep> Keep for VecDeque<T> {
    fn keep(&self, out: &mut Kept) {
        self.len().keep(out);
        self.iter().for_each(|one| one.keep(out));
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        Vec::take(from).map(Self::from)
    }
}

impl<K: Keep + Ord, V: Keep> Keep for BTreeMap<K, V> {
    fn keep(&self, out: &mut Kept) {
        self.len().keep(out);
        for (key, value) in self {
            key.keep(out);
            value.keep(out);
        }
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        (0..from.count()?).map(|_| <(K, V)>::take(from)).collect()
    }
}

impl<T: Keep, const N: usize> Keep for [T; N] {
    fn keep(&self, out: &mut Kept) {
        self.iter().for_each(|one| one.keep(out));
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        let list: Option<Vec<T>> = (0..N).map(|_| T::take(from)).collect();
        list?.try_into().ok()
    }
}

impl<A: Keep, B: Keep> Keep for (A, B) {
    fn keep(&self, out: &mut Kept) {
        self.0.keep(out);
        self.1.keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<A: Keep, B: Keep, C: Keep> Keep for (A, B, C) {
    fn keep(&self, out: &mut Kept) {
        self.0.keep(out);
        self.1.keep(out);
        self.2.keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?, C::take(from)?))
    }
}

impl<T: Keep> Keep for Range<T> {
    fn keep(&self, out: &mut Kept) {
        self.start.keep(out);
        self.end.keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        Some(T::take(from)?..T::take(from)?)
    }
}

/// Writes [`Keep`] for a type: its fields in turn, or its variant and what that holds. Fields after `fresh` begin anew,
/// those after `rest` stay as they are. A field or a variant that is left out does not compile.
macro_rules! keep {
    (struct $name:ident { $($field:ident),* $(,)? } $(fresh { $($fresh:ident),* })?) => {
        impl $crate::keep::Keep for $name {
            fn keep(&self, out: &mut $crate::keep::Kept) {
                let (Self { $($field,)* $($($fresh: _,)*)? }, _) = (self, &out);
                $($crate::keep::Keep::keep($field, out);)*
            }

            fn take(from: &mut $crate::keep::Source<'_>) -> Option<Self> {
                let _ = &from;
                Some(Self {
                    $($field: $crate::keep::Keep::take(from)?,)*
                    $($($fresh: Default::default(),)*)?
                })
            }
        }
    };
    (state $name:ident { $($field:ident),* $(,)? } rest { $($rest:ident),* $(,)? }) => {
        impl $crate::keep::State for $name {
            fn keep_state(&self, out: &mut $crate::keep::Kept) {
                let Self { $($field,)* $($rest: _,)* } = self;
                $($crate::keep::Keep::keep($field, out);)*
            }

            fn take_state(&mut self, from: &mut $crate::keep::Source<'_>) -> Option<()> {
                $(self.$field = $crate::keep::Keep::take(from)?;)*
                Some(())
            }
        }
    };
    (tuple $name:ident) => {
        impl $crate::keep::Keep for $name {
            fn keep(&self, out: &mut $crate::keep::Kept) {
                $crate::keep::Keep::keep(&self.0, out);
            }

            fn take(from: &mut $crate::keep::Source<'_>) -> Option<Self> {
                $crate::keep::Keep::take(from).map(Self)
            }
        }
    };
    (enum $name:ident { $($variant:ident $(($($held:ident),*))?),* $(,)? }) => {
        impl $crate::keep::Keep for $name {
            #[allow(unused_assignments, reason = "the last variant counts on")]
            fn keep(&self, out: &mut $crate::keep::Kept) {
                match self { $(Self::$variant { .. } => (),)* }
                let mut number = 0_u8;
                $(
                    if let Self::$variant $(($($held),*))? = self {
                        out.bytes.push(number);
                        $($($crate::keep::Keep::keep($held, out);)*)?
                        return;
                    }
                    number += 1;
                )*
            }

            #[allow(unused_assignments, reason = "the last variant counts on")]
            fn take(from: &mut $crate::keep::Source<'_>) -> Option<Self> {
                let (given, mut number): (u8, u8) = ($crate::keep::Keep::take(from)?, 0);
                $(
                    if given == number {
                        $($(let $held = $crate::keep::Keep::take(from)?;)*)?
                        return Some(Self::$variant $(($($held),*))?);
                    }
                    number += 1;
                )*
                None
            }
        }
    };
}
pub(crate) use keep;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn again<T: Keep>(value: &T, origin: Timestamp) -> Option<T> {
        let mut out = Kept { bytes: Vec::new(), origin };
        value.keep(&mut out);
        let mut from = Source { rest: &out.bytes, origin };
        T::take(&mut from).filter(|_| from.rest.is_empty())
    }

    proptest! {
        #[test]
        fn what_is_kept_is_taken_again(
            numbers: Vec<(u64, i64)>, text: String, wide: u128, share: Option<f64>, letter: char, at: i32, origin: i32
        ) {
            let origin = Timestamp::from_nanos(origin.into());
            prop_assert_eq!(again(&numbers, origin), Some(numbers));
            prop_assert_eq!(again(&text, origin), Some(text));
            prop_assert_eq!(again(&wide, origin), Some(wide));
            prop_assert_eq!(again(&share.map(f64::to_bits), origin), Some(share.map(f64::to_bits)));
            prop_assert_eq!(again(&[letter; 3], origin), Some([letter; 3]));
            let at = Timestamp::from_nanos(at.into());
            prop_assert_eq!(again(&at, origin), Some(at));
        }

        #[test]
        fn bytes_that_hold_something_else_are_refused(bytes: Vec<u8>) {
            let mut from = Source { rest: &bytes, origin: Timestamp::default() };
            let _ = Vec::<(String, Option<BTreeMap<u32, char>>)>::take(&mut from);
        }
    }
}
