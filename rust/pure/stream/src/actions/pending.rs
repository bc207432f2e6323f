//! Calls whose result has not come.

use std::collections::VecDeque;

use super::hash::Hash;
use super::outcome::{self, Outcome};
use super::settings::ActionLimits;
use super::window::Entry;

/// Open calls kept.
const KEPT: usize = 64;

/// A call as far as loops are concerned.
#[derive(Clone, Debug)]
pub(super) struct Call {
    signature: u64,
    /// It is meant to be repeated until something has happened.
    patient: bool,
    limits: Option<ActionLimits>,
    /// For people.
    pub shown: String,
}

impl Call {
    pub(super) fn new(
        signature: u64,
        tool: &str,
        arguments: &str,
        limits: Option<ActionLimits>,
        shown: String,
    ) -> Self {
        Self { signature, patient: outcome::is_patient(tool, arguments), limits, shown }
    }

    /// The call with its outcome, if that is known, as an entry of a window.
    pub(super) fn entry(&self, outcome: Option<Outcome>) -> Entry {
        let text = outcome.map_or(0, |outcome| outcome.text);
        Entry {
            call: self.signature,
            key: Hash::pair(self.signature, text),
            outcome: text,
            failed: outcome.is_some_and(|outcome| outcome.failed),
            waits: self.patient || outcome.is_none_or(|outcome| outcome.waits),
            own: self.limits,
            at: 0,
            new_call: false,
        }
    }
}

/// Open calls, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(VecDeque<Open>);

#[derive(Clone, Debug)]
struct Open {
    id: Option<u64>,
    tool: u64,
    call: Call,
}

impl Pending {
    pub(super) fn add(&mut self, id: Option<&str>, tool: &str, call: Call) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Open { id: number(id), tool: Hash::of(b'c', tool.as_bytes()), call });
    }

    /// The call that a result belongs to, which is no longer open.
    pub(super) fn take(&mut self, id: Option<&str>, tool: Option<&str>) -> Option<Call> {
        let tool = tool.map(|tool| Hash::of(b'c', tool.as_bytes()));
        let at = match number(id) {
            // An id that comes again belongs to the latest call of it.
            Some(id) => self.0.iter().rposition(|open| open.id == Some(id))?,
            None => self.0.iter().position(|open| tool.is_none_or(|tool| open.tool == tool))?,
        };
        self.0.remove(at).map(|open| open.call)
    }

    pub(super) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<Open>() + self.0.iter().map(|open| open.call.shown.capacity()).sum::<usize>()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn number(id: Option<&str>) -> Option<u64> {
    id.filter(|id| !id.is_empty()).map(|id| Hash::of(b'i', id.as_bytes()))
}

crate::keep::keep!(struct Call { signature, patient, limits, shown });
crate::keep::keep!(tuple Pending);
crate::keep::keep!(struct Open { id, tool, call });
