//! The usage of one stream, booked in every ending.

use std::sync::Arc;

use http::HeaderMap;
use midstream_series::Timestamp;
use midstream_stream::{EndingState, Summary, Usage, UsageSource};
use midstream_worker::Clock;
use opentelemetry::Context;

use super::{Ledger, Prices, Tokens, UsageRecord, unix_s};
use crate::attempts::Books;
use crate::cause::Cause;
use crate::limits::Admission;
use crate::seats::Seat;
use crate::streams::Stream;
use crate::telemetry::{Asks, Span, Telemetry};
use crate::upstream::Upstream;

/// What is booked for a stream: whoever drops it books what is not booked yet, so that no ending is free.
pub(crate) struct Booking {
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    stream: Arc<Stream>,
    started: Timestamp,
    /// The limits that it counts for.
    admission: Admission,
    /// The most tokens that the request asks for.
    max_tokens: Option<u64>,
    prices: Prices,
    /// Characters of the request.
    characters: u64,
    /// Who is asked, and since when.
    asked: Option<(String, Timestamp)>,
    /// The client's trace, and the upstream's part in it.
    parent: Context,
    asks: Asks,
    span: Option<Span>,
    /// Its place at that upstream.
    seat: Option<Seat>,
    before: Before,
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
        Self {
            ledger: Arc::clone(ledger),
            clock: Arc::clone(clock),
            stream: Arc::clone(stream),
            started: clock.now(),
            admission,
            max_tokens,
            prices: Prices::default(),
            characters: 0,
            asked: None,
            parent: Context::new(),
            asks: Asks::default(),
            span: None,
            seat: None,
            before: Before::default(),
            is_booked: false,
            has_failed: false,
            is_over: false,
        }
    }

    /// What the tokens of a request of so many characters cost.
    pub(crate) fn of_request(mut self, characters: u64, prices: Prices) -> Self {
        (self.characters, self.prices) = (characters, prices);
        self
    }

    /// The trace that the request belongs to, and what is told of it there.
    pub(crate) fn within(mut self, headers: &HeaderMap, asks: impl FnOnce() -> Asks) -> Self {
        if self.ledger.telemetry().is_some() {
            self.asks = asks();
            self.parent = Telemetry::parent(headers);
        }
        self
    }

    /// When the request came.
    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }

    /// Another upstream goes on with the answer, of which that much came from those before.
    pub(crate) fn goes_on(&mut self, upstream: &str, seat: Seat, (usage, characters, bytes): (Usage, u64, u64)) {
        if let Some((before, _)) = self.asked.take() {
            let all = self.ledger.tokens_of_part(self.stream.meta.model.as_deref(), usage, characters);
            let tokens = self.with_input(self.stream.meta.model.as_deref(), self.before.rest(all));
            let record = UsageRecord {
                cost: self.prices.cost_of(tokens),
                bytes: bytes.saturating_sub(self.before.bytes),
                ..self.record(Some(before), tokens, EndingState::Truncated, self.started)
            };
            self.before = Before { usage, output: all.output.unwrap_or_default(), bytes };
            // One span is of the whole answer.
            let span = self.span.take();
            self.write(record);
            self.span = span;
        }
        self.seat = Some(seat);
        self.asked = Some((upstream.to_owned(), self.clock.now()));
    }

    /// The upstream that was asked last has answered, and its answer is over.
    pub(crate) fn end(&mut self, summary: &Summary, is_read: bool) {
        self.is_over = true;
        self.leave(summary, is_read);
        self.admission = Admission::default();
    }

    /// The same where another upstream is asked instead.
    pub(crate) fn leave(&mut self, summary: &Summary, is_read: bool) {
        let Some((upstream, _)) = self.asked.take() else { return };
        let model = self.stream.meta.model.clone().or_else(|| summary.model.clone());
        if let Some(span) = &self.span {
            span.tell(summary);
        }
        let tokens = self.before.rest(self.ledger.tokens(model.as_deref(), summary, is_read));
        if tokens.source == UsageSource::Reported && self.before.bytes == 0 {
            self.ledger.learn_input(model.as_deref(), self.characters, summary.usage);
        }
        // Who refuses has read nothing.
        let is_refused = summary.ending.state == EndingState::Failed && tokens.output == Some(0);
        let tokens = if is_refused { tokens } else { self.with_input(model.as_deref(), tokens) };
        let record = UsageRecord {
            model,
            cost: self.prices.cost(summary, tokens),
            bytes: summary.bytes.saturating_sub(self.before.bytes),
            ttft_s: summary.pace.first_text_s,
            ..self.record(Some(upstream), tokens, summary.ending.state, self.started)
        };
        if let (EndingState::Halted, Some(most), Some(output)) = (summary.ending.state, self.max_tokens, tokens.output)
        {
            self.ledger.metrics.saved(most.saturating_sub(output));
        }
        self.write(record);
        self.seat = None;
    }

    /// Books who was asked and did not answer, if anybody was.
    fn book_unanswered(&mut self, end: EndingState) -> bool {
        let Some((upstream, since)) = self.asked.take() else { return false };
        let tokens = match end {
            // It may have read the request, though its client did not wait for an answer.
            EndingState::Cancelled => self.with_input(self.stream.meta.model.as_deref(), Tokens::NOTHING),
            _ => Tokens::NOTHING,
        };
        self.book(Some(upstream), tokens, end, since);
        true
    }

    fn with_input(&self, model: Option<&str>, tokens: Tokens) -> Tokens {
        self.ledger.with_input(model, tokens, self.characters)
    }

    fn book(&mut self, upstream: Option<String>, tokens: Tokens, end: EndingState, since: Timestamp) {
        let record = self.record(upstream, tokens, end, since);
        self.write(record);
    }

    fn record(&self, upstream: Option<String>, tokens: Tokens, end: EndingState, since: Timestamp) -> UsageRecord {
        let meta = &self.stream.meta;
        UsageRecord {
            stream: meta.id.as_str().to_owned(),
            api: meta.api,
            key: meta.key.clone(),
            tenant: meta.tenant.clone(),
            model: meta.model.clone(),
            upstream,
            tokens,
            cost: self.prices.cost_of(tokens).filter(|cost| *cost > 0.0),
            end: end.name(),
            bytes: 0,
            ttft_s: None,
            duration_s: (self.clock.now() - since).as_secs_f64(),
            at: unix_s(),
        }
    }

    fn write(&mut self, record: UsageRecord) {
        self.is_booked = true;
        self.admission.take(record.tokens.all(), record.cost.unwrap_or_default(), record.at as u64);
        if let Some(span) = self.span.take() {
            span.end(&record);
        }
        self.ledger.book(&record);
        self.stream.book(record);
    }
}

impl Books for Booking {
    fn ask(&mut self, upstream: &Upstream, seat: Seat) {
        self.book_unanswered(EndingState::Failed);
        self.seat = Some(seat);
        self.asked = Some((upstream.name.clone(), self.clock.now()));
        let telemetry = self.ledger.telemetry();
        self.span =
            telemetry.and_then(|telemetry| telemetry.start(&self.parent, (&self.stream.meta, &self.asks), upstream));
    }

    fn trace(&self, mut headers: HeaderMap) -> HeaderMap {
        if let Some(span) = &self.span {
            span.name_in(&mut headers);
        }
        headers
    }

    fn failed(&self, upstream: &str, opened: bool) {
        self.ledger.failed(upstream, opened);
    }

    fn fail(&mut self) {
        self.has_failed = true;
        if !self.book_unanswered(EndingState::Failed) && !self.is_booked {
            self.book(None, Tokens::NOTHING, EndingState::Failed, self.started);
        }
    }
}

impl Drop for Booking {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if !self.book_unanswered(EndingState::Cancelled) && !self.is_booked {
            self.book(None, Tokens::NOTHING, EndingState::Cancelled, self.started);
        }
        if !self.has_failed {
            self.stream.blame(Cause::ClientLeft);
        }
        self.stream.end(None);
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
