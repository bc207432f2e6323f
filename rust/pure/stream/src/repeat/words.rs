//! Whether a word was written of late: two Bloom filters, of which the older is emptied in turn.
//!
//! B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors", CACM 13(7), 1970.

/// Words after which the other filter takes over, so that a word is known for one to two times as many.
const TURN: u32 = 256;
/// Bits of a filter. With 256 words of two bits each, a new word passes for a known one once in 70 times.
const BITS: u32 = 4_096;

#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    filters: [[u64; BITS as usize / 64]; 2],
    count: u32,
}

impl Words {
    pub(super) const fn new() -> Self {
        Self { filters: [[0; BITS as usize / 64]; 2], count: 0 }
    }

    /// Enters a word. Gives whether it is known.
    pub(super) fn enter(&mut self, hash: u32) -> bool {
        self.count += 1;
        if self.count == TURN {
            self.count = 0;
            self.filters.swap(0, 1);
            self.filters[0] = [0; BITS as usize / 64];
        }
        let mixed = (hash ^ hash >> 15).wrapping_mul(0x2C1B_3C6D);
        let bits = [mixed >> 20, mixed & (BITS - 1)];
        let [newer, older] = &mut self.filters;
        let known = has(newer, bits) || has(older, bits);
        bits.iter().for_each(|bit| newer[place(*bit)] |= 1 << (bit % 64));
        known
    }
}

fn has(filter: &[u64; BITS as usize / 64], bits: [u32; 2]) -> bool {
    bits.iter().all(|bit| filter[place(*bit)] & 1 << (bit % 64) != 0)
}

const fn place(bit: u32) -> usize {
    (bit % BITS / 64) as usize
}

crate::keep::keep!(struct Words { filters, count });

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u32) -> u32 {
        number.wrapping_mul(0x9E37_79B1) ^ 0x811C_9DC5
    }

    #[test]
    fn a_word_is_known_for_256_words_and_forgotten_after_512() {
        let mut words = Words::new();
        assert!(!words.enter(hash(0)));
        (1..256).for_each(|number| _ = words.enter(hash(number)));
        assert!(words.enter(hash(0)));
        (1_000..1_512).for_each(|number| _ = words.enter(hash(number)));
        assert!(!words.enter(hash(0)));
    }

    #[test]
    fn few_new_words_pass_for_known_ones() {
        let mut words = Words::new();
        let known = (0..10_000).filter(|number| words.enter(hash(*number))).count();
        assert!(known < 300, "{known}");
    }
}
