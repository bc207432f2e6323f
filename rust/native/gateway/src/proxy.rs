//! One request: to its upstream, and its answer back under guard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Request, Response};
use hyper::body::Incoming;
use midstream_stream::{Dialect, End, Guard, Options, Settings};
use midstream_worker::Clock;
use tokio::time::Instant;

use crate::attempts::{self, Candidate};
use crate::body::Body;
use crate::client::Client;
use crate::config::Role;
use crate::edit::Asked;
use crate::fault::Fault;
use crate::flow::{Flow, Sent};
use crate::intake;
use crate::metrics::Metrics;
use crate::patience::Patience;
use crate::setup::Setup;
use crate::streams::{Stream, Streams};
use crate::upstream::Chosen;
use crate::usage::{Booking, Ledger, unix_s};
use crate::watched::Watched;
use crate::whole::{is_whole, pass_whole};
use crate::wire::{to_client, to_upstream, without_key};

/// What all requests share.
pub(crate) struct Proxy {
    /// What a reload replaces.
    pub(crate) setup: ArcSwap<Setup>,
    pub(crate) streams: Streams,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The gateway stops: nothing new begins.
    pub(crate) is_draining: AtomicBool,
}

impl Proxy {
    /// Answers a request; a fault is told in the words of the API that was asked.
    pub(crate) async fn answer(&self, request: Request<axum::body::Body>) -> Response<Body> {
        let setup = self.setup.load_full();
        let chosen = match setup.upstreams.choose(request.method(), request.uri(), request.headers()) {
            Ok(chosen) => chosen,
            Err(fault) => return fault.response(None),
        };
        let api = chosen.api;
        self.pass(&setup, chosen, request).await.unwrap_or_else(|fault| fault.response(Some(api)))
    }

    async fn pass(
        &self,
        setup: &Setup,
        chosen: Chosen,
        request: Request<axum::body::Body>,
    ) -> Result<Response<Body>, Fault> {
        let (head, body) = request.into_parts();
        let client = head.extensions.get::<Arc<Client>>().cloned();
        if self.is_draining.load(Ordering::Relaxed) {
            return Err(Fault::draining());
        }
        if client.as_ref().is_some_and(|client| client.is_one_too_many()) {
            return Err(Fault::full());
        }
        let key = setup.access.check(&head.headers, &head.uri, Role::Call)?;
        let body = intake::take(body, setup.max_body, setup.clients.body()).await?;
        let api = chosen.api;
        let in_path = chosen.endpoint.as_ref().and_then(|endpoint| endpoint.model.clone());
        let asked = Asked::of(&body);
        let model = in_path.or_else(|| asked.model());
        key.as_deref().map_or(Ok(()), |key| key.check_model(model.as_deref()))?;
        let candidates = setup.candidates(&chosen, model.as_deref(), &body)?;
        let most = asked.max_tokens();
        let admission = setup.limits.admit(key.as_deref(), most, self.clock.now(), unix_s() as u64)?;
        let begun = Instant::now();
        let stream = self.streams.start(api, head.uri.path(), model, key.as_deref());
        let mut booking = Booking::new(&self.ledger, &self.clock, &stream, (admission, most));
        let headers = to_upstream(&head.headers, setup.access.has_keys());
        let path = if setup.access.has_keys() { without_key(&chosen.path) } else { chosen.path };
        let request = attempts::Request { method: head.method, path: &path, headers, api, clock: &*self.clock };
        let (response, candidate) = request.ask(candidates, &mut booking).await?;
        stream.run(&candidate.upstream.name);
        let dialect = chosen.endpoint.and_then(|endpoint| endpoint.dialect);
        let options = Options {
            dialect: dialect.unwrap_or(Dialect::Opaque),
            content_type: header(&response, &CONTENT_TYPE),
            http_status: Some(response.status().as_u16()),
            started: Some(booking.started()),
            settings: if dialect.is_some() { setup.settings.clone() } else { Settings::default() },
            end: if dialect.is_some() { End::Error } else { End::None },
            rules: setup.rules.clone().filter(|_| dialect.is_some()),
            ..Options::default()
        };
        let patience = Patience::new(&candidate.upstream.config, begun, dialect.is_some());
        self.guarded(setup, options, Answered { response, stream, booking, candidate, client, patience }).await
    }

    async fn guarded(&self, setup: &Setup, options: Options, answered: Answered) -> Result<Response<Body>, Fault> {
        let Answered { response, stream, booking, candidate, client, patience } = answered;
        let Candidate { upstream, hides_usage, .. } = candidate;
        let guard = Guard::new(options).map_err(|error| {
            Fault::new(http::StatusCode::INTERNAL_SERVER_ERROR, "midstream_guard", error.to_string())
        })?;
        let (mut head, body) = response.into_parts();
        head.headers = to_client(&head.headers, stream.meta.id.as_str(), &upstream.name);
        let watched = Watched::new(guard, Arc::clone(&self.clock), stream, Arc::clone(&self.metrics), booking);
        if is_whole(&head.headers) {
            return pass_whole(head, body, watched, patience, &upstream.name).await;
        }
        // A guard may shorten the answer.
        head.headers.remove(CONTENT_LENGTH);
        let is_sse =
            head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let flow = Flow::new(body, watched, patience, setup.keepalive.filter(|_| is_sse));
        let flow = flow.without_usage(hides_usage && is_sse);
        Ok(Response::from_parts(head, Body::of(Sent::new(flow, setup.goes_on, client, self.ledger.wait()))))
    }
}

/// What an upstream gave, for whom, and how long the rest is waited for.
struct Answered {
    response: Response<Incoming>,
    stream: Arc<Stream>,
    booking: Booking,
    candidate: Candidate,
    client: Option<Arc<Client>>,
    patience: Patience,
}

fn header(response: &Response<Incoming>, name: &http::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
