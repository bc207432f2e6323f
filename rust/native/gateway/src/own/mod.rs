//! The gateway's own endpoints: what runs, what was found, and an end for it.

mod answers;
mod asker;
mod events;
mod openapi;
mod query;
mod streams;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::json;

use crate::access::Scope;
use crate::breaker::Circuit;
use crate::config::Role;
use crate::fault::Fault;
use crate::metrics;
use crate::proxy::Proxy;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::events::last_event;
pub(crate) use self::events::look;
pub(crate) use self::streams::annotate_with as annotate;

/// Bytes of a request's body, and of a message of a viewer's.
const MAX_BODY: usize = 16 << 10;

/// Those that say nothing but whether the gateway works, to whoever asks.
pub(crate) const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// Their routes.
pub(crate) fn routes(proxy: &Arc<Proxy>) -> Router<Arc<Proxy>> {
    let keyed = Router::new()
        .route("/metrics", get(measured))
        .route("/midstream/v1/openapi.json", get(openapi::document))
        .route("/midstream/v1/streams", get(streams::list))
        .route("/midstream/v1/streams/{id}/cancel", post(streams::cancel))
        .route("/midstream/v1/usage", get(usage))
        .layer(from_fn_with_state(Arc::clone(proxy), with_role));
    // Who started a stream may see it without a role, and so may who has a token for it: these look for themselves.
    let of_one = Router::new()
        .route("/midstream/v1/streams/{id}", get(streams::show).delete(streams::delete))
        .route("/midstream/v1/streams/{id}/annotate", post(streams::annotate))
        .route("/midstream/v1/streams/{id}/events", get(events::events))
        .route("/midstream/v1/streams/{id}/findings", get(streams::findings))
        .route("/midstream/v1/streams/{id}/token", post(streams::token));
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(ready))
        .merge(keyed)
        .merge(of_one)
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// Refuses who lacks the role: to see needs `view`, to act `admin`.
async fn with_role(State(proxy): State<Arc<Proxy>>, mut request: Request, next: Next) -> Response {
    let role = if request.method().is_safe() { Role::View } else { Role::Admin };
    match proxy.setup.load().access.check(request.headers(), request.uri(), role) {
        Ok(key) => {
            request.extensions_mut().insert(Scope::of(key.as_deref()));
            next.run(request).await
        }
        Err(fault) => told(&fault),
    }
}

/// What Prometheus reads.
#[utoipa::path(get, path = "/metrics", tag = "gateway", responses(
    (status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
))]
async fn measured(State(proxy): State<Arc<Proxy>>, Extension(scope): Extension<Scope>) -> Response {
    if scope.tenant.is_some() {
        return told(&Fault::of_all_tenants());
    }
    proxy.metrics.measure(&proxy.setup.load().upstreams, proxy.clock.now());
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], proxy.metrics.text()).into_response()
}

/// Usage by key, model and upstream.
#[utoipa::path(get, path = "/midstream/v1/usage", tag = "gateway", responses(
    (status = 200, description = "Sums since the start", body = Object),
))]
async fn usage(State(proxy): State<Arc<Proxy>>, Extension(scope): Extension<Scope>) -> Response {
    ([(CONTENT_TYPE, "application/json")], proxy.ledger.json(scope.tenant.as_deref())).into_response()
}

/// Whether the process runs.
#[utoipa::path(get, path = "/healthz", tag = "gateway", responses((status = 200, description = "It does")))]
async fn healthz() -> &'static str {
    "ok"
}

/// Whether new streams are taken.
///
/// Ready until the gateway stops, as long as not every upstream is left alone. Names of upstreams are for those with a key.
#[utoipa::path(get, path = "/readyz", tag = "gateway", responses(
    (status = 200, description = "They are", body = Object),
    (status = 503, description = "They are not", body = Object),
))]
async fn ready(State(proxy): State<Arc<Proxy>>) -> Response {
    let (setup, now) = (proxy.setup.load(), proxy.clock.now());
    let circuits: Vec<Circuit> = setup.upstreams.all().map(|upstream| upstream.breaker.circuit(now)).collect();
    let count = |state| circuits.iter().filter(|circuit| **circuit == state).count();
    let counts: serde_json::Map<_, _> =
        Circuit::ALL.into_iter().map(|state| (state.name().to_owned(), count(state).into())).collect();
    let is_draining = proxy.is_draining.load(Ordering::Relaxed);
    let is_ready = !is_draining && (circuits.is_empty() || count(Circuit::Open) < circuits.len());
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(json!({"ready": is_ready, "draining": is_draining, "upstreams": counts}))).into_response()
}

impl Fault {
    fn of_all_tenants() -> Self {
        let message = "metrics are those of all tenants; a key without a tenant reads them";
        Self::new(StatusCode::FORBIDDEN, "midstream_not_allowed", message)
    }
}

fn told(fault: &Fault) -> Response {
    fault.response(None).map(axum::body::Body::new)
}
