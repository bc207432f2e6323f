//! State as bytes: what a snapshot of a running stream is made of.

mod values;

use midstream_series::Timestamp;

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
    pub(crate) fn count(&mut self) -> Option<usize> {
        usize::take(self).filter(|count| *count <= self.rest.len())
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
    use std::collections::BTreeMap;

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
        fn any_bytes_are_refused_or_hold_what_can_be_kept(bytes: Vec<u8>) {
            let mut from = Source { rest: &bytes, origin: Timestamp::default() };
            if let Some(taken) = Vec::<(String, Option<BTreeMap<u32, char>>)>::take(&mut from) {
                prop_assert_eq!(again(&taken, Timestamp::default()), Some(taken));
            }
        }

        #[test]
        fn bytes_that_were_cut_are_refused(texts: Vec<(String, u64)>) {
            let mut out = Kept { bytes: Vec::new(), origin: Timestamp::default() };
            texts.keep(&mut out);
            out.bytes.pop();
            let mut from = Source { rest: &out.bytes, origin: Timestamp::default() };
            prop_assert_eq!(Vec::<(String, u64)>::take(&mut from), None);
        }
    }
}
