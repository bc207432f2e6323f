//! Findings that the owner of the stream answers itself.

use super::Checks;
use crate::Continues;

impl Checks {
    /// What of its findings the owner of the stream answers itself.
    pub(crate) fn continue_by(&mut self, continues: Continues) {
        self.continues = continues;
    }

    /// Ends the stream for what its owner could not do.
    pub(crate) fn halt(&mut self) {
        if let Some(asked) = self.asked.take().filter(|_| !self.is_halted()) {
            self.halted = Some(asked.action);
            self.stop = Some(asked);
        }
    }
}
