//! Loops as findings.

use super::history::History;
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
    /// Whole copies, the first included.
    pub copies: u64,
}

impl Loop {
    pub(super) fn finding(&self, kind: &'static str, action: Action, channel: &str, history: &History) -> Finding {
        let start = if self.start >= history.oldest() { self.start } else { history.count() - self.symbols };
        let Self { onset, period, copies, .. } = *self;
        let (characters, number) = (
            if period == 1 { "character" } else { "characters" },
            if kind == "counter" { " but for a number" } else { "" },
        );
        Finding {
            check: "repeat",
            kind,
            action,
            channel: Some(channel.to_owned()),
            offset: Some(history.characters()),
            onset: Some(onset),
            period: Some(period),
            score: copies as f64,
            evidence: history.excerpt(start, start + self.symbols, EVIDENCE),
            explanation: format!("{period} {characters} repeated {copies} times{number} since character {onset}"),
        }
    }
}
