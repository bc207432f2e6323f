//! One request: to its upstream, and its answer back under guard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use midstream_stream::{Close, End, Error};
use midstream_worker::Clock;
use serde_json::json;

use crate::access::Key;
use crate::admitted::{Begun, Received};
use crate::arrival::Added;
use crate::attempts::{Books, Request};
use crate::background::Background;
use crate::beside::Beside;
use crate::body::{Body, whole};
use crate::case::Case;
use crate::client::Client;
use crate::config::Role;
use crate::early::Early;
use crate::endpoint::Api;
use crate::fault::Fault;
use crate::flow::Flow;
use crate::frames::Frames;
use crate::haste::Haste;
use crate::keepalive::Keepalive;
use crate::log::{Refusals, events};
use crate::manner::Manner;
use crate::metrics::Metrics;
use crate::patience::Patience;
use crate::sent::{Answers, Leaving, Sent};
use crate::setup::Setup;
use crate::streams::Streams;
use crate::usage::{Booking, Ledger};
use crate::viewers::token::Tokens;
use crate::warnings::Warnings;
use crate::watched::{Telling, Watched};
use crate::whole::{Outcome, Part, Read, Whole, cancelled};
use crate::wire::opens_websocket;

/// What all requests share.
pub(crate) struct Proxy {
    /// What a reload replaces.
    pub(crate) setup: ArcSwap<Setup>,
    pub(crate) streams: Streams,
    pub(crate) answers: Answers,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) beside: Beside,
    /// The gateway stops: nothing new begins.
    pub(crate) is_draining: AtomicBool,
    /// Streams that run are not waited for.
    pub(crate) haste: Haste,
    /// What clients were refused.
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) tokens: Tokens,
    /// Viewers of one stream and of all.
    pub(crate) viewers: (usize, usize),
}

impl Proxy {
    /// Answers a request; a fault is told in the words of the API that was asked.
    pub(crate) async fn answer(self: Arc<Self>, request: http::Request<axum::body::Body>) -> Response<Body> {
        let setup = self.setup.load_full();
        let asked = Api::of_path(request.uri(), request.headers());
        let key = match self.admit(&setup, &request) {
            Ok(key) => key,
            Err(fault) => return fault.response(asked),
        };
        let chosen = match setup.upstreams.choose(request.method(), request.uri(), request.headers()) {
            Ok(chosen) => chosen,
            Err(fault) => return fault.response(asked),
        };
        let api = chosen.api;
        if opens_websocket(request.headers()) {
            return Fault::websocket(&chosen.path).response(Some(api));
        }
        let received = Received { setup, key, chosen, request };
        self.pass(received).await.unwrap_or_else(|fault| fault.response(Some(api)))
    }

    /// The key of a request that may ask upstreams; who has none learns nothing of them.
    fn admit(&self, setup: &Setup, request: &http::Request<axum::body::Body>) -> Result<Option<Arc<Key>>, Fault> {
        if self.is_draining.load(Ordering::Relaxed) {
            return Err(Fault::draining());
        }
        if request.extensions().get::<Arc<Client>>().is_some_and(|client| client.is_one_too_many()) {
            return Err(Fault::full());
        }
        setup.access.check(request.headers(), request.uri(), Role::Call)
    }

    async fn pass(self: Arc<Self>, received: Received) -> Result<Response<Body>, Fault> {
        let Begun { answering, case, asked, booking } = received.admit(&self).await?.begin(&self);
        let id = asked.stream.clone();
        let answered = self.answered(case, asked, booking).await.map_err(|fault| fault.of(&id));
        answering.told(answered.as_ref().map_or_else(|fault| fault.status, Response::status));
        answered
    }

    /// The answer, or a head alone where that is asked for and nobody answers in time.
    async fn answered(
        self: Arc<Self>,
        mut case: Case,
        asked: Request,
        booking: Booking,
    ) -> Result<Response<Body>, Fault> {
        let early = Early::of(&case, &asked);
        case.early = early.as_ref().map(Early::begun);
        let asking = self.ask(case, asked, booking);
        match early {
            Some(early) => early.answer(Box::pin(asking)).await,
            None => asking.await,
        }
    }

    /// Asks one route after the other until the answer of one may pass.
    async fn ask(
        self: Arc<Self>,
        mut case: Case,
        asked: Request,
        mut booking: Booking,
    ) -> Result<Response<Body>, Fault> {
        loop {
            let (response, at) = tokio::select! {
                answered = asked.ask(case.at, &mut booking) => answered?,
                fault = cancelled(&case.stream) => return Err(fault),
            };
            case.at = at;
            match self.guarded(&mut case, &asked, response, booking).await? {
                Outcome::Answer(answer) => return Ok(answer),
                Outcome::Reroute(again) => {
                    events::rerouted(case.stream.meta.id.as_str());
                    (booking, case.at, case.is_rerouted) = (*again, at + 1, true);
                }
            }
        }
    }

    async fn guarded(
        &self,
        case: &mut Case,
        asked: &Request,
        response: Response<Incoming>,
        mut booking: Booking,
    ) -> Result<Outcome, Fault> {
        let reading = case.reading.take();
        let case = &*case;
        let Case { setup, stream, .. } = case;
        let candidate = asked.routes.get(case.at).ok_or_else(|| Fault::no_upstream(asked.api))?;
        let upstream = &candidate.upstream;
        stream.run(&upstream.name);
        let added = Added::new(&self.metrics, response.extensions().get());
        let (mut head, body) = response.into_parts();
        if let Some(fault) = case.unfit(asked, &upstream.name, &head) {
            booking.fail();
            return Err(fault);
        }
        let mut manner = Manner::of(&head, asked, case.is_streamed);
        if let Some(encoding) = &manner.opaque {
            stream.append([json!({"kind": "opaque", "encoding": encoding}).to_string()]);
        }
        let guarded = manner.guard(setup, (asked, case.at), booking.started()).inspect_err(|_| booking.fail());
        let (guard, continuation) = guarded.map_err(|error| Fault::unguarded(&error))?;
        let finishes = manner.open().filter(|_| setup.end == End::Finish && !guard.redacts());
        let frames = Frames::new(manner.kind(), case.is_numbered, guard.redacts());
        let patience = Patience::new(&upstream.config, case.begun, manner.dialect.is_some());
        head.headers = case.head(asked, &upstream.name, &head.headers, continuation.is_some());
        let warnings = Warnings::of(manner.open().filter(|_| setup.tells_warnings && !manner.is_whole));
        let telling = Telling::new(stream, &self.metrics, &guard, frames)
            .with_moderator(setup.moderator.as_ref().filter(|_| guard.holds()))
            .with_warnings(warnings);
        let watched = Watched::new(guard, telling, Arc::clone(&self.clock), booking)
            .with_copy(manner.copy.take())
            .with_reading(reading.filter(|_| manner.is_answer), manner.is_whole)
            .in_background(Background::of(asked, case.at))
            .may_go_on(continuation.is_some() || manner.is_whole);
        if manner.is_bare {
            return Ok(Outcome::Answer(bare(head, watched)));
        }
        let part = if manner.is_whole {
            let whole = Whole { body, watched, patience, upstream: &upstream.name, finishes };
            match whole.pass(head).await? {
                Read::ToItsEnd(outcome) => return Ok(outcome),
                Read::InPart(part) => *part,
            }
        } else {
            Part { head, body, watched, patience, passed: Bytes::new() }
        };
        let Part { mut head, body, watched, patience, passed } = part;
        if !manner.is_untouched() {
            head.headers.remove(CONTENT_LENGTH);
        }
        let is_sse = manner.is_sse();
        let keepalive = setup.keepalive.filter(|_| is_sse).map(|every| Keepalive::new(every, asked.api));
        let flow = Flow::new(body, watched, patience, keepalive);
        let flow = flow.without_usage(candidate.hides_usage && is_sse).with(continuation);
        let has_commented = case.early.as_ref().is_some_and(|early| early.has_commented());
        let flow = flow.behind_comments(has_commented).behind(passed).measured(added);
        let leaving = Leaving { goes_on: setup.goes_on, wait: self.ledger.wait(), client: case.client.clone() };
        Ok(Outcome::Answer(Response::from_parts(head, Body::of(Sent::new(flow, leaving, &self.answers)))))
    }
}

/// An answer that is over with its head.
fn bare(head: Parts, mut watched: Watched) -> Response<Body> {
    watched.finish(Close::Clean);
    Response::from_parts(head, whole(Bytes::new()))
}

impl Fault {
    /// No guard can be made by the settings.
    fn unguarded(error: &Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "midstream_guard", error.to_string())
    }
}
