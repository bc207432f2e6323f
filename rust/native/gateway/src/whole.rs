//! Answers that come in one piece: they are read to their end, so that a stop can still be told by a status.

use std::future::poll_fn;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use midstream_stream::Close;

use crate::body::{Body, whole};
use crate::fault::Fault;
use crate::patience::Patience;
use crate::streams::Stream;
use crate::watched::Watched;

/// Longer ones pass piece by piece.
const MAX_WHOLE: u64 = 16 << 20;

/// Whether an answer with these headers is read to its end before it passes.
pub(crate) fn is_whole(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let is_json = text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    is_json
        && text(CONTENT_LENGTH).and_then(|length| length.parse().ok()).is_some_and(|length: u64| length <= MAX_WHOLE)
}

/// Reads an answer under guard, and answers with what passes of it.
pub(crate) async fn pass_whole(
    mut head: http::response::Parts,
    mut body: Incoming,
    mut watched: Watched,
    mut patience: Patience,
    upstream: &str,
) -> Result<Response<Body>, Fault> {
    let stream = watched.stream();
    let mut passed = BytesMut::new();
    loop {
        let next = tokio::select! {
            next = tokio::time::timeout_at(patience.until(), body.frame()) => next,
            () = cancelled(&stream) => {
                watched.finish(Close::ClientLeft);
                return Err(Fault::cancelled());
            }
        };
        match next {
            Err(_) => {
                let Some((cause, what)) = patience.ended() else { continue };
                watched.blame(cause);
                watched.finish(Close::GaveUp);
                return Err(Fault::given_up(upstream, &what));
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => {
                watched.finish(Close::Abrupt);
                return Err(Fault::unreachable(upstream, "the connection broke inside the answer"));
            }
            Ok(Some(Ok(frame))) => {
                let chunk = frame.into_data().unwrap_or_else(|_| Bytes::new());
                let decided = watched.feed(&chunk);
                // An answer in one piece tells nothing before it is whole.
                patience.chunk(true);
                passed.extend_from_slice(&decided.bytes);
                if decided.halted {
                    watched.finish(Close::Stopped);
                    return Err(Fault::stopped(watched.stop()));
                }
            }
        }
    }
    passed.extend_from_slice(&watched.finish(Close::Clean));
    if let Some(stop) = watched.stop() {
        return Err(Fault::stopped(Some(stop)));
    }
    head.headers.insert(CONTENT_LENGTH, passed.len().into());
    Ok(Response::from_parts(head, whole(passed.freeze())))
}

async fn cancelled(stream: &Stream) {
    poll_fn(|cx| if stream.poll_cancelled(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Fault {
    /// A guard's decision ended the answer.
    fn stopped(finding: Option<&str>) -> Self {
        let message = match finding {
            Some(finding) => format!("stopped by midstream: {finding}"),
            None => "stopped by midstream".to_owned(),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "midstream_stopped", message)
    }

    /// An operator ended the stream.
    fn cancelled() -> Self {
        Self::new(StatusCode::CONFLICT, "midstream_cancelled", "an operator of the gateway ended this answer")
    }
}
