//! What fails again and again is told once, and once more when it works.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something fails now.
#[derive(Debug, Default)]
pub(crate) struct Trouble(AtomicBool);

impl Trouble {
    /// It failed; true where it worked before.
    pub(crate) fn began(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// It worked; true where it failed before.
    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_once_and_so_is_its_end() {
        let trouble = Trouble::default();
        assert!(!trouble.is_over());
        assert!(trouble.began() && !trouble.began());
        assert!(trouble.is_over() && !trouble.is_over());
        assert!(trouble.began());
    }
}
