//! Numbers, texts and lists as bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use midstream_series::{Span, Timestamp};
use serde_json::Value;

use super::{Keep, Kept, Source};

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

impl<T: Keep + Ord> Keep for BTreeSet<T> {
    fn keep(&self, out: &mut Kept) {
        self.len().keep(out);
        self.iter().for_each(|one| one.keep(out));
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        (0..from.count()?).map(|_| T::take(from)).collect()
    }
}

/// JSON as its text.
impl Keep for Value {
    fn keep(&self, out: &mut Kept) {
        self.to_string().keep(out);
    }

    fn take(from: &mut Source<'_>) -> Option<Self> {
        serde_json::from_str(&String::take(from)?).ok()
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
