//! What holding of text tells the checks.

use super::Checks;
use crate::{Error, Finding};

impl Checks {
    /// Adds a finding that was made beside the checks.
    pub(crate) fn tell(&mut self, finding: Finding) {
        self.fresh.push(finding);
        self.settle();
    }

    /// The same of one that comes too late to end the stream.
    pub(crate) fn tell_late(&mut self, finding: Finding) {
        self.fresh.push(finding);
        self.keep();
    }
}

/// Why holding is refused where no bytes wait.
pub(super) fn needs_guard() -> Error {
    Error::Setting {
        field: "hold".into(),
        value: "a table".into(),
        allowed: "none for checks alone; a guard holds".into(),
    }
}
