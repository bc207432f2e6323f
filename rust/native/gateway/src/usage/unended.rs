//! The usage of streams that nobody ended: their process died, and a log holds what came until then.

use std::collections::BTreeMap;
use std::path::Path;

use midstream_stream::EndingState;
use serde_json::value::RawValue;

use super::today::{Spent, records_since};
use super::{Ledger, Prices, Tokens, UsageRecord, unix_s};
use crate::given::LONGEST_MODEL;
use crate::store::Unended;

/// How a record ends behind which no other comes.
const LAST: [EndingState; 4] =
    [EndingState::Cancelled, EndingState::Complete, EndingState::Halted, EndingState::Stalled];

/// What the usage of such a stream is.
#[derive(Default)]
pub(crate) struct Booked {
    /// All records that it has, as JSON.
    pub(crate) shown: Vec<Box<RawValue>>,
    /// The one that is new.
    pub(crate) record: Option<UsageRecord>,
}

impl Ledger {
    /// Books what is not in the file yet, as an estimate. Nobody knows any more who answered and what the request held.
    pub(crate) fn book_unended(&self, unended: &[Unended], prices: Prices, file: Option<&Path>) -> Vec<Booked> {
        let mut known = file.map(|file| known(unended, file)).unwrap_or_default();
        let booked = unended.iter().map(|unended| {
            let before = known.remove(unended.meta.id.as_str()).unwrap_or_default();
            let record = self.unended(unended, &before).map(|tokens| record(unended, tokens, prices));
            record.iter().for_each(|record| self.book(record));
            let before = before.into_iter().filter_map(|(_, line)| RawValue::from_string(line).ok());
            let new = record.as_ref().and_then(|record| serde_json::value::to_raw_value(record).ok());
            Booked { shown: before.chain(new).collect(), record }
        });
        let booked = booked.collect();
        self.settle();
        booked
    }

    /// The tokens of a stream that are not booked yet.
    fn unended(&self, unended: &Unended, before: &[(Spent, String)]) -> Option<Tokens> {
        if before.iter().any(|(spent, _)| LAST.iter().any(|state| state.name() == spent.end)) {
            return None;
        }
        let all = self.tokens_of_part(unended.meta.model.as_deref(), unended.usage, unended.characters);
        let booked = before.iter().map(|(spent, _)| spent.output()).sum();
        let output = all.output.unwrap_or_default().saturating_sub(booked);
        (before.is_empty() || output > 0).then_some(Tokens { output: Some(output), ..all })
    }
}

/// Records of these streams that the file has.
fn known(unended: &[Unended], file: &Path) -> BTreeMap<String, Vec<(Spent, String)>> {
    let mut known: BTreeMap<String, Vec<(Spent, String)>> =
        unended.iter().map(|unended| (unended.meta.id.as_str().to_owned(), Vec::new())).collect();
    let since = unended.iter().map(|unended| unended.meta.started).fold(f64::INFINITY, f64::min);
    // A file that does not read back has no record of them.
    let _ = records_since(file, since, |spent, line| {
        if let (Some(of), Ok(line)) = (known.get_mut(&spent.stream), str::from_utf8(line)) {
            of.push((spent, line.trim_ascii().to_owned()));
        }
    });
    known
}

fn record(Unended { meta, duration_s, .. }: &Unended, tokens: Tokens, prices: Prices) -> UsageRecord {
    UsageRecord {
        stream: meta.id.as_str().to_owned(),
        api: meta.api,
        key: meta.key.clone(),
        tenant: meta.tenant.clone(),
        model: meta.model.clone().filter(|name| name.len() <= LONGEST_MODEL),
        upstream: None,
        tokens,
        cost: prices.cost_of(tokens).filter(|cost| *cost > 0.0),
        end: EndingState::Failed.name(),
        bytes: 0,
        ttft_s: None,
        duration_s: *duration_s,
        at: unix_s(),
    }
}
