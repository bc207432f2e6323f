//! What streams used: one record for each upstream that was asked, written once, however the stream ended.

mod again;
mod booking;
mod call;
mod counted;
mod drain;
mod file;
mod hidden;
mod prices;
mod rates;
mod request;
mod sums;
mod today;
mod unended;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use midstream_stream::{EndingState, Summary, Usage, UsageSource};
use serde::Serialize;

use self::again::Responses;
pub(crate) use self::booking::Booking;
pub(crate) use self::call::Call;
pub(crate) use self::drain::drained;
pub(crate) use self::file::UsageFile;
pub(crate) use self::hidden::Hidden;
pub(crate) use self::prices::Prices;
use self::rates::Rates;
pub(crate) use self::request::Contents;
use self::sums::Sums;
pub(crate) use self::today::spent_since;
pub(crate) use self::unended::Booked;
use crate::config::Config;
use crate::endpoint::Api;
use crate::limits::{Answers, Most};
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
    pub(crate) input_source: UsageSource,
    pub(crate) output: Option<u64>,
    /// Of the output.
    pub(crate) source: UsageSource,
}

impl Tokens {
    /// Of an upstream that delivered nothing.
    pub(crate) const NOTHING: Self =
        Self { input: None, input_source: UsageSource::Unknown, output: Some(0), source: UsageSource::Estimated };

    /// Those that a provider counted of the request, and what is known of the answer.
    fn of(input: Option<u64>, output: Option<u64>, source: UsageSource) -> Self {
        let input_source = if input.is_some() { UsageSource::Reported } else { UsageSource::Unknown };
        Self { input, input_source, output, source }
    }

    pub(crate) fn all(self) -> u64 {
        self.input.unwrap_or_default().saturating_add(self.output.unwrap_or_default())
    }
}

/// Keeps what was used.
pub(crate) struct Ledger {
    sums: Mutex<Sums>,
    /// Of answers, and of requests.
    rates: Mutex<(Rates, Rates)>,
    responses: Responses,
    file: Option<UsageFile>,
    metrics: Arc<Metrics>,
    telemetry: Option<Arc<Telemetry>>,
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
            responses: Responses::default(),
            file,
            metrics,
            telemetry,
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

    /// Waits until its file has what was booked.
    pub(crate) fn settle(&self) {
        if let Some(file) = &self.file {
            file.settle();
        }
    }

    /// The tokens of an answer: the provider's count, else what its characters make.
    pub(crate) fn tokens(&self, model: Option<&str>, summary: &Summary, is_read: bool) -> Tokens {
        let written = summary.channels.iter().filter(|channel| channel.kind != "audio");
        let characters: u64 = written.map(|channel| channel.characters).sum();
        let Usage { input, output, source, .. } = summary.usage;
        if summary.ending.state == EndingState::Complete && source == UsageSource::Reported {
            let shown = output.unwrap_or_default().saturating_sub(hidden_reasoning(summary));
            self.rates().0.learn(model, characters, shown);
            return Tokens::of(input, output, source);
        }
        if characters == 0 && (!is_read || is_unread(summary)) && summary.bytes > 0 && source != UsageSource::Reported {
            return Tokens::of(input, output, source);
        }
        let reported = if source == UsageSource::Reported { output } else { None };
        self.tokens_of_part(model, Usage { output: reported, ..summary.usage }, characters)
    }

    /// The same of an answer that is not complete.
    pub(crate) fn tokens_of_part(&self, model: Option<&str>, usage: Usage, characters: u64) -> Tokens {
        let estimate = self.rates().0.estimate(model, characters);
        match usage.output {
            // A count from the begin of an answer that was cut is not one of all that came.
            Some(output) if estimate <= output.saturating_mul(2) => {
                Tokens::of(usage.input, Some(output), UsageSource::Reported)
            }
            _ => Tokens::of(usage.input, Some(estimate), UsageSource::Estimated),
        }
    }

    /// The tokens of a request whose answer nobody guards: the provider's count, else what its text makes.
    pub(crate) fn tokens_of_request(
        &self,
        model: Option<&str>,
        reported: Option<(u64, u64)>,
        asked: Contents,
    ) -> Tokens {
        match reported {
            Some((input, output)) => {
                if asked.tokens == 0 {
                    self.rates().1.learn(model, asked.characters, input);
                }
                Tokens::of(Some(input), Some(output), UsageSource::Reported)
            }
            None if asked.is_empty() => Tokens::of(None, None, UsageSource::Unknown),
            None => {
                let input = Some(self.input(model, asked));
                Tokens { input_source: UsageSource::Estimated, ..Tokens::of(input, None, UsageSource::Unknown) }
            }
        }
    }

    /// The most that a request may use.
    pub(crate) fn most(&self, model: Option<&str>, asked: Contents, answers: Answers, prices: Prices) -> Most {
        Most::of(self.input(model, asked), answers, |input, output| prices.of_tokens(input, output))
    }

    /// An estimate of what a request has.
    fn input(&self, model: Option<&str>, asked: Contents) -> u64 {
        self.rates().1.estimate(model, asked.characters).saturating_add(asked.tokens)
    }

    /// What a request of so many characters had, as its provider counted it.
    pub(crate) fn learn_input(&self, model: Option<&str>, characters: u64, usage: Usage) {
        // What came from a cache is counted by some beside the rest, by others within it.
        let is_cached = usage.cache_read.or(usage.cache_write).is_some_and(|cached| cached > 0);
        if let Some(tokens) = usage.input.filter(|_| !is_cached) {
            self.rates().1.learn(model, characters, tokens);
        }
    }

    /// The same tokens with those of a request, where nobody counted either.
    pub(crate) fn with_input(&self, model: Option<&str>, tokens: Tokens, asked: Contents) -> Tokens {
        if tokens.input.is_some() || tokens.source != UsageSource::Estimated || asked.is_empty() {
            return tokens;
        }
        let input = Some(self.input(model, asked));
        Tokens { input, input_source: UsageSource::Estimated, ..tokens }
    }

    fn rates(&self) -> MutexGuard<'_, (Rates, Rates)> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sums by key, model and upstream; of one tenant where it is given.
    pub(crate) fn json(&self, tenant: Option<&str>) -> String {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!({"since": self.since, "usage": sums.rows(tenant)}).to_string()
    }
}

/// Whether what came was of a format that the guard did not know.
fn is_unread(summary: &Summary) -> bool {
    summary.ending.notes.iter().any(|note| matches!(*note, "unknown_format" | "wrong_dialect"))
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
