//! Whether a word was written of late.

/// Words back in which a word counts as written of late.
const BACK: u32 = 400;
/// Places: more than twice the words that count.
const PLACES: usize = 1_024;
/// A place holds 20 bits of a word's hash, and 12 of its number. After 4,096 words a forgotten one may pass for a new
/// one of the same hash, which makes it known too early.
const NUMBER: u32 = 0xFFF;

/// A table of two places a hash, in which the older word makes room.
#[derive(Clone, Debug)]
pub(super) struct Words {
    places: Vec<u32>,
}

impl Words {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// Enters word number `number`. Gives whether it is known.
    pub(super) fn enter(&mut self, hash: u32, number: u32) -> bool {
        if self.places.is_empty() {
            self.places = vec![0; PLACES];
        }
        let mixed = (hash ^ hash >> 15).wrapping_mul(0x2C1B_3C6D);
        // No word is numbered 0, so that an empty place is nobody's.
        let place = mixed & !NUMBER | (number % NUMBER + 1);
        let age = |place: u32| (number % NUMBER + 1).wrapping_sub(place & NUMBER) & NUMBER;
        let from = mixed as usize & (PLACES - 2);
        let Some([first, second]) = self.places.get_mut(from..from + 2) else { return false };
        let is = |place: u32| place & NUMBER != 0 && place & !NUMBER == mixed & !NUMBER;
        let chosen = if is(*first) || !is(*second) && age(*first) >= age(*second) { first } else { second };
        let known = is(*chosen) && age(*chosen) <= BACK;
        *chosen = place;
        known
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_for_400_words() {
        let mut words = Words::new();
        assert!(!words.enter(7, 1));
        assert!(words.enter(7, 2));
        (3..402u32).for_each(|number| _ = words.enter(number.wrapping_mul(0x9E37_79B1), number));
        assert!(words.enter(7, 402));
        assert!(!words.enter(7, 803));
    }

    #[test]
    fn few_words_of_400_are_pushed_out() {
        let mut words = Words::new();
        let text = |number: u32| (number % 350).wrapping_mul(0x9E37_79B1) ^ 0x811C_9DC5;
        (1..351).for_each(|number| _ = words.enter(text(number), number));
        let known = (351..701).filter(|number| words.enter(text(*number), *number)).count();
        assert!(known >= 300, "{known}");
    }
}
