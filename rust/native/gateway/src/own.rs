//! The gateway's own endpoints: what runs, what was found, and an end for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use crate::access::Viewer;
use crate::breaker::Circuit;
use crate::config::Role;
use crate::metrics;
use crate::proxy::Proxy;
use crate::streams::{Stream, Viewed};

/// Their routes.
pub(crate) fn routes(proxy: &Arc<Proxy>) -> Router<Arc<Proxy>> {
    let keyed = Router::new()
        .route("/metrics", get(measured))
        .route("/midstream/v1/streams", get(list))
        .route("/midstream/v1/usage", get(usage))
        .route("/midstream/v1/streams/{id}", get(show))
        .route("/midstream/v1/streams/{id}/events", get(events))
        .route("/midstream/v1/streams/{id}/cancel", post(cancel))
        .layer(from_fn_with_state(Arc::clone(proxy), with_role));
    Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(ready)).merge(keyed)
}

/// Refuses who lacks the role: to see needs `view`, to act `admin`.
async fn with_role(State(proxy): State<Arc<Proxy>>, mut request: Request, next: Next) -> Response {
    let role = if request.method().is_safe() { Role::View } else { Role::Admin };
    match proxy.setup.load().access.check(request.headers(), request.uri(), role) {
        Ok(key) => {
            request.extensions_mut().insert(Viewer::of(key.as_deref()));
            next.run(request).await
        }
        Err(fault) => fault.response(None).map(axum::body::Body::new),
    }
}

async fn measured(State(proxy): State<Arc<Proxy>>) -> Response {
    proxy.metrics.measure(&proxy.setup.load().upstreams, proxy.clock.now());
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], proxy.metrics.text()).into_response()
}

/// Ready until the gateway stops, as long as not every upstream is left alone. Names of upstreams are for those with a key.
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

/// Usage by key, model and upstream.
async fn usage(State(proxy): State<Arc<Proxy>>, Extension(viewer): Extension<Viewer>) -> Response {
    ([(CONTENT_TYPE, "application/json")], proxy.ledger.json(viewer.tenant.as_deref())).into_response()
}

async fn list(State(proxy): State<Arc<Proxy>>, Extension(viewer): Extension<Viewer>) -> Response {
    let streams = proxy.streams.all();
    let shown: Vec<_> = streams.iter().filter(|stream| viewer.sees(stream)).map(|stream| stream.show()).collect();
    axum::Json(json!({ "streams": shown })).into_response()
}

/// The stream of that id, if it may be seen: to others it is as if it were not there.
fn seen(proxy: &Proxy, viewer: &Viewer, id: &str) -> Option<Arc<Stream>> {
    proxy.streams.get(id).filter(|stream| viewer.sees(stream))
}

async fn show(
    State(proxy): State<Arc<Proxy>>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
) -> Response {
    seen(&proxy, &viewer, &id).map_or_else(|| unknown(&id), |stream| axum::Json(stream.show()).into_response())
}

async fn cancel(
    State(proxy): State<Arc<Proxy>>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
) -> Response {
    let Some(stream) = seen(&proxy, &viewer, &id) else { return unknown(&id) };
    stream.end_by_operator();
    StatusCode::ACCEPTED.into_response()
}

#[derive(Deserialize)]
struct After {
    after: Option<u64>,
}

async fn events(
    State(proxy): State<Arc<Proxy>>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
    Query(query): Query<After>,
    headers: HeaderMap,
) -> Response {
    let Some(stream) = seen(&proxy, &viewer, &id) else { return unknown(&id) };
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let next = query.after.or(last).map_or(0, |after: u64| after.saturating_add(1));
    Sse::new(following(stream, next)).keep_alive(KeepAlive::default()).into_response()
}

/// The events from a number on, then those that come, then the end.
fn following(viewed: Arc<Stream>, next: u64) -> impl stream::Stream<Item = Result<Event, Infallible>> {
    let follow = viewed.follow();
    stream::unfold((viewed, follow, Some(next)), async |(viewed, mut follow, next)| {
        let number = next?;
        loop {
            let event = Event::default();
            match viewed.next(number) {
                Viewed::Event(number, json) => {
                    let event = event.id(number.to_string()).data(String::from_utf8_lossy(&json));
                    return Some((Ok(event), (viewed, follow, Some(number + 1))));
                }
                Viewed::Lagged { from, to } => {
                    let lag = json!({"from": from, "to": to - 1, "dropped": to - from});
                    let event = event.event("midstream.lagged").data(lag.to_string());
                    return Some((Ok(event), (viewed, follow, Some(to))));
                }
                Viewed::Ended => {
                    let shown = serde_json::to_string(&viewed.show()).unwrap_or_default();
                    return Some((Ok(event.event("midstream.end").data(shown)), (viewed, follow, None)));
                }
                Viewed::Wait => {
                    follow.changed().await.ok()?;
                }
            }
        }
    })
}

fn unknown(id: &str) -> Response {
    let message = format!("no stream has the id {id:?}; ended ones are kept for a while only");
    let body = json!({"error": {"type": "midstream_unknown_stream", "message": message}});
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}
