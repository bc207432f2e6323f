//! Who looks on: by server-sent events or WebSocket, from any event on.

use std::sync::Arc;

use axum::Extension;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answers::{Found, find, refused, unknown};
use super::asker::Asker;
use super::{MAX_BODY, query, told};
use crate::client::Client;
use crate::fault::Fault;
use crate::proxy::Proxy;
use crate::streams::Seq;
use crate::viewers::{Mode, Seat, Subject, Viewer, sse, ws};

/// What is allowed of each parameter.
const PARAMETERS: [(&str, &str); 4] =
    [("after", "the number of an event"), ("key", "a key"), ("mode", "norm, raw"), ("token", "a viewer's token")];

/// From where on, and what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// The number of the last event that the viewer has; it comes before `Last-Event-ID`.
    after: Option<u64>,
    /// `norm`: events that are the same for every provider. `raw`: what passed to the client.
    #[param(inline)]
    mode: Option<Mode>,
    /// A viewer's token, where it comes in no header.
    #[serde(rename = "token")]
    _token: Option<String>,
    /// The client's key, where it comes in no header.
    #[serde(rename = "key")]
    #[param(ignore)]
    _key: Option<String>,
}

/// The events of a stream as they come, the end as one event.
#[utoipa::path(get, path = "/midstream/v1/streams/{id}/events", tag = "viewers",
    params(
        ("id" = String, Path,),
        ("last-event-id" = Option<u64>, Header, description = "The number of the last event that the viewer has"),
        From,
    ),
    responses(
        (status = 101, description = "The same by WebSocket, one JSON object a message"),
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        (status = 400, description = "The viewer has an event that is not there yet", body = Object),
        (status = 404, description = "No stream has that id", body = Object),
        (status = 410, description = "It is not kept any more; `stream` says how it ended", body = Object),
        (status = 503, description = "There are as many viewers as may be", body = Object),
    )
)]
pub(super) async fn events(
    State(proxy): State<Arc<Proxy>>,
    asker: Asker,
    Path(id): Path<String>,
    client: Option<Extension<Arc<Client>>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let found = match find(&proxy, &id, |stream| asker.may_see(&proxy, stream)).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let From { after, mode, .. } = match query::read(&asker.uri, &PARAMETERS) {
        Ok(from) => from,
        Err(message) => return refused(message),
    };
    let after = match after.map(Ok).or_else(|| last_event(&asker.headers)).transpose() {
        Ok(after) => after,
        Err(message) => return refused(message),
    };
    match (look_at(&proxy, found, after, mode.unwrap_or_default()), upgrade) {
        (Err(fault), _) => told(&fault),
        (Ok(viewer), Ok(upgrade)) => {
            let upgrade = upgrade.max_message_size(MAX_BODY).max_frame_size(MAX_BODY);
            upgrade.on_upgrade(|socket| ws::show(viewer, socket))
        }
        (Ok(viewer), Err(_)) => {
            client.iter().for_each(|client| client.looks_on());
            sse::response(viewer.of_client(client.map(|Extension(client)| client)))
        }
    }
}

/// What a browser says that lost its connection.
pub(crate) fn last_event(headers: &HeaderMap) -> Option<Result<Seq, String>> {
    let text = String::from_utf8_lossy(headers.get("last-event-id")?.as_bytes()).trim().to_owned();
    if text.is_empty() {
        return None;
    }
    Some(text.parse().map_err(|_| format!("last-event-id is {text:?}, allowed is the number of an event")))
}

/// A viewer of a stream, from behind an event on.
///
/// # Errors
/// [`Fault`] where no stream has that id, it has no such event, or there are as many viewers as may be.
pub(crate) async fn look(proxy: &Proxy, id: &str, after: Option<Seq>, mode: Mode) -> Result<Viewer, Fault> {
    let found = find(proxy, id, |_| Ok(())).await.map_err(|_| unknown(id))?;
    look_at(proxy, found, after, mode)
}

fn look_at(proxy: &Proxy, found: Found, after: Option<Seq>, mode: Mode) -> Result<Viewer, Fault> {
    let end = match &found {
        Found::Here(stream) => stream.kept().1,
        Found::Log(known) => known.1.next,
    };
    let next = after.map_or(0, |after| after.saturating_add(1));
    if next > end {
        let message = format!("after is {}, but the stream has come to {end} events, counted from 0", next - 1);
        return Err(Fault::bad_request(message));
    }
    let seat = |at| Seat::take(at, &proxy.streams.viewers, proxy.viewers).ok_or_else(Fault::no_seat);
    match found {
        Found::Here(stream) => {
            let seat = seat(Subject::Here(Arc::clone(&stream)))?;
            Ok(Viewer::new((stream, seat), proxy.streams.log().cloned(), next, mode))
        }
        Found::Log(_) if mode == Mode::Raw => {
            let message = "the log holds no raw events; ask for mode=norm";
            Err(Fault::bad_request(message))
        }
        Found::Log(known) => {
            let (meta, finished) = *known;
            let seat = seat(Subject::Logged(meta.id.clone()))?;
            let entries = proxy.streams.log().map(|store| store.read(&meta.id, next));
            entries.map(|entries| Viewer::of_log(entries, next, (finished, seat))).ok_or_else(Fault::no_seat)
        }
    }
}

impl Fault {
    fn no_seat() -> Self {
        let message = "there are as many viewers as this gateway allows; try again later";
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, "midstream_too_many_viewers", message);
        Self { retry_after_s: Some(5), ..fault }
    }
}
