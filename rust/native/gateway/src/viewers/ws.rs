//! Viewers by WebSocket: each message is one JSON object.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;

use super::sse::KEEPALIVE;
use super::{Told, Viewer};

/// A viewer that takes nothing for so long is let go; it can come back.
const WRITE: Duration = Duration::from_secs(10);
/// The code of a normal end: RFC 6455, section 7.4.1.
const NORMAL: u16 = 1000;

/// Tells a viewer everything, then closes.
pub(crate) async fn show(mut viewer: Viewer, mut socket: WebSocket) {
    loop {
        let message = tokio::select! {
            told = viewer.next() => match told {
                Some(told) => message(&told),
                None => break,
            },
            // Viewers say nothing; what is read here is their leaving, and answers to pings.
            got = socket.recv() => match got {
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            () = tokio::time::sleep(KEEPALIVE) => Message::Ping(Bytes::new()),
        };
        match tokio::time::timeout(WRITE, socket.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => return viewer.let_go(),
        }
    }
    let close = CloseFrame { code: NORMAL, reason: Utf8Bytes::from_static("the stream is over") };
    let _ = tokio::time::timeout(WRITE, socket.send(Message::Close(Some(close)))).await;
}

fn message(told: &Told) -> Message {
    match told {
        Told::Event(event) => Message::Text(Utf8Bytes::try_from(event.json()).unwrap_or_default()),
        other => Message::Text(text(other).into()),
    }
}

/// What a viewer is told, as one JSON object.
pub(super) fn text(told: &Told) -> String {
    match told {
        Told::Event(event) => String::from_utf8_lossy(&event.json()).into_owned(),
        Told::Passed(frame) => {
            serde_json::json!({"sequence": frame.last, "raw": String::from_utf8_lossy(&frame.bytes)}).to_string()
        }
        Told::Mark(name, text) => format!("{{\"event\":\"{name}\",\"data\":{text}}}"),
        Told::Snapshot(snapshot) => format!("{{\"event\":\"midstream.snapshot\",\"data\":{}}}", snapshot.json()),
    }
}
