//! Names that are labels: so many of each kind, whatever is configured one after the other.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;

/// The most names; those beyond count as [`OTHER`].
const MAX_NAMES: usize = 2000;
/// The label of the rest.
const OTHER: &str = "other";

/// Names that have been labels.
#[derive(Default)]
pub(super) struct Names {
    known: Mutex<BTreeSet<String>>,
    /// How often a name was one too many.
    pub(super) too_many: Counter,
}

impl Names {
    /// The label for a name.
    pub(super) fn label(&self, name: &str) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(name) {
            if known.len() >= MAX_NAMES {
                self.too_many.inc();
                return OTHER.to_owned();
            }
            known.insert(name.to_owned());
        }
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_count_as_other() {
        let names = Names::default();
        assert!((0..MAX_NAMES).all(|at| names.label(&at.to_string()) == at.to_string()));
        assert_eq!((names.label("one too many"), names.label("7")), ("other".to_owned(), "7".to_owned()));
        assert_eq!(names.too_many.get(), 1);
    }
}
