//! The usage of one stream, booked in every ending.

use std::sync::Arc;

use http::HeaderMap;
use midstream_series::Timestamp;
use midstream_stream::{EndingState, Summary, Usage, UsageSource};
use midstream_worker::Clock;
use opentelemetry::Context;

use super::call::{Account, Asked, Call};
use super::counted::Counted;
use super::{Contents, Ledger, Prices, Tokens, UsageRecord};
use crate::attempts::Books;
use crate::cause::Cause;
use crate::given::LONGEST_MODEL;
use crate::limits::Admission;
use crate::seats::Seat;
use crate::streams::Stream;
use crate::telemetry::{Asks, Run, Telemetry};
use crate::upstream::Upstream;

/// What is booked for a stream: whoever drops it books what is not booked yet, so that no ending is free.
pub(crate) struct Booking {
    call: Call,
    started: Timestamp,
    /// The most tokens that the request asks for.
    max_tokens: Option<u64>,
    before: Before,
    /// Where nobody guards the answer, and a model reads the request.
    counted: Option<Box<Counted>>,
    /// The run of the agent that asks.
    run: Run,
    /// Each upstream that is asked has a record; so has a stream for which nobody could be.
    is_booked: bool,
    /// Nobody answers.
    has_failed: bool,
    is_over: bool,
}

/// What came of an answer before the upstream that goes on with it.
#[derive(Default)]
struct Before {
    /// As its providers counted it.
    usage: Usage,
    /// Tokens that are booked.
    output: u64,
    bytes: u64,
}

impl Before {
    /// The part of all tokens that is not booked yet. A provider's sum holds what providers counted before.
    fn rest(&self, all: Tokens) -> Tokens {
        let before = match all.source {
            UsageSource::Reported => self.usage.output.unwrap_or_default(),
            _ => self.output,
        };
        let input = all.input.map(|input| input.saturating_sub(self.usage.input.unwrap_or_default()));
        Tokens { input, output: all.output.map(|output| output.saturating_sub(before)), ..all }
    }
}

impl Booking {
    pub(crate) fn new(
        ledger: &Arc<Ledger>,
        clock: &Arc<dyn Clock>,
        stream: &Arc<Stream>,
        (admission, max_tokens): (Admission, Option<u64>),
    ) -> Self {
        let account = Account {
            ledger: Arc::clone(ledger),
            clock: Arc::clone(clock),
            stream: Arc::clone(stream),
            admission: Arc::new(admission),
            prices: Prices::default(),
            asked: Contents::default(),
            parent: Context::new(),
            asks: Asks::default(),
        };
        Self {
            call: Call::new(account),
            started: clock.now(),
            max_tokens,
            before: Before::default(),
            counted: None,
            run: Run::default(),
            is_booked: false,
            has_failed: false,
            is_over: false,
        }
    }

    /// What the request says, and what its tokens cost.
    pub(crate) fn of_request(mut self, asked: Contents, prices: Prices) -> Self {
        let account = &mut self.call.account;
        (account.asked, account.prices) = (asked, prices);
        self
    }

    /// Nobody guards the answer, and what its provider counted is read out of it.
    pub(crate) fn counting(mut self, counts: bool) -> Self {
        self.counted = counts.then(Box::default);
        self
    }

    /// The next bytes of the answer.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        if let Some(counted) = &mut self.counted {
            counted.read(bytes);
        }
    }

    /// The trace that the request belongs to, and what is told of it there.
    pub(crate) fn within(mut self, headers: &HeaderMap, asks: impl FnOnce() -> Asks) -> Self {
        let account = &mut self.call.account;
        if account.ledger.telemetry().is_some() {
            account.asks = asks();
            account.parent = Telemetry::parent(headers);
        }
        self
    }

    /// The request brings results of tools; which, nobody knows before it is read.
    pub(crate) fn with_results(mut self, has_results: bool) -> Self {
        self.run = if has_results { Run::Unknown } else { Run::Begins };
        self
    }

    /// They are those of these calls.
    pub(crate) fn answers(&mut self, calls: &[String]) {
        let account = &self.call.account;
        if let Some(telemetry) = account.ledger.telemetry() {
            self.run = telemetry.answered(&account.stream.meta, calls, self.started);
        }
    }

    /// When the request came.
    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }

    /// Books a second request for the same stream.
    pub(crate) fn second(&self) -> Call {
        self.call.again()
    }

    /// The upstream of a second request goes on with the answer, of which that much came from those before.
    pub(crate) fn goes_on(&mut self, second: Call, (usage, characters, bytes): (Usage, u64, u64)) {
        let Self { call: Call { account, asked }, before, .. } = self;
        if let Some(Asked { upstream, span, .. }) = asked.take() {
            let model = account.stream.meta.model.as_deref();
            let all = account.ledger.tokens_of_part(model, usage, characters);
            let tokens = account.with_input(model, before.rest(all));
            let record = UsageRecord {
                cost: account.prices.cost_of(tokens),
                bytes: bytes.saturating_sub(before.bytes),
                ..account.record(Some(upstream), tokens, EndingState::Truncated, self.started)
            };
            *before = Before { usage, output: all.output.unwrap_or_default(), bytes };
            account.write(record, span);
        }
        self.call = second;
    }

    /// The upstream that was asked last has answered, and its answer is over.
    pub(crate) fn end(&mut self, summary: &Summary, is_read: bool) {
        self.is_over = true;
        self.leave(summary, is_read);
        let Account { ledger, clock, stream, .. } = &self.call.account;
        if let Some(telemetry) = ledger.telemetry() {
            telemetry.ended(&stream.meta, self.run, summary, (self.started, clock.now()));
        }
        self.call.account.admission = Arc::default();
    }

    /// The same where another upstream is asked instead.
    pub(crate) fn leave(&mut self, summary: &Summary, is_read: bool) {
        let Self { call: Call { account, asked }, before, counted, .. } = self;
        let Some(Asked { upstream, span, .. }) = asked.take() else { return };
        let of_answer = || summary.model.clone().filter(|name| name.len() <= LONGEST_MODEL);
        let model = account.stream.meta.model.clone().or_else(of_answer);
        if let Some(span) = &span {
            span.tell(summary, account.stream.meta.started);
        }
        let tokens = match counted {
            Some(counted) => account.passed(model.as_deref(), summary, counted),
            None => account.guarded(model.as_deref(), summary, (before, is_read)),
        };
        let tokens = account.ledger.responses.book(&upstream, &account.stream.meta.path, summary, tokens);
        let record = UsageRecord {
            model,
            cost: account.prices.cost(summary, tokens),
            bytes: summary.bytes.saturating_sub(before.bytes),
            ttft_s: summary.pace.first_text_s,
            ..account.record(Some(upstream), tokens, summary.ending.state, self.started)
        };
        if let (EndingState::Halted, Some(most), Some(output)) = (summary.ending.state, self.max_tokens, tokens.output)
        {
            account.ledger.metrics.saved(most.saturating_sub(output));
        }
        account.write(record, span);
    }

    /// Books whom it waits for, or that nobody could be asked where nothing is booked.
    fn book_unanswered(&mut self, end: EndingState) {
        self.call.book_unanswered(end);
        if !std::mem::replace(&mut self.is_booked, true) {
            let account = &self.call.account;
            account.write(account.record(None, Tokens::NOTHING, end, self.started), None);
        }
    }
}

impl Account {
    /// The tokens of an answer that was guarded.
    fn guarded(&self, model: Option<&str>, summary: &Summary, (before, is_read): (&Before, bool)) -> Tokens {
        let tokens = before.rest(self.ledger.tokens(model, summary, is_read));
        if tokens.source == UsageSource::Reported && before.bytes == 0 {
            self.ledger.learn_input(model, self.asked.characters, summary.usage);
        }
        // Who refuses has read nothing.
        let is_refused = summary.ending.state == EndingState::Failed && tokens.output == Some(0);
        if is_refused { tokens } else { self.with_input(model, tokens) }
    }

    /// The same of one that was not.
    fn passed(&self, model: Option<&str>, summary: &Summary, counted: &Counted) -> Tokens {
        let is_refused = summary.ending.state == EndingState::Failed;
        let asked = if is_refused { Contents::default() } else { self.asked };
        self.ledger.tokens_of_request(model, counted.tokens(), asked)
    }
}

impl Books for Booking {
    fn ask(&mut self, upstream: &Upstream, seat: Seat) {
        self.is_booked = true;
        self.call.ask(upstream, seat);
    }

    fn trace(&self, headers: HeaderMap) -> HeaderMap {
        self.call.trace(headers)
    }

    fn failed(&self, upstream: &str, opened: bool) {
        self.call.failed(upstream, opened);
    }

    fn fail(&mut self) {
        self.has_failed = true;
        self.book_unanswered(EndingState::Failed);
    }
}

impl Drop for Booking {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.book_unanswered(EndingState::Cancelled);
        let Account { ledger, stream, .. } = &self.call.account;
        if !self.has_failed {
            stream.blame(Cause::ClientLeft);
        }
        let end = if stream.cause().is_some() { EndingState::Cancelled } else { EndingState::Failed };
        ledger.metrics.unanswered(stream.meta.api, end);
        stream.end(None);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use midstream_worker::SystemClock;

    use super::*;
    use crate::config::Config;
    use crate::endpoint::Api;
    use crate::metrics::Metrics;
    use crate::seats::Seats;
    use crate::streams::Streams;
    use crate::upstream::Upstreams;

    /// What the stream shows once `use_it` is over.
    async fn shown(use_it: impl FnOnce(Booking, Seat)) -> serde_json::Value {
        let metrics = Arc::new(Metrics::new());
        let ledger = Arc::new(Ledger::new(&Config::default(), None, metrics, None));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let stream = Streams::default().start(Api::Openai, "/", None, None);
        let booking = Booking::new(&ledger, &clock, &stream, (Admission::default(), None));
        let seat = Seats::new(None, 0, std::time::Duration::ZERO).take().await.unwrap();
        let _ = catch_unwind(AssertUnwindSafe(|| use_it(booking, seat)));
        serde_json::to_value(stream.show()).unwrap()
    }

    fn ends(shown: &serde_json::Value) -> Vec<(&str, &str)> {
        let text = |value: &'_ serde_json::Value| value.as_str().map(str::to_owned);
        let records = shown["usage"].as_array().unwrap().iter();
        assert!(records.clone().all(|record| record["source"] == "estimated" && record["output"] == 0));
        assert_eq!(text(&shown["state"]).as_deref(), Some("ended"));
        records.map(|one| (one["upstream"].as_str().unwrap_or_default(), one["end"].as_str().unwrap())).collect()
    }

    #[tokio::test]
    async fn a_panic_books_what_was_asked() {
        let shown = shown(|mut booking, seat| {
            let config = b"[upstreams.one]\nurl = \"http://127.0.0.1\"\napis = [\"openai\"]";
            let upstreams = Upstreams::of(&Config::from_toml(config).unwrap(), None).unwrap();
            booking.ask(upstreams.all().next().unwrap(), seat);
            panic!("of the test");
        });
        assert_eq!(ends(&shown.await), [("one", "cancelled")]);
    }

    #[tokio::test]
    async fn what_nobody_was_asked_is_booked_once() {
        assert_eq!(ends(&shown(|mut booking, _| booking.fail()).await), [("", "failed")]);
        assert_eq!(ends(&shown(|booking, _| drop(booking)).await), [("", "cancelled")]);
    }
}
