//! What is counted and measured of text that is replaced or waits.

use midstream_stream::{Action, Decision, Summary};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::names::Names;

/// The metrics of redaction and of held text.
pub(super) struct OfText {
    redactions: Family<OfRule, Counter>,
    holds: Histogram,
    names: Names,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRule {
    rule: String,
}

impl Default for OfText {
    fn default() -> Self {
        let holds = Histogram::new(exponential_buckets(1e-4, 2.0, 20));
        Self { redactions: Family::default(), holds, names: Names::default() }
    }
}

impl OfText {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Matches replaced in what models wrote, by the rule";
        registry.register("redactions", help, self.redactions.clone());
        let help = "How long text waited until it was known whether it passes, to 1 %";
        registry.register_with_unit("holdback", help, Unit::Seconds, self.holds.clone());
    }

    pub(super) fn redacted(&self, decision: &Decision<'_>) {
        // What stands in no channel was mostly replaced in one as well.
        let replaced = decision.findings.iter().filter(|finding| {
            finding.check == "redact" && finding.action == Action::Redact && finding.channel.is_some()
        });
        for finding in replaced {
            let rule = self.names.label(&finding.kind);
            self.redactions.get_or_create(&OfRule { rule }).inc();
        }
    }

    pub(super) fn end(&self, summary: &Summary) {
        let redact = summary.redact.iter().flat_map(|redact| &redact.holds);
        let hold = summary.hold.iter().flat_map(|hold| &hold.holds);
        for (seconds, count) in redact.chain(hold) {
            (0..*count).for_each(|_| self.holds.observe(*seconds));
        }
    }
}
