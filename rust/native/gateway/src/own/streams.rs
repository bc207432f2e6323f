//! Streams: listed, shown, ended, commented on, forgotten.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::answers::{Found, find, refused, unknown};
use super::asker::Asker;
use super::{query, told};
use crate::access::Scope;
use crate::config::Role;
use crate::fault::Fault;
use crate::proxy::Proxy;
use crate::store::Signal;
use crate::streams::{Meta, State as Reached, Stream, StreamId, Whose};
use crate::viewers::TURN;

/// Streams in one answer.
const MOST: usize = 1000;
/// Notes on one stream.
const MOST_NOTES: usize = 64;
/// Bytes of one.
const NOTE_BYTES: usize = 4 << 10;

/// What is allowed of each parameter.
const PARAMETERS: [(&str, &str); 5] = [
    ("after", "the id of a stream"),
    ("key", "a key"),
    ("limit", "1 to 1000"),
    ("model", "the name of a model"),
    ("state", "waiting, running, ended"),
];

/// Which streams are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those that have come so far.
    state: Option<Reached>,
    /// Only those that asked for this model.
    model: Option<String>,
    /// So many at most: 1 to 1000, which is the default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Only those that began after the one with this id.
    after: Option<String>,
    /// The client's key, where it comes in no header.
    #[serde(rename = "key")]
    #[param(ignore)]
    _key: Option<String>,
}

/// A note, any JSON value of at most 4096 bytes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    #[schema(value_type = Value)]
    note: Box<RawValue>,
}

/// Streams that run or ended a while ago, oldest first; those that only the log knows have `only_in_log`.
#[utoipa::path(get, path = "/midstream/v1/streams", tag = "streams", params(Wanted), responses(
    (status = 200, description = "`streams`, and in `next` the id to ask for those after, if there are any", body = Object),
    (status = 400, description = "A parameter is wrong", body = Object),
))]
pub(super) async fn list(State(proxy): State<Arc<Proxy>>, Extension(scope): Extension<Scope>, uri: Uri) -> Response {
    let Wanted { state, model, limit, after, .. } = match query::read(&uri, &PARAMETERS) {
        Ok(wanted) => wanted,
        Err(message) => return refused(message),
    };
    let limit = limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return refused(format!("limit is {limit}, allowed is 1 to {MOST}"));
    }
    // Those of other tenants are as if they were not there.
    let mut streams = listed(&proxy).await;
    streams.retain(|stream| scope.holds(stream.meta().whose()));
    let from = match &after {
        None => 0,
        Some(id) => match streams.iter().position(|stream| stream.meta().id.as_str() == id) {
            Some(at) => at + 1,
            None => return refused(format!("after is {id:?}, which is no stream that is remembered")),
        },
    };
    let mut fitting = streams.iter().skip(from).filter(|stream| {
        state.is_none_or(|state| stream.state() == state) && (model.is_none() || stream.meta().model == model)
    });
    let (mut body, mut last, mut turn) = (String::from("{\"streams\":["), None, 0);
    for stream in fitting.by_ref().take(limit) {
        let Some(json) = stream.json(&proxy).await else { continue };
        if last.replace(&stream.meta().id).is_some() {
            body.push(',');
        }
        body.push_str(&json);
        // There may be many: other streams go on between.
        if body.len() - turn >= TURN {
            turn = body.len();
            tokio::task::yield_now().await;
        }
    }
    let next = fitting.next().and(last);
    body.push_str(&format!("],\"next\":{}}}", serde_json::to_string(&next).unwrap_or_default()));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// A stream as it is listed.
enum Listed {
    Here(Arc<Stream>),
    Log(Box<Meta>),
}

impl Listed {
    fn meta(&self) -> &Meta {
        match self {
            Self::Here(stream) => &stream.meta,
            Self::Log(meta) => meta,
        }
    }

    fn state(&self) -> Reached {
        match self {
            Self::Here(stream) => stream.state(),
            Self::Log(_) => Reached::Ended,
        }
    }

    /// `None` where the log has forgotten it meanwhile.
    async fn json(&self, proxy: &Proxy) -> Option<String> {
        match self {
            Self::Here(stream) => Some(stream.json()),
            Self::Log(meta) => find(proxy, meta.id.as_str(), |_| Ok(())).await.ok().map(|found| found.json()),
        }
    }
}

/// Those of this process, and those that only the log knows.
async fn listed(proxy: &Proxy) -> Vec<Listed> {
    let here = proxy.streams.all();
    let Some(store) = proxy.streams.log() else { return here.into_iter().map(Listed::Here).collect() };
    let known: BTreeSet<&StreamId> = here.iter().map(|stream| &stream.meta.id).collect();
    let logged = store.ended().await.unwrap_or_default().into_iter().filter(|meta| !known.contains(&meta.id));
    let logged: Vec<Listed> = logged.map(Box::new).map(Listed::Log).collect();
    let mut all: Vec<Listed> = logged.into_iter().chain(here.iter().cloned().map(Listed::Here)).collect();
    all.sort_by(|one, other| one.meta().started.total_cmp(&other.meta().started));
    all
}

/// One stream.
#[utoipa::path(get, path = "/midstream/v1/streams/{id}", tag = "streams", params(
    ("id" = String, Path,),
    ("token" = Option<String>, Query, description = "A viewer's token, where it comes in no header"),
), responses(
    (status = 200, description = "What is known of it", body = crate::streams::Shown),
    (status = 404, description = "No stream has that id", body = Object),
    (status = 410, description = "It ended and is not kept any more; `stream` says how", body = Object),
))]
pub(super) async fn show(State(proxy): State<Arc<Proxy>>, asker: Asker, Path(id): Path<String>) -> Response {
    match find(&proxy, &id, |stream| asker.may_see(&proxy, stream)).await {
        Ok(found) => ([(CONTENT_TYPE, "application/json")], found.json()).into_response(),
        Err(answer) => answer,
    }
}

/// What was found in a stream.
#[utoipa::path(get, path = "/midstream/v1/streams/{id}/findings", tag = "streams", params(
        ("id" = String, Path,),
        ("token" = Option<String>, Query, description = "A viewer's token, where it comes in no header"),
    ),
    responses(
        (status = 200, description = "`findings`, the newest 100 in stream order, and `finding_count`", body = Object),
        (status = 404, description = "No stream has that id", body = Object),
        (status = 410, description = "It ended and is not kept any more; `stream` says how", body = Object),
    )
)]
pub(super) async fn findings(State(proxy): State<Arc<Proxy>>, asker: Asker, Path(id): Path<String>) -> Response {
    let found = match find(&proxy, &id, |stream| asker.may_see(&proxy, stream)).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    #[derive(Deserialize)]
    struct Shown {
        findings: Vec<Box<RawValue>>,
        #[serde(default)]
        finding_count: u64,
    }
    let (findings, finding_count) = match &found {
        Found::Here(stream) => stream.findings(),
        Found::Log(known) => {
            let shown = |Shown { findings, finding_count }| (findings, finding_count);
            serde_json::from_str(&known.1.shown).map_or_else(|_| (Vec::new(), 0), shown)
        }
    };
    Json(json!({"findings": findings, "finding_count": finding_count})).into_response()
}

/// Closes the upstream of a stream; its client sees the answer break off.
#[utoipa::path(post, path = "/midstream/v1/streams/{id}/cancel", tag = "streams", params(("id" = String, Path,)),
    responses(
        (status = 202, description = "It will end, or has"),
        (status = 404, description = "No stream has that id", body = Object),
        (status = 410, description = "It ended and is not kept any more; `stream` says how", body = Object),
    )
)]
pub(super) async fn cancel(
    State(proxy): State<Arc<Proxy>>,
    Extension(scope): Extension<Scope>,
    Path(id): Path<String>,
) -> Response {
    if let (Some(store), Some(stream)) = (proxy.streams.log(), StreamId::of(&id))
        && proxy.streams.get(&id).is_none()
        && store.status(&stream).await.is_ok_and(|status| scope.holds(status.meta.whose()))
        && store.signal(&stream, Signal::Cancel).await.is_ok()
    {
        return StatusCode::ACCEPTED.into_response();
    }
    let may = |stream: Whose<'_>| if scope.holds(stream) { Ok(()) } else { Err(unknown(stream.id.as_str())) };
    match find(&proxy, &id, may).await {
        Ok(found) => {
            if let Found::Here(stream) = found {
                stream.end_by_operator();
            }
            StatusCode::ACCEPTED.into_response()
        }
        Err(answer) => answer,
    }
}

/// Adds a note to a stream: an event for its viewers, and a part of what is known of it.
#[utoipa::path(post, path = "/midstream/v1/streams/{id}/annotate", tag = "streams", params(("id" = String, Path,)),
    request_body = Note,
    responses(
        (status = 201, description = "It is there"),
        (status = 400, description = "The body is no note, or the stream has 64 of them", body = Object),
        (status = 404, description = "No stream has that id", body = Object),
        (status = 409, description = "Only the log knows the stream", body = Object),
        (status = 410, description = "It ended and is not kept any more; `stream` says how", body = Object),
    )
)]
pub(super) async fn annotate(
    State(proxy): State<Arc<Proxy>>,
    asker: Asker,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let found = match find(&proxy, &id, |stream| asker.may(&proxy, stream, Role::Admin)).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => return refused(error.body_text()),
    };
    let Found::Here(stream) = found else {
        return conflict("the stream is known to the log alone, which takes no notes on it".to_owned());
    };
    match annotate_with(&stream, &body) {
        Ok(()) => StatusCode::CREATED.into_response(),
        Err(message) => refused(message),
    }
}

/// Adds the note that a body holds to a stream.
///
/// # Errors
/// What is wrong with it, or that there are enough.
pub(crate) fn annotate_with(stream: &Stream, body: &[u8]) -> Result<(), String> {
    let note = note_of(body)?;
    if stream.annotate(note, MOST_NOTES) {
        return Ok(());
    }
    Err(format!("the stream has {MOST_NOTES} notes, the most there may be"))
}

/// The note that a body holds, on one line.
fn note_of(body: &[u8]) -> Result<Box<RawValue>, String> {
    // A list of the members would do for serde.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err("the body is no note: allowed is an object with the member note".to_owned());
    }
    let Note { note } = serde_json::from_slice(body).map_err(|error| format!("the body is no note: {error}"))?;
    // White space of the caller's would end an event's line.
    let value: serde_json::Value = serde_json::from_str(note.get()).map_err(|error| error.to_string())?;
    let text = value.to_string();
    if text.len() > NOTE_BYTES {
        return Err(format!("the note has {} bytes, allowed are {NOTE_BYTES}", text.len()));
    }
    RawValue::from_string(text).map_err(|error| error.to_string())
}

/// A token with which anybody can see this stream, and nothing else, for a while.
#[utoipa::path(post, path = "/midstream/v1/streams/{id}/token", tag = "streams", params(("id" = String, Path,)),
    responses(
        (status = 200, description = "`token`, and in `expires` its end in seconds since 1970", body = Object),
        (status = 403, description = "The key neither started the stream nor may view others", body = Object),
        (status = 404, description = "No stream has that id", body = Object),
        (status = 410, description = "It ended and is not kept any more; `stream` says how", body = Object),
    )
)]
pub(super) async fn token(State(proxy): State<Arc<Proxy>>, asker: Asker, Path(id): Path<String>) -> Response {
    // Not with a token: it would never end.
    let found = match find(&proxy, &id, |stream| asker.may(&proxy, stream, Role::View)).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let (token, expires) = proxy.tokens.give(&found.meta().id, SystemTime::now());
    Json(json!({"token": token, "expires": expires})).into_response()
}

/// Forgets a stream that is over; in a log its records stay until their file goes.
#[utoipa::path(delete, path = "/midstream/v1/streams/{id}", tag = "streams", params(("id" = String, Path,)), responses(
    (status = 204, description = "Nobody can see it any more"),
    (status = 404, description = "No stream has that id", body = Object),
    (status = 409, description = "It runs; cancel it first", body = Object),
    (status = 410, description = "It ended and is not kept any more; `stream` says how", body = Object),
))]
pub(super) async fn delete(State(proxy): State<Arc<Proxy>>, asker: Asker, Path(id): Path<String>) -> Response {
    if let Err(fault) = asker.has_role(&proxy, Role::Admin) {
        return told(&fault);
    }
    let found = match find(&proxy, &id, |stream| asker.may(&proxy, stream, Role::Admin)).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    if matches!(&found, Found::Here(stream) if stream.state() != Reached::Ended) {
        return conflict("the stream runs; cancel it first".to_owned());
    }
    let id = &found.meta().id;
    if let Some(store) = proxy.streams.log() {
        // What the log does not know is gone from it.
        let _ = store.delete(id).await;
    }
    proxy.streams.forget(id);
    StatusCode::NO_CONTENT.into_response()
}

fn conflict(message: String) -> Response {
    told(&Fault::new(StatusCode::CONFLICT, "midstream_conflict", message))
}
