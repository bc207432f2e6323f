//! What every dialect of JSON payloads does first with a frame.

use serde::Deserialize;

use crate::Anomaly;
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::json::{Leaf, Maybe, integer};

/// The frame's object. Gives `None` where the frame is answered already: one that the client sent is `Other`, and so
/// is a payload that is no JSON object, with an anomaly. A blank one keeps the connection alive. `[DONE]` marks the end: hosts add it to formats not theirs.
pub(crate) fn object<'a, T: Deserialize<'a>>(frame: &Frame<'a>, emit: &mut Emit<'_>) -> Option<T> {
    if frame.kind == FrameKind::Sent {
        emit.other(frame.name);
        return None;
    }
    if frame.data.trim() == "[DONE]" {
        emit.end().mark();
        emit.other("[DONE]");
        return None;
    }
    if frame.data.trim().is_empty() && frame.kind == FrameKind::Message && frame.name != "error" {
        emit.ping();
        return None;
    }
    let anomaly = match serde_json::from_str::<Maybe<T>>(frame.data) {
        Ok(Maybe(Some(object))) => return Some(object),
        Ok(Maybe(None)) => Anomaly::UnknownEvent,
        Err(_) => Anomaly::BadJson,
    };
    emit.anomaly(anomaly);
    emit.other(frame.name);
    None
}

/// An event of a name that the dialect does not know: counted, and kept as `Other`.
pub(crate) fn unknown(name: &str, emit: &mut Emit<'_>) {
    emit.anomaly(Anomaly::UnknownEvent);
    emit.other(name);
}

/// A position among blocks, candidates or calls; 0 where it is missing.
pub(crate) fn index(leaf: Leaf<'_>) -> u32 {
    integer(leaf).and_then(|index| u32::try_from(index).ok()).unwrap_or(0)
}

/// Whether a leaf is an object that holds more than its braces.
pub(crate) fn has_members(leaf: Leaf<'_>) -> bool {
    leaf.and_then(|object| object.get().strip_prefix('{')).is_some_and(|inside| inside.trim_start() != "}")
}
