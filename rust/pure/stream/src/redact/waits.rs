use midstream_series::{Span, Timestamp};

use crate::pace::Quantiles;
use crate::summary::RedactSummary;

/// How much text waited, and how long.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    now: u64,
    most: u64,
    total: u64,
    delays: Quantiles,
    /// How long text may wait.
    max_hold: Option<Span>,
    /// Matches replaced in channels.
    pub(super) redactions: u64,
    /// Matches replaced elsewhere: copies, errors, results.
    pub(super) copies: u64,
}

impl Waits {
    pub(super) fn new(max_hold: Option<Span>) -> Self {
        Self { now: 0, most: 0, total: 0, delays: Quantiles::default(), max_hold, redactions: 0, copies: 0 }
    }

    /// A text of `fresh` bytes came, or none at the end of a channel, and what its channel holds went from `before`
    /// bytes to `after`.
    pub(super) fn moved(
        &mut self,
        before: usize,
        after: usize,
        fresh: usize,
        since: &mut Option<Timestamp>,
        now: Timestamp,
    ) {
        self.now = self.now.saturating_sub(before as u64) + after as u64;
        self.most = self.most.max(self.now);
        self.total += after.min(fresh) as u64;
        if after > fresh {
            return;
        }
        // All that waited before is decided.
        if let Some(since) = since.take() {
            self.delays.add(now - since);
        }
        if after > 0 {
            *since = Some(now);
        }
    }

    /// How long text may wait; `None` where it may for ever.
    pub(super) fn max_hold(&self) -> Option<Span> {
        self.max_hold
    }

    pub(super) fn summary(&self) -> RedactSummary {
        RedactSummary {
            redactions: self.redactions,
            copies: self.copies,
            held_bytes: self.now,
            held_bytes_max: self.most,
            held_bytes_total: self.total,
            hold_p50_s: self.delays.quantile(0.5),
            hold_p99_s: self.delays.quantile(0.99),
            holds: self.delays.counts(),
        }
    }
}

crate::keep::keep!(state Waits { now, most, total, delays, redactions, copies } rest { max_hold });
