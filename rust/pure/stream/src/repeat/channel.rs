use super::blank::Blank;
use super::brackets::Brackets;
use super::counter::{Counted, Counter};
use super::exact::Exact;
use super::fence::Fences;
use super::history::History;
use super::near::Near;
use super::settings::{RepeatSettings, Views};
use crate::{Action, ChannelKind, Finding, Source};

/// The views of one channel's text.
#[derive(Clone, Debug)]
pub(super) struct ChannelState {
    history: History,
    fences: Fences,
    brackets: Brackets,
    exact: Exact,
    counter: Counter,
    near: Near,
    blank: Blank,
}

impl ChannelState {
    pub(super) fn new() -> Self {
        let history = History::new();
        Self {
            exact: Exact::new(&history),
            counter: Counter::new(&history),
            near: Near::new(),
            history,
            fences: Fences::default(),
            brackets: Brackets::default(),
            blank: Blank::default(),
        }
    }

    pub(super) fn push(
        &mut self,
        source: Source<'_>,
        text: &str,
        actions: Views,
        settings: &RepeatSettings,
        findings: &mut Vec<Finding>,
    ) {
        let always_code = source.code || source.kind == ChannelKind::Tool;
        for character in text.chars() {
            let at = self.history.characters();
            let folded = !self.history.push(character);
            self.fences.push(character);
            self.brackets.push(character);
            let code = always_code || self.fences.code() || self.brackets.data();
            let history = &self.history;
            if let Some(action) = actions.exact {
                let blank = self.blank.step(character, code, history);
                let found = if folded { blank } else { self.exact.step(history, code, settings) };
                if let Some(found) = found {
                    findings.push(found.finding("exact", action, source.id, history));
                }
            }
            if let Some(action) = actions.counter.filter(|_| !folded) {
                match self.counter.step(history, code, settings) {
                    Some(Counted::New(found)) => {
                        findings.push(found.finding("counter", action, source.id, history));
                    }
                    Some(Counted::Long(found)) if matches!(action, Action::Warn | Action::Hint) => {
                        findings.push(found.finding("counter", actions.after_warning(), source.id, history));
                    }
                    _ => {}
                }
            }
            if let Some(action) = actions.near {
                let found = if code { self.near.skip() } else { self.near.push(character, at, settings.near_share) };
                if let Some(found) = found.filter(|_| !self.exact.any_fired() && !self.counter.any_fired()) {
                    findings.push(found.finding(action, source.id, history));
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.history.bytes() + self.exact.bytes() + self.counter.bytes() + self.near.bytes()
    }
}

crate::keep::keep!(struct ChannelState { history, fences, brackets, exact, counter, near, blank });
