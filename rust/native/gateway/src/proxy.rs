//! One request: to its upstream, and its answer back under guard.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use midstream_stream::redact::RuleSet;
use midstream_stream::{End, Guard, Options, Settings};
use midstream_worker::Clock;

use crate::access::Access;
use crate::attempts::{self, Candidate};
use crate::body::Body;
use crate::config::Role;
use crate::edit::Asked;
use crate::fault::Fault;
use crate::flow::{Flow, Sent};
use crate::metrics::Metrics;
use crate::streams::{Stream, Streams};
use crate::upstream::{Chosen, Upstream, Upstreams};
use crate::watched::Watched;
use crate::whole::{is_whole, pass_whole};
use crate::wire::{to_client, to_upstream, without_key};

/// What all requests share.
pub(crate) struct Proxy {
    pub(crate) access: Access,
    pub(crate) upstreams: Upstreams,
    pub(crate) settings: Settings,
    /// The automaton of their rules, built once.
    pub(crate) rules: Option<Arc<RuleSet>>,
    pub(crate) streams: Streams,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Silence after which a client is told that the gateway is there.
    pub(crate) keepalive: Option<Duration>,
    /// Answers outlive their clients.
    pub(crate) goes_on: bool,
    pub(crate) max_body: usize,
}

impl Proxy {
    /// Answers a request; a fault is told in the words of the API that was asked.
    pub(crate) async fn answer(&self, request: Request<axum::body::Body>) -> Response<Body> {
        let chosen = match self.upstreams.choose(request.method(), request.uri(), request.headers()) {
            Ok(chosen) => chosen,
            Err(fault) => return fault.response(None),
        };
        let api = chosen.api;
        self.pass(chosen, request).await.unwrap_or_else(|fault| fault.response(Some(api)))
    }

    async fn pass(&self, chosen: Chosen, request: Request<axum::body::Body>) -> Result<Response<Body>, Fault> {
        let (head, body) = request.into_parts();
        let key = self.access.check(&head.headers, &head.uri, Role::Call)?;
        let body = self.whole(body).await?;
        let api = chosen.api;
        let in_path = chosen.endpoint.as_ref().and_then(|endpoint| endpoint.model.clone());
        let model = in_path.or_else(|| Asked::of(&body).model());
        key.map_or(Ok(()), |key| key.check_model(model.as_deref()))?;
        let candidates = self.candidates(&chosen, model.as_deref(), &body)?;
        let started = self.clock.now();
        let stream = self.streams.start(api, head.uri.path(), model);
        let headers = to_upstream(&head.headers, self.access.has_keys());
        let path = if self.access.has_keys() { without_key(&chosen.path) } else { chosen.path };
        let asking = Asking(Some(stream));
        let request = attempts::Request { method: head.method, path: &path, headers, api };
        let (response, upstream) = request.ask(candidates).await?;
        let stream = asking.answered(&upstream.name);
        let dialect = chosen.endpoint.and_then(|endpoint| endpoint.dialect);
        let options = Options {
            dialect: dialect.unwrap_or(midstream_stream::Dialect::Opaque),
            content_type: header(&response, &CONTENT_TYPE),
            http_status: Some(response.status().as_u16()),
            started: Some(started),
            settings: if dialect.is_some() { self.settings.clone() } else { Settings::default() },
            end: if dialect.is_some() { End::Error } else { End::None },
            rules: self.rules.clone().filter(|_| dialect.is_some()),
            ..Options::default()
        };
        self.guarded(response, options, stream, &upstream).await
    }

    /// Who may serve the request, and the body as each knows it.
    fn candidates(&self, chosen: &Chosen, model: Option<&str>, body: &Bytes) -> Result<Vec<Candidate>, Fault> {
        let routes = model.map(|model| self.upstreams.of_model(model, chosen.api)).transpose()?.flatten();
        let Some(routes) = routes else {
            return Ok(vec![Candidate { upstream: Arc::clone(&chosen.upstream), body: body.clone() }]);
        };
        let asked = Asked::of(body);
        let candidate = |(upstream, name): (Arc<Upstream>, Option<String>)| {
            let edited = name.and_then(|name| asked.with_model(body, &name));
            Candidate { upstream, body: edited.unwrap_or_else(|| body.clone()) }
        };
        Ok(routes.into_iter().map(candidate).collect())
    }

    async fn guarded(
        &self,
        response: Response<Incoming>,
        options: Options,
        stream: Arc<Stream>,
        upstream: &Upstream,
    ) -> Result<Response<Body>, Fault> {
        let guard = Guard::new(options).map_err(|error| {
            Fault::new(http::StatusCode::INTERNAL_SERVER_ERROR, "midstream_guard", error.to_string())
        })?;
        let (mut head, body) = response.into_parts();
        head.headers = to_client(&head.headers, stream.meta.id.as_str(), &upstream.name);
        let watched = Watched::new(guard, Arc::clone(&self.clock), stream, Arc::clone(&self.metrics));
        let idle = upstream.config.idle();
        if is_whole(&head.headers) {
            return pass_whole(head, body, watched, idle, &upstream.name).await;
        }
        // A guard may shorten the answer.
        head.headers.remove(CONTENT_LENGTH);
        let is_sse =
            head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let flow = Flow::new(body, watched, idle, self.keepalive.filter(|_| is_sse));
        Ok(Response::from_parts(head, Body::of(Sent::new(flow, self.goes_on))))
    }

    async fn whole(&self, body: axum::body::Body) -> Result<Bytes, Fault> {
        match Limited::new(body, self.max_body).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Fault::body_too_large(self.max_body)),
            Err(_) => {
                Err(Fault::new(http::StatusCode::BAD_REQUEST, "midstream_bad_request", "the request's body broke off"))
            }
        }
    }
}

/// A stream whose upstream has not answered: whoever drops it then ends it.
struct Asking(Option<Arc<Stream>>);

impl Asking {
    fn answered(mut self, upstream: &str) -> Arc<Stream> {
        #[expect(clippy::expect_used, reason = "taken here alone, and this takes the whole")]
        let stream = self.0.take().expect("a stream that is asked for is there until it is answered");
        stream.run(upstream);
        stream
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(stream) = self.0.take() {
            stream.end(None);
        }
    }
}

fn header(response: &Response<Incoming>, name: &http::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
