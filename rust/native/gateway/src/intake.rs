//! The body of a request, as far as the gateway takes it.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::client::Client;
use crate::fault::Fault;

/// What comes of a refused body is read for so long, so that the client gets to read why.
const LINGER: Duration = Duration::from_secs(2);
/// By then what came ahead of the end of a connection has been read.
const TAKEN: Duration = Duration::from_millis(250);

/// Reads a body of at most `most` bytes, within a time.
pub(crate) async fn take(
    mut body: axum::body::Body,
    most: usize,
    within: Duration,
    client: Option<&Client>,
) -> Result<Bytes, Fault> {
    if body.size_hint().lower() > most as u64 {
        return Err(refuse(body, most));
    }
    let read = async {
        let mut chunks: Vec<Bytes> = Vec::new();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let chunk = frame.map_err(|_| Fault::broken_body())?.into_data().unwrap_or_default();
            length += chunk.len();
            if length > most {
                return Ok(None);
            }
            chunks.push(chunk);
        }
        Ok(Some(if chunks.len() == 1 { chunks.swap_remove(0) } else { chunks.concat().into() }))
    };
    let read = async {
        tokio::select! {
            biased;
            read = read => read,
            () = broken_off(client) => Err(Fault::broken_body()),
        }
    };
    match timeout(within, read).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(refuse(body, most)),
        Ok(Err(fault)) => Err(fault),
        Err(_) => Err(Fault::late_body(within)),
    }
}

/// The client writes no more, and what it had sent was taken: a body that is not whole by now never will be.
async fn broken_off(client: Option<&Client>) {
    match client {
        Some(client) => client.writes_no_more().await,
        None => std::future::pending().await,
    }
    tokio::time::sleep(TAKEN).await;
}

/// A client that writes and does not read would never see the answer if its connection were reset.
fn refuse(mut body: axum::body::Body, most: usize) -> Fault {
    tokio::spawn(timeout(LINGER, async move { while let Some(Ok(_)) = body.frame().await {} }));
    Fault::body_too_large(most)
}

impl Fault {
    fn broken_body() -> Self {
        Self::bad_request("the request's body broke off")
    }

    fn late_body(within: Duration) -> Self {
        let message = format!("the request's body did not come within {} s", within.as_secs_f64());
        Self::new(StatusCode::REQUEST_TIMEOUT, "midstream_body_timeout", message)
    }
}
