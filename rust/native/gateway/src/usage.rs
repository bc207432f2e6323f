//! What streams used: one record for each upstream that was asked, written once, however the stream ended.

mod booking;
mod drain;
mod file;
mod hidden;
mod rates;
mod sums;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use midstream_stream::{EndingState, Summary, Usage, UsageSource};
use serde::Serialize;

pub(crate) use self::booking::Booking;
pub(crate) use self::drain::drained;
pub(crate) use self::file::UsageFile;
pub(crate) use self::hidden::Hidden;
use self::rates::Rates;
use self::sums::Sums;
use crate::config::Config;
use crate::endpoint::Api;
use crate::metrics::Metrics;
use crate::telemetry::Telemetry;

/// What one upstream did for one stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct UsageRecord {
    pub(crate) stream: String,
    pub(crate) api: Api,
    pub(crate) key: Option<String>,
    pub(crate) tenant: Option<String>,
    /// As the client named it, else as the answer does.
    pub(crate) model: Option<String>,
    /// `None` where nobody could be asked.
    pub(crate) upstream: Option<String>,
    #[serde(flatten)]
    pub(crate) tokens: Tokens,
    /// In the unit of the budget's prices; `None` without prices.
    pub(crate) cost: Option<f64>,
    /// How it ended.
    pub(crate) end: &'static str,
    /// Bytes of the answer's body.
    pub(crate) bytes: u64,
    /// From the request to the first text.
    pub(crate) ttft_s: Option<f64>,
    pub(crate) duration_s: f64,
    /// When it ended, in seconds since 1970.
    pub(crate) at: f64,
}

/// Counts of tokens. `None` is unknown, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Tokens {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
    pub(crate) source: UsageSource,
}

impl Tokens {
    /// Of an upstream that delivered nothing.
    pub(crate) const NOTHING: Self = Self { input: None, output: Some(0), source: UsageSource::Estimated };

    pub(crate) fn all(self) -> u64 {
        self.input.unwrap_or_default().saturating_add(self.output.unwrap_or_default())
    }
}

/// Keeps what was used.
pub(crate) struct Ledger {
    sums: Mutex<Sums>,
    rates: Mutex<Rates>,
    file: Option<UsageFile>,
    metrics: Arc<Metrics>,
    telemetry: Option<Arc<Telemetry>>,
    price_output: Option<f64>,
    /// Since when it counts, in seconds since 1970.
    since: f64,
    wait: Duration,
}

impl Ledger {
    pub(crate) fn new(
        config: &Config,
        file: Option<UsageFile>,
        metrics: Arc<Metrics>,
        telemetry: Option<Arc<Telemetry>>,
    ) -> Self {
        Self {
            sums: Mutex::default(),
            rates: Mutex::default(),
            file,
            metrics,
            telemetry,
            price_output: config.guard.budget.price_output,
            since: unix_s(),
            wait: Duration::from_secs_f64(config.usage.wait_s),
        }
    }

    /// An upstream failed once, and is left alone if its circuit opened by that.
    pub(crate) fn failed(&self, upstream: &str, opened: bool) {
        self.metrics.failed(upstream, opened);
    }

    /// How long an upstream may still take for its count where the client left behind the answer's end.
    pub(crate) fn wait(&self) -> Duration {
        self.wait
    }

    /// What tells a collector, if there is one.
    pub(crate) fn telemetry(&self) -> Option<&Arc<Telemetry>> {
        self.telemetry.as_ref()
    }

    /// Counts a record and writes it down.
    pub(crate) fn book(&self, record: &UsageRecord) {
        self.metrics.booked(record);
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).add(record);
        if let Some(file) = &self.file {
            file.write(record);
        }
    }

    /// The tokens of an answer: the provider's count, else what its characters make.
    pub(crate) fn tokens(&self, model: Option<&str>, summary: &Summary, is_read: bool) -> Tokens {
        let written = summary.channels.iter().filter(|channel| channel.kind != "audio");
        let characters: u64 = written.map(|channel| channel.characters).sum();
        let Usage { input, output, source, .. } = summary.usage;
        if summary.ending.state == EndingState::Complete && source == UsageSource::Reported {
            let shown = output.unwrap_or_default().saturating_sub(hidden_reasoning(summary));
            self.rates().learn(model, characters, shown);
            return Tokens { input, output, source };
        }
        if characters == 0 && !is_read && summary.bytes > 0 && source != UsageSource::Reported {
            return Tokens { input, output, source };
        }
        let reported = if source == UsageSource::Reported { output } else { None };
        self.tokens_of_part(model, Usage { output: reported, ..summary.usage }, characters)
    }

    /// The same of an answer that is not complete.
    pub(crate) fn tokens_of_part(&self, model: Option<&str>, usage: Usage, characters: u64) -> Tokens {
        let estimate = self.rates().estimate(model, characters);
        match usage.output {
            // A count from the begin of an answer that was cut is not one of all that came.
            Some(output) if estimate <= output.saturating_mul(2) => {
                Tokens { input: usage.input, output: Some(output), source: UsageSource::Reported }
            }
            _ => Tokens { input: usage.input, output: Some(estimate), source: UsageSource::Estimated },
        }
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What output tokens cost, without the tokens of their request.
    pub(crate) fn cost_of_output(&self, tokens: Tokens) -> Option<f64> {
        Some(tokens.output.unwrap_or_default() as f64 * self.price_output? / 1e6)
    }

    /// What that cost, where the guard's own count of tokens was another.
    pub(crate) fn cost(&self, summary: &Summary, tokens: Tokens) -> Option<f64> {
        let price = self.price_output?;
        let count = |tokens: Option<u64>| tokens.unwrap_or_default() as f64;
        let more = (count(tokens.output) - count(summary.usage.output)) * price / 1e6;
        Some((summary.cost.unwrap_or_default() + more).max(0.0))
    }

    /// Sums by key, model and upstream; of one tenant where it is given.
    pub(crate) fn json(&self, tenant: Option<&str>) -> String {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!({"since": self.since, "usage": sums.rows(tenant)}).to_string()
    }
}

/// Tokens of reasoning that the client never sees.
fn hidden_reasoning(summary: &Summary) -> u64 {
    let is_shown = summary.channels.iter().any(|channel| channel.kind == "reasoning");
    summary.usage.reasoning.filter(|_| !is_shown).unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn unix_s() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
