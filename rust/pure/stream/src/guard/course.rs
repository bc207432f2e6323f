//! What a guard knows of the course of its stream.

use midstream_series::Timestamp;

use super::Guard;
use crate::Course;

impl Guard {
    /// What was written by when, and where findings were made.
    pub fn course(&self) -> &Course {
        &self.course
    }

    /// A call at `now` is over.
    pub(super) fn note(&mut self, now: Timestamp) {
        self.course.note(now, &self.checks.known.channels, self.checks.fresh.len());
    }
}
