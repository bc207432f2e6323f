//! Loops as findings.

use super::history::History;
use super::near::{Reworded, WINDOW};
use crate::{Action, Finding};

/// Characters of evidence.
const EVIDENCE: u64 = 80;

/// A loop of equal copies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Loop {
    /// Where the first repeat begins, in characters of the channel.
    pub onset: u64,
    /// The same in symbols.
    pub start: u64,
    /// Characters of one copy.
    pub period: u64,
    /// Symbols of one copy.
    pub symbols: u64,
    /// Copies, the first included.
    pub copies: f64,
}

impl Loop {
    pub(super) fn finding(&self, kind: &'static str, action: Action, channel: &str, history: &History) -> Finding {
        let start = if self.start < history.oldest() { history.count() - self.symbols } else { self.start };
        let Self { onset, period, .. } = *self;
        let copies = tenths(self.copies);
        let unit = if period == 1 { "character" } else { "characters" };
        let but = if kind == "counter" { ", with a number going up," } else { "" };
        Finding {
            period: Some(period),
            evidence: history.excerpt(start, start + self.symbols, EVIDENCE),
            explanation: format!("{period} {unit}{but} repeated {copies} times since character {onset}"),
            ..finding(kind, action, channel, history, onset, copies)
        }
    }
}

impl Reworded {
    pub(super) fn finding(&self, action: Action, channel: &str, history: &History) -> Finding {
        let Self { onset, repeated, .. } = *self;
        let copies = tenths(self.copies);
        Finding {
            evidence: history.excerpt(history.count().saturating_sub(EVIDENCE), history.count(), EVIDENCE),
            explanation: format!(
                "{repeated} of the last {WINDOW} groups of four words stand {copies} times on average since character {onset}"
            ),
            ..finding("near", action, channel, history, onset, copies)
        }
    }
}

fn finding(kind: &'static str, action: Action, channel: &str, history: &History, onset: u64, score: f64) -> Finding {
    Finding {
        check: "repeat",
        kind: kind.into(),
        action,
        channel: Some(channel.to_owned()),
        offset: Some(history.characters()),
        onset: Some(onset),
        period: None,
        score,
        evidence: String::new(),
        explanation: String::new(),
    }
}

/// Cut to tenths, so that nobody reads `3 times` before the third copy is whole.
fn tenths(copies: f64) -> f64 {
    (copies * 10.0).floor() / 10.0
}
