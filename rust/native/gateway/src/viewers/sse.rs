//! Viewers by server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;

use super::{Told, Viewer};
use crate::keepalive::COMMENT;

/// Silence after which a comment tells the viewer that the gateway is there.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(15);

/// All that a viewer is told, as a body.
pub(crate) fn response(viewer: Viewer) -> Response {
    let events = unfold(viewer, async |mut viewer| {
        let told = match tokio::time::timeout(KEEPALIVE, viewer.next()).await {
            Ok(told) => written(&told?),
            Err(_) => Bytes::from_static(COMMENT),
        };
        Some((Ok::<_, Infallible>(told), viewer))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
    ];
    (headers, [("x-accel-buffering", "no")], Body::from_stream(events)).into_response()
}

fn written(told: &Told) -> Bytes {
    match told {
        Told::Event(event) => event.sse(),
        Told::Passed(frame) => frame.sse(),
        Told::Mark(name, None, text) => format!("event: {name}\ndata: {text}\n\n").into(),
        Told::Mark(name, Some(sequence), text) => format!("id: {sequence}\nevent: {name}\ndata: {text}\n\n").into(),
    }
}
