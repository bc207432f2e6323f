//! What is known of a stream, and answers where it is not what was asked for.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::told;
use crate::fault::Fault;
use crate::proxy::Proxy;
use crate::store::{Finished, Status};
use crate::streams::{Gone, Known, Meta, Stream, StreamId, Whose};
use crate::viewers::token::TokenError;

/// Where a stream is known.
pub(super) enum Found {
    /// In this process.
    Here(Arc<Stream>),
    /// In the log alone, where it has ended.
    Log(Box<(Meta, Finished)>),
}

impl Found {
    pub(super) fn meta(&self) -> &Meta {
        match self {
            Self::Here(stream) => &stream.meta,
            Self::Log(known) => &known.0,
        }
    }

    /// The stream as JSON; one that only the log knows says so.
    pub(super) fn json(&self) -> String {
        match self {
            Self::Here(stream) => stream.json(),
            Self::Log(known) => {
                let members = known.1.shown.strip_prefix('{').unwrap_or("}");
                let comma = if members.starts_with('}') { "" } else { "," };
                format!("{{\"only_in_log\":true{comma}{members}")
            }
        }
    }
}

/// The stream of an id, for who may have it; else the answer that says why there is none.
pub(super) async fn find(
    proxy: &Proxy,
    id: &str,
    may: impl Fn(Whose<'_>) -> Result<(), Fault>,
) -> Result<Found, Response> {
    let refused = |fault| told(&fault);
    let gone = match proxy.streams.known(id) {
        Known::Here(stream) => {
            may(stream.meta.whose()).map_err(refused)?;
            return Ok(Found::Here(stream));
        }
        Known::Gone(gone) => Some(gone),
        Known::Never => None,
    };
    if let (Some(store), Some(id)) = (proxy.streams.log(), StreamId::of(id))
        && let Ok(Status { meta, finished: Some(finished), .. }) = store.status(&id).await
    {
        may(meta.whose()).map_err(refused)?;
        return Ok(Found::Log(Box::new((meta, finished))));
    }
    let gone = gone.ok_or_else(|| told(&unknown(id)))?;
    may(gone.whose()).map_err(refused)?;
    Err(expired(&gone))
}

pub(super) fn unknown(id: &str) -> Fault {
    let message = format!("no stream has the id {id:?}; ended ones are kept for a while only");
    Fault::new(StatusCode::NOT_FOUND, "midstream_unknown_stream", message)
}

/// Nothing but its end is known.
fn expired(gone: &Gone) -> Response {
    let message = "the stream ended and its events are not kept any more; its end is told beside";
    let error = json!({"message": message, "type": "midstream_expired", "code": "midstream_expired", "param": null});
    (StatusCode::GONE, axum::Json(json!({"error": error, "stream": gone}))).into_response()
}

/// A request that says what it may not.
pub(super) fn refused(message: impl Into<String>) -> Response {
    told(&Fault::bad_request(message))
}

impl Fault {
    pub(super) fn token(error: &TokenError) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "midstream_wrong_token", error.to_string())
    }
}
