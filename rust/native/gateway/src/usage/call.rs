//! Upstreams that are asked for one stream, one after the other.

use std::sync::Arc;

use http::HeaderMap;
use midstream_series::Timestamp;
use midstream_stream::EndingState;
use midstream_worker::Clock;
use opentelemetry::Context;

use super::{Contents, Ledger, Prices, Tokens, UsageRecord, unix_s};
use crate::attempts::Books;
use crate::limits::Admission;
use crate::seats::Seat;
use crate::streams::Stream;
use crate::telemetry::{Asks, Span};
use crate::upstream::Upstream;

/// For which stream upstreams are asked, and who pays.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stream: Arc<Stream>,
    /// The limits that it counts for.
    pub(super) admission: Arc<Admission>,
    pub(super) prices: Prices,
    /// What the request says.
    pub(super) asked: Contents,
    /// The client's trace, and what is told of the request there.
    pub(super) parent: Context,
    pub(super) asks: Asks,
}

impl Account {
    pub(super) fn with_input(&self, model: Option<&str>, tokens: Tokens) -> Tokens {
        self.ledger.with_input(model, tokens, self.asked)
    }

    pub(super) fn record(
        &self,
        upstream: Option<String>,
        tokens: Tokens,
        end: EndingState,
        since: Timestamp,
    ) -> UsageRecord {
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

    pub(super) fn write(&self, record: UsageRecord, span: Option<Span>) {
        self.admission.take(record.tokens.all(), record.cost.unwrap_or_default(), record.at as u64);
        if let Some(span) = span {
            span.end(&record);
        }
        self.ledger.book(&record);
        self.stream.book(record);
    }
}

/// Who is asked now, if anybody is: whoever drops it books that one, so that nobody is asked without a record.
pub(crate) struct Call {
    pub(super) account: Account,
    pub(super) asked: Option<Asked>,
}

/// An upstream that is asked, and has its place there.
pub(super) struct Asked {
    pub(super) upstream: String,
    pub(super) since: Timestamp,
    pub(super) span: Option<Span>,
    _seat: Seat,
}

impl Call {
    pub(super) fn new(account: Account) -> Self {
        Self { account, asked: None }
    }

    /// The same for another request of the stream, before anybody is asked.
    pub(super) fn again(&self) -> Self {
        Self::new(self.account.clone())
    }

    /// Books who was asked and did not answer, if anybody was.
    pub(super) fn book_unanswered(&mut self, end: EndingState) {
        let Some(Asked { upstream, since, span, .. }) = self.asked.take() else { return };
        let tokens = match end {
            // It may have read the request, though its client did not wait for an answer.
            EndingState::Cancelled => {
                self.account.with_input(self.account.stream.meta.model.as_deref(), Tokens::NOTHING)
            }
            _ => Tokens::NOTHING,
        };
        self.account.write(self.account.record(Some(upstream), tokens, end, since), span);
    }
}

impl Books for Call {
    fn ask(&mut self, upstream: &Upstream, seat: Seat) {
        self.book_unanswered(EndingState::Failed);
        let Account { ledger, stream, parent, asks, .. } = &self.account;
        let span = ledger.telemetry().and_then(|telemetry| telemetry.start(parent, (&stream.meta, asks), upstream));
        let since = self.account.clock.now();
        self.asked = Some(Asked { upstream: upstream.name.clone(), since, span, _seat: seat });
    }

    fn trace(&self, mut headers: HeaderMap) -> HeaderMap {
        if let Some(span) = self.asked.as_ref().and_then(|asked| asked.span.as_ref()) {
            span.name_in(&mut headers);
        }
        headers
    }

    fn failed(&self, upstream: &str, opened: bool) {
        self.account.ledger.failed(upstream, opened);
    }

    fn fail(&mut self) {
        self.book_unanswered(EndingState::Failed);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.book_unanswered(EndingState::Cancelled);
    }
}
