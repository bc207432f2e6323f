//! A request on its way to its stream: its body is read, and it is let in.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use midstream_stream::Dialect;
use tokio::time::Instant;

use crate::access::Key;
use crate::attempts::{Candidate, Request, is_idempotent};
use crate::case::Case;
use crate::client::Client;
use crate::edit::leads_elsewhere;
use crate::fault::Fault;
use crate::given::{Given, Said};
use crate::intake;
use crate::limits::{Admission, is_uncounted};
use crate::proxy::Proxy;
use crate::setup::Setup;
use crate::streams::Answering;
use crate::telemetry::Asks;
use crate::upstream::Chosen;
use crate::usage::{Booking, Prices, unix_s};
use crate::wire::{IDS, to_upstream, without_key};

/// A request of which the head was read.
pub(crate) struct Received {
    pub(crate) setup: Arc<Setup>,
    pub(crate) key: Option<Arc<Key>>,
    pub(crate) chosen: Chosen,
    pub(crate) request: http::Request<axum::body::Body>,
}

/// A request that its key may send, and that holds what it may use.
pub(crate) struct Admitted {
    setup: Arc<Setup>,
    key: Option<Arc<Key>>,
    chosen: Chosen,
    head: Parts,
    body: Bytes,
    client: Option<Arc<Client>>,
    said: Said,
    routes: Vec<Candidate>,
    admission: Admission,
    prices: Prices,
}

/// A stream that has begun, with what upstreams are asked for it.
pub(crate) struct Begun {
    pub(crate) answering: Answering,
    pub(crate) case: Case,
    pub(crate) asked: Request,
    pub(crate) booking: Booking,
}

impl Received {
    /// Reads the body, and lets the request in or says why not.
    pub(crate) async fn admit(self, proxy: &Proxy) -> Result<Admitted, Fault> {
        let Self { setup, key, mut chosen, request } = self;
        let (head, body) = request.into_parts();
        let client = head.extensions.get::<Arc<Client>>().cloned();
        let body = intake::take(body, setup.max_body, setup.clients.body(), client.as_deref()).await?;
        if setup.access.has_keys() {
            chosen.path = without_key(&chosen.path);
        }
        let Given { said, candidates, chosen } = Given::read(&body, chosen, &setup, &proxy.beside).await?;
        if let Some(key) = &key {
            key.check_model(&head.method, chosen.asks_model(), said.model.as_deref())?;
            key.check_others(said.others.as_deref().filter(|_| !leads_elsewhere(&head.headers)))?;
            if is_uncounted(&head.method, &chosen) {
                setup.limits.check_counted(key, &head.method, &chosen.path)?;
            }
        }
        let routes = candidates?;
        let prices = Prices::of(&setup.settings);
        let most = proxy.ledger.most(said.model.as_deref(), said.contents, said.answers, prices);
        let admission = setup.limits.admit(key.as_deref(), &most, proxy.clock.now(), unix_s() as u64)?;
        Ok(Admitted { setup, key, chosen, head, body, client, said, routes, admission, prices })
    }
}

impl Admitted {
    /// Starts its stream.
    pub(crate) fn begin(self, proxy: &Proxy) -> Begun {
        let begun = Instant::now();
        let Self { setup, key, chosen, head, body, client, said, routes, admission, prices } = self;
        let Said { model, answers, is_unguarded, streams, is_background, conversation, contents, .. } = said;
        let is_repeatable = chosen.asks_model() || is_unguarded || is_idempotent(&head.method);
        let Chosen { api, path, endpoint, .. } = chosen;
        let key = key.as_deref();
        let model_is_known = setup.upstreams.knows(model.as_deref()) || key.is_some_and(Key::names_models);
        let stream = proxy.streams.start(api, head.uri.path(), model, key);
        let asks = || Asks { streams, conversation, model_is_known };
        let booking = Booking::new(&proxy.ledger, &proxy.clock, &stream, (admission, answers.max_tokens))
            .of_request(contents, prices)
            .counting(is_unguarded)
            .with_results(contents.has_results)
            .within(&head.headers, asks);
        let dialect = endpoint.as_ref().and_then(|endpoint| endpoint.dialect);
        let is_streamed = endpoint.as_ref().is_some_and(|endpoint| endpoint.streams(streams));
        let reads_again = is_streamed && head.method == Method::GET;
        let asked = Request {
            stream: stream.meta.id.clone(),
            headers: to_upstream(&head.headers, setup.access.has_keys()),
            method: head.method,
            path,
            api,
            dialect,
            is_background: dialect == Some(Dialect::OpenaiResponses) && (is_background || reads_again),
            is_repeatable,
            begun,
            routes,
            clock: Arc::clone(&proxy.clock),
        };
        let answering = Answering::new(&stream, model_is_known);
        let case = Case {
            reading: contents.has_results.then(|| proxy.beside.read(&body, &setup)).flatten(),
            setup,
            client,
            begun,
            stream,
            is_numbered: head.headers.get(IDS).is_some_and(|value| value == "1"),
            is_streamed,
            at: 0,
            is_rerouted: false,
            early: None,
        };
        Begun { answering, case, asked, booking }
    }
}
