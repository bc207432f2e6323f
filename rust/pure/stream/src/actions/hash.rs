//! Numbers that stand for texts: FNV-1a, mixed at the end. The same everywhere and without a seed, so that runs repeat.

/// A text read so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash(u64);

impl Hash {
    pub(super) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// The number of a text of a kind.
    pub(super) fn of(kind: u8, text: &[u8]) -> u64 {
        let mut hash = Self::new();
        hash.byte(kind);
        text.iter().for_each(|byte| hash.byte(*byte));
        hash.finish()
    }

    /// The number of two numbers in that order.
    pub(super) fn pair(one: u64, other: u64) -> u64 {
        mixed(one.rotate_left(23) ^ mixed(other))
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    pub(super) fn finish(self) -> u64 {
        mixed(self.0)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
