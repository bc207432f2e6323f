//! Viewers by server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use tokio::task::yield_now;

use super::{Told, Viewer};
use crate::keepalive::COMMENT;
use crate::streams::Snapshot;

/// Silence after which a comment tells the viewer that the gateway is there.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(15);

/// All that a viewer is told, as a body.
pub(crate) fn response(viewer: Viewer) -> Response {
    let telling = Telling { viewer, snapshot: None };
    let events = unfold(telling, async |mut telling| {
        let told = telling.next().await?;
        Some((Ok::<_, Infallible>(told), telling))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
    ];
    (headers, [("x-accel-buffering", "no")], Body::from_stream(events)).into_response()
}

/// A viewer, and the snapshot that it is told piece by piece: who takes nothing holds no copy of it.
struct Telling {
    viewer: Viewer,
    snapshot: Option<(Arc<Snapshot>, usize)>,
}

impl Telling {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some((snapshot, place)) = &mut self.snapshot {
            // Others are served between.
            yield_now().await;
            let piece = snapshot.piece(*place).cloned();
            *place += 1;
            if piece.is_none() {
                self.snapshot = None;
            }
            return Some(piece.unwrap_or(Bytes::from_static(b"\n\n")));
        }
        match tokio::time::timeout(KEEPALIVE, self.viewer.next()).await {
            Ok(told) => Some(self.written(told?)),
            Err(_) => Some(Bytes::from_static(COMMENT)),
        }
    }

    fn written(&mut self, told: Told) -> Bytes {
        match told {
            Told::Event(event) => event.sse(),
            Told::Passed(frame) => frame.sse(),
            Told::Mark(name, text) => format!("event: {name}\ndata: {text}\n\n").into(),
            Told::Snapshot(snapshot) => {
                let head = format!("id: {}\nevent: midstream.snapshot\ndata: ", snapshot.sequence());
                self.snapshot = Some((snapshot, 0));
                head.into()
            }
        }
    }
}
