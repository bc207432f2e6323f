//! How often a group of words was written of late.

/// Words back in which a group counts as written before.
const BACK: u32 = 400;
/// Places at most: more than twice the groups that count, so that few push each other out.
const PLACES: usize = 1_024;
const FIRST_PLACES: usize = 64;
const WORD: u32 = 0x00FF_FFFF;

/// A group's hash, the number of its newest last word in 24 bits, and how often it was written in 8.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    hash: u32,
    word_and_times: u32,
}

impl Place {
    fn new(hash: u32, word: u32, times: u8) -> Self {
        Self { hash, word_and_times: (word & WORD) << 8 | u32::from(times) }
    }

    const fn times(self) -> u8 {
        self.word_and_times as u8
    }

    /// Words since.
    const fn age(self, word: u32) -> u32 {
        word.wrapping_sub(self.word_and_times >> 8) & WORD
    }
}

/// A table of two places a hash, in which the older group makes room.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    places: Vec<Place>,
}

impl Groups {
    pub(super) fn new() -> Self {
        Self { places: vec![Place::default(); FIRST_PLACES] }
    }

    /// Enters the group that ends with word number `word`. Gives how often it was written before.
    pub(super) fn enter(&mut self, hash: u32, word: u32) -> u8 {
        self.grow(word);
        let place = self.place(hash, word);
        let known = place.hash == hash && place.times() > 0 && place.age(word) <= BACK;
        let before = if known { place.times() } else { 0 };
        *place = Place::new(hash, word, before.saturating_add(1));
        before
    }

    /// The group's place, else the older of the two it may take.
    fn place(&mut self, hash: u32, word: u32) -> &mut Place {
        let pair = (hash ^ hash >> 15) as usize & (self.places.len() - 2);
        let of = |place: Option<&Place>| place.copied().unwrap_or_default();
        let (first, second) = (of(self.places.get(pair)), of(self.places.get(pair + 1)));
        let free = |place: Place| place.times() == 0;
        let older = free(second) && !free(first) || free(first) == free(second) && second.age(word) > first.age(word);
        let take = if first.hash == hash { 0 } else { usize::from(second.hash == hash || older) };
        // `pair` is even and the length a power of two above 1.
        &mut self.places[pair + take]
    }

    fn grow(&mut self, word: u32) {
        if self.places.len() == PLACES || (word as usize) < self.places.len() / 2 {
            return;
        }
        let larger = vec![Place::default(); self.places.len() * 2];
        for old in std::mem::replace(&mut self.places, larger).into_iter().filter(|place| place.times() > 0) {
            *self.place(old.hash, word) = old;
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Place>()
    }
}

crate::keep::keep!(struct Place { hash, word_and_times });
crate::keep::keep!(struct Groups { places });
