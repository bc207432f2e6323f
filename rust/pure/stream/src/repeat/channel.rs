use super::exact::Exact;
use super::fence::Fences;
use super::history::History;
use super::settings::RepeatSettings;
use crate::{ChannelKind, Finding, Source};

/// The views of one channel's text.
#[derive(Clone, Debug)]
pub(super) struct ChannelState {
    history: History,
    fences: Fences,
    exact: Exact,
}

impl ChannelState {
    pub(super) fn new() -> Self {
        let history = History::new();
        Self { exact: Exact::new(&history), history, fences: Fences::default() }
    }

    pub(super) fn push(
        &mut self,
        source: Source<'_>,
        text: &str,
        settings: &RepeatSettings,
        findings: &mut Vec<Finding>,
    ) {
        let always_code = source.code || source.kind == ChannelKind::Tool;
        for character in text.chars() {
            self.fences.push(character);
            if !self.history.push(character) {
                continue;
            }
            let code = always_code || self.fences.code();
            if let Some(action) = settings.exact
                && let Some(found) = self.exact.step(&self.history, code, settings)
            {
                findings.push(found.finding("exact", action, source.id, &self.history));
            }
        }
    }
}
