//! Asks one upstream after the other, and each again where that may help, until one answers.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, Response, StatusCode};
use hyper::body::Incoming;
use midstream_series::Span;
use midstream_stream::Dialect;
use midstream_worker::Clock;
use tokio::time::{Instant, timeout_at};

use crate::endpoint::Api;
use crate::fault::Fault;
use crate::log::events;
use crate::seats::Seat;
use crate::streams::StreamId;
use crate::upstream::Upstream;
use crate::wire::{without_key, without_keys};

/// A provider that asks for more is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// One upstream with what it is to be asked.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) upstream: Arc<Upstream>,
    /// Where the path names the model, and this one knows it by another name.
    pub(crate) path: Option<String>,
    pub(crate) body: Bytes,
    /// The body asks for usage and the client does not.
    pub(crate) hides_usage: bool,
    /// It is elsewhere than the first route: what the client proves to that one is none of its business.
    pub(crate) is_elsewhere: bool,
}

/// What is asked, and of whom.
#[derive(Clone)]
pub(crate) struct Request {
    /// What it is for.
    pub(crate) stream: StreamId,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) api: Api,
    /// What its answer is written in; `None` where that holds nothing to guard.
    pub(crate) dialect: Option<Dialect>,
    /// The provider goes on with the answer when its connection is closed.
    pub(crate) is_background: bool,
    /// Who was asked may be asked again: it answers, and nothing else comes of it.
    pub(crate) is_repeatable: bool,
    /// When it came.
    pub(crate) begun: Instant,
    /// Who may answer, the first that does.
    pub(crate) routes: Vec<Candidate>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Who is told whom a request was put to.
pub(crate) trait Books {
    /// An upstream is asked; whoever was asked before has failed.
    fn ask(&mut self, upstream: &Upstream, seat: Seat);

    /// What that upstream is asked with.
    fn trace(&self, headers: HeaderMap) -> HeaderMap {
        headers
    }

    /// The upstream failed once, and is left alone if its circuit opened by that.
    fn failed(&self, upstream: &str, opened: bool);

    /// Nobody answers.
    fn fail(&mut self);
}

/// What came of one upstream.
enum Tried {
    Answered(Response<Incoming>),
    Failed(Fault),
    /// It was not asked: it is left alone, or full.
    Spared(Fault),
}

impl Request {
    /// The first answer of the routes from `at` on that is no refusal, else the last one, with who gave it.
    pub(crate) async fn ask(&self, at: usize, booking: &mut impl Books) -> Result<(Response<Incoming>, usize), Fault> {
        let mut last = None;
        let mut spared = None;
        for (place, candidate) in self.routes.iter().enumerate().skip(at) {
            if place > at {
                events::failed_over(self.stream.as_str(), &candidate.upstream.name);
            }
            match self.ask_one(candidate, booking).await {
                Tried::Answered(response) => {
                    let may_pass_by = may_pass_by(response.status()) && self.is_repeatable;
                    last = Some(Ok((response, place)));
                    if !may_pass_by {
                        break;
                    }
                }
                Tried::Failed(fault) => {
                    let may_pass_by = self.may_repeat(&fault);
                    last = Some(Err(fault));
                    if !may_pass_by {
                        break;
                    }
                }
                Tried::Spared(fault) => spared = sooner(spared, fault),
            }
        }
        let none = || Err(spared.unwrap_or_else(|| Fault::no_upstream(self.api)));
        last.unwrap_or_else(none).inspect_err(|_| booking.fail())
    }

    async fn ask_one(&self, candidate: &Candidate, booking: &mut impl Books) -> Tried {
        let Candidate { upstream, .. } = candidate;
        let total = upstream.config.total();
        let until = self.begun + total;
        let over = || Tried::Spared(Fault::over(&upstream.name, total));
        let seat = match timeout_at(until, upstream.seats.take()).await {
            Ok(Some(seat)) if Instant::now() < until => seat,
            Ok(None) => return Tried::Spared(Fault::occupied(&upstream.name)),
            _ => return over(),
        };
        let mut waits = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_times(upstream.config.retries)
            .with_jitter()
            .build();
        let mut seat = Some(seat);
        let mut last = None;
        loop {
            let allowed = match upstream.breaker.begin(self.clock.now()) {
                Ok(allowed) => allowed,
                Err(wait) => return last.unwrap_or_else(|| Tried::Spared(Fault::left_alone(&upstream.name, wait))),
            };
            if let Some(seat) = seat.take() {
                booking.ask(upstream, seat);
            }
            let asking = timeout_at(until, self.ask_once(candidate, booking));
            let answer = asking.await.unwrap_or_else(|_| Err(Fault::over(&upstream.name, total)));
            let fails = match &answer {
                Ok(response) => fails(response.status()),
                Err(_) => true,
            };
            if fails {
                let opened = allowed.fail(self.clock.now());
                booking.failed(&upstream.name, opened);
                self.tell(&upstream.name, opened, &answer);
            } else if allowed.succeed() {
                events::circuit_closed(&upstream.name);
            }
            let wait = match (&answer, waits.next()) {
                (Ok(response), Some(wait)) if self.is_repeatable && may_pass_by(response.status()) => {
                    retry_after(response).unwrap_or(wait)
                }
                (Err(fault), Some(wait)) if fault.status == StatusCode::BAD_GATEWAY && self.may_repeat(fault) => wait,
                _ => return Tried::of(answer),
            };
            if wait > LONGEST_WAIT || Instant::now() + wait >= until {
                return Tried::of(answer);
            }
            last = Some(Tried::of(answer));
            events::upstream_retried(self.stream.as_str(), &upstream.name, wait);
            tokio::time::sleep(wait).await;
        }
    }

    /// Tells that an upstream failed, and whether it is left alone from now on.
    fn tell(&self, upstream: &str, opened: bool, answer: &Result<Response<Incoming>, Fault>) {
        let failure = answer.as_ref().map(Response::status);
        events::upstream_failed(self.stream.as_str(), upstream, failure);
        if opened {
            events::circuit_opened(upstream);
        }
    }

    async fn ask_once(&self, candidate: &Candidate, booking: &impl Books) -> Result<Response<Incoming>, Fault> {
        let Candidate { upstream, body, .. } = candidate;
        let (path, headers) = self.head_for(candidate);
        upstream.ask(self.method.clone(), &path, booking.trace(headers), body.clone(), self.api).await
    }

    /// The path and the headers that one upstream is asked with: the keys of a client go to the first alone, and to those that
    /// are at the same place.
    pub(crate) fn head_for(&self, candidate: &Candidate) -> (String, HeaderMap) {
        let path = candidate.path.as_deref().unwrap_or(&self.path);
        match candidate.is_elsewhere {
            true => (without_key(path), without_keys(self.headers.clone())),
            false => (path.to_owned(), self.headers.clone()),
        }
    }

    /// Whether it may be sent again behind this: whoever was not reached has done nothing.
    fn may_repeat(&self, fault: &Fault) -> bool {
        self.is_repeatable || fault.is_unasked
    }
}

impl Tried {
    fn of(answer: Result<Response<Incoming>, Fault>) -> Self {
        answer.map_or_else(Self::Failed, Self::Answered)
    }
}

/// The refusal after which it is worth the least to wait.
fn sooner(one: Option<Fault>, other: Fault) -> Option<Fault> {
    let Some(one) = one else { return Some(other) };
    let is_sooner = other.retry_after_s.unwrap_or(u64::MAX) < one.retry_after_s.unwrap_or(u64::MAX);
    Some(if is_sooner { other } else { one })
}

/// Whether an answer says that its upstream is broken; one that is asked too often is not.
fn fails(status: StatusCode) -> bool {
    may_pass_by(status) && status != StatusCode::TOO_MANY_REQUESTS
}

/// Whether somebody else, or the same one later, may answer better.
fn may_pass_by(status: StatusCode) -> bool {
    /// Anthropic's overload.
    const OVERLOADED: u16 = 529;
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504 | OVERLOADED)
}

/// Whether sending it again changes nothing more (RFC 9110, section 9.2.2).
pub(crate) fn is_idempotent(method: &Method) -> bool {
    [Method::DELETE, Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::TRACE].contains(method)
}

/// What the provider asks for, in whole seconds.
fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

impl Fault {
    /// The time is over that an upstream has for the whole answer.
    fn over(upstream: &str, total: Duration) -> Self {
        Self::given_up(
            upstream,
            &format!("did not begin its answer within the {} s that it has for all of it", total.as_secs_f64()),
        )
    }

    /// An upstream has as many requests as it may, and too many wait.
    fn occupied(upstream: &str) -> Self {
        let message = format!("upstream {upstream:?} has as many requests as it may have; ask again in 1 s");
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, "midstream_upstream_full", message);
        Self { retry_after_s: Some(1), ..fault }
    }

    /// An upstream failed again and again.
    fn left_alone(upstream: &str, wait: Span) -> Self {
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        let message =
            format!("upstream {upstream:?} failed again and again and is left alone; ask again in {seconds} s");
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, "midstream_upstream_open", message);
        Self { retry_after_s: Some(seconds), ..fault }
    }
}
