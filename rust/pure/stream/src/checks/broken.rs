//! A fault of the checks that tests make.

/// Where the checks panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Broken {
    End,
    #[default]
    Nowhere,
    Text,
    Tick,
    Verdict,
}

impl Broken {
    /// Panics where that was asked for.
    pub(crate) fn at(self, place: Self) {
        assert!(self != place, "the checks are broken at {place:?}");
    }
}
