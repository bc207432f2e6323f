//! The check of a run, kept and brought back.

use midstream_series::Timestamp;

use super::AgentChecks;
use crate::keep::{Keep, Kept, Source, State};
use crate::snapshot::{self, Of};
use crate::{Error, Settings};

impl AgentChecks {
    /// The state of the run as bytes, which [`AgentChecks::restore`] goes on from. It holds what findings show of the latest
    /// calls, and hashes of the rest; no settings.
    pub fn snapshot(&self) -> Vec<u8> {
        snapshot::written(Of::AgentChecks, &self.told_by(), Timestamp::default(), &[], self)
    }

    /// The checks whose state [`AgentChecks::snapshot`] wrote, under the same `actions` and `shadow`.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for bytes that are cut, changed, of another version or taken under other settings, and those of
    /// [`AgentChecks::new`].
    pub fn restore(bytes: &[u8], settings: Settings) -> Result<Self, Error> {
        let mut checks = Self::new(settings)?;
        let settings = checks.told_by();
        snapshot::read(bytes, Of::AgentChecks, &settings, None, &mut checks)?;
        Ok(checks)
    }

    /// The settings that count, as text.
    fn told_by(&self) -> String {
        format!("{:?} {}", self.actions.settings, self.shadow)
    }
}

impl State for AgentChecks {
    fn keep_state(&self, out: &mut Kept) {
        let Self { actions, conversation, shadow: _, halted, fresh: _, findings, counts } = self;
        actions.keep_state(out);
        conversation.keep(out);
        findings.keep(out);
        counts.keep(out);
        halted.keep(out);
    }

    fn take_state(&mut self, from: &mut Source<'_>) -> Option<()> {
        self.actions.take_state(from)?;
        self.conversation = Keep::take(from)?;
        self.findings = Keep::take(from)?;
        self.counts = Keep::take(from)?;
        self.halted = Keep::take(from)?;
        Some(())
    }
}
