//! What every dialect of JSON payloads does first with a frame.

use serde::Deserialize;

use crate::Anomaly;
use crate::decode::{Frame, FrameKind};
use crate::emit::Emit;
use crate::json::Maybe;

/// The frame's object. Gives `None` where the frame is answered already: one that the client sent is `Other`, and so
/// is a payload that is no JSON object, with an anomaly.
pub(crate) fn object<'a, T: Deserialize<'a>>(frame: &Frame<'a>, emit: &mut Emit<'_>) -> Option<T> {
    if frame.kind == FrameKind::Sent {
        emit.other(frame.name);
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
