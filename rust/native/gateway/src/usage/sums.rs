//! Usage by key, model and upstream.

use std::collections::BTreeMap;

use midstream_stream::UsageSource;
use serde::Serialize;

use super::{Tokens, UsageRecord};

/// Rows that are kept apart; a model that would make one more counts as `other`.
const MAX_ROWS: usize = 2000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Whose {
    tenant: Option<String>,
    key: Option<String>,
    model: Option<String>,
    upstream: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Used {
    /// Records.
    requests: u64,
    /// `None` as long as no record knows it.
    input: Option<u64>,
    /// Input tokens that are an estimate; they are among `input`.
    input_estimated: u64,
    output: Option<u64>,
    /// Output tokens that are an estimate; they are among `output`.
    output_estimated: u64,
    bytes: u64,
    cost: Option<f64>,
}

/// One line of the sums.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    #[serde(flatten)]
    whose: &'a Whose,
    #[serde(flatten)]
    used: Used,
}

/// All of them.
#[derive(Default)]
pub(super) struct Sums {
    rows: BTreeMap<Whose, Used>,
}

impl Sums {
    pub(super) fn add(&mut self, record: &UsageRecord) {
        let UsageRecord { tenant, key, model, upstream, tokens, .. } = record;
        let (tenant, key, model, upstream) = (tenant.clone(), key.clone(), model.clone(), upstream.clone());
        let mut whose = Whose { tenant, key, model, upstream };
        if self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&whose) {
            whose.model = Some("other".to_owned());
        }
        let used = self.rows.entry(whose).or_default();
        used.requests += 1;
        let Tokens { input, input_source, output, source } = *tokens;
        let estimated = |tokens: Option<u64>, source| tokens.filter(|_| source == UsageSource::Estimated).unwrap_or(0);
        used.input_estimated = used.input_estimated.saturating_add(estimated(input, input_source));
        used.output_estimated = used.output_estimated.saturating_add(estimated(output, source));
        used.input = [used.input, input].into_iter().flatten().reduce(u64::saturating_add);
        used.output = [used.output, output].into_iter().flatten().reduce(u64::saturating_add);
        used.bytes = used.bytes.saturating_add(record.bytes);
        used.cost = [used.cost, record.cost].into_iter().flatten().reduce(|one, other| one + other);
    }

    pub(super) fn rows(&self, tenant: Option<&str>) -> Vec<Row<'_>> {
        let is_shown = |whose: &Whose| tenant.is_none_or(|tenant| whose.tenant.as_deref() == Some(tenant));
        let shown = self.rows.iter().filter(|(whose, _)| is_shown(whose));
        shown.map(|(whose, used)| Row { whose, used: *used }).collect()
    }
}
