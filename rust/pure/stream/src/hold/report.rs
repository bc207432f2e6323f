use midstream_series::{Span, Timestamp};

use super::waiting::Held;
use crate::pace::Quantiles;
use crate::summary::HoldSummary;
use crate::{Action, Finding};

/// How much text waited, how long, and what was said of it.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) pieces: u64,
    pub(super) refused: u64,
    pub(super) late: u64,
    held: u64,
    most: u64,
    total: u64,
    delays: Quantiles,
}

crate::keep::keep!(struct Report { pieces, refused, late, held, most, total, delays });

impl Report {
    /// Text of so many bytes waits from now on.
    pub(super) fn waits(&mut self, bytes: usize) {
        self.held += bytes as u64;
        self.total += bytes as u64;
        self.most = self.most.max(self.held);
    }

    /// Text of so many bytes waits no longer.
    pub(super) fn passes(&mut self, bytes: usize, since: Timestamp, now: Timestamp) {
        self.held = self.held.saturating_sub(bytes as u64);
        self.delays.add(now - since);
    }

    pub(super) fn summary(&self) -> HoldSummary {
        HoldSummary {
            pieces: self.pieces,
            refused: self.refused,
            late: self.late,
            held_bytes: self.held,
            held_bytes_max: self.most,
            held_bytes_total: self.total,
            hold_p50_s: self.delays.quantile(0.5),
            hold_p99_s: self.delays.quantile(0.99),
            holds: self.delays.counts(),
        }
    }
}

/// The caller's check refused a text. The evidence is the caller's reason and not the text.
pub(super) fn refused(held: &Held, reason: &str) -> Finding {
    let reason: String = reason.chars().take(80).collect();
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    Finding {
        evidence: reason,
        explanation: format!("the caller's check refused the text that ends at character {}{why}", held.offset),
        ..finding("refused", Action::Stop, Some(held))
    }
}

/// The check of a text takes longer than is allowed.
pub(super) fn late(held: &Held, action: Action, max_hold: Span) -> Finding {
    let then = if action == Action::Stop { "" } else { ", so that it passed unchecked" };
    Finding {
        score: max_hold.as_secs_f64(),
        explanation: format!("the caller's check took longer than {} s{then}", max_hold.as_secs_f64()),
        ..finding("max_hold", action, Some(held))
    }
}

/// The stream ended before the check of its text did.
pub(super) fn unjudged(held: Option<&Held>) -> Finding {
    Finding {
        explanation: "the stream was finished while text of it waited for the caller's check".into(),
        ..finding("unjudged", Action::Stop, held)
    }
}

/// More waits than a stream may take.
pub(super) fn overflow(limit: usize) -> Finding {
    Finding {
        explanation: format!("more than {limit} bytes waited for the caller's check"),
        ..finding("limit", Action::Stop, None)
    }
}

fn finding(kind: &'static str, action: Action, held: Option<&Held>) -> Finding {
    Finding {
        check: "hold",
        kind: kind.into(),
        action,
        channel: held.map(|held| held.channel.clone()),
        offset: held.map(|held| held.offset),
        onset: held.map(|held| held.onset),
        period: None,
        score: 1.0,
        evidence: String::new(),
        explanation: String::new(),
    }
}
