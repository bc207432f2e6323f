//! One event of a stream, written once for all who get it.

use bytes::Bytes;
use serde::Serialize;

/// Counts a stream's events from 0: their `id:`, their place in the ring, their key in the store.
pub(crate) type Seq = u64;

/// An event as server-sent events hold it; its JSON is a part of the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) sequence: Seq,
    sse: Bytes,
    /// Where the JSON begins.
    start: usize,
}

impl Event {
    /// Of one JSON object on one line, which gets its number as the first member.
    pub(crate) fn new(sequence: Seq, object: &str) -> Self {
        let members = object.strip_prefix('{').unwrap_or("}");
        let comma = if members.trim_start().starts_with('}') { "" } else { "," };
        Self::of_json(sequence, &format!("{{\"sequence\":{sequence}{comma}{members}"))
    }

    /// The JSON object of a part of a text.
    pub(crate) fn said(channel: &str, kind: &str, text: &str) -> String {
        #[derive(Serialize)]
        struct Said<'a> {
            channel: &'a str,
            kind: &'a str,
            text: &'a str,
        }
        serde_json::to_string(&Said { channel, kind, text }).unwrap_or_default()
    }

    /// Of JSON that has its number already.
    pub(crate) fn of_json(sequence: Seq, json: &str) -> Self {
        let sse = format!("id: {sequence}\ndata: {json}\n\n");
        let start = sse.len() - json.len() - 2;
        Self { sequence, sse: sse.into(), start }
    }

    /// The JSON object without its number.
    pub(crate) fn object(&self) -> String {
        let json = self.json();
        let json = str::from_utf8(&json).unwrap_or_default();
        match json.strip_prefix(&format!("{{\"sequence\":{}", self.sequence)) {
            Some(members) => format!("{{{}", members.strip_prefix(',').unwrap_or(members)),
            None => json.to_owned(),
        }
    }

    /// The event with its blank line.
    pub(crate) fn sse(&self) -> Bytes {
        self.sse.clone()
    }

    /// One line.
    pub(crate) fn json(&self) -> Bytes {
        self.sse.slice(self.start..self.sse.len() - 2)
    }

    pub(crate) fn len(&self) -> usize {
        self.sse.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_hold_the_number() {
        let event = Event::new(7, r#"{"kind":"ping"}"#);
        assert_eq!(event.json(), r#"{"sequence":7,"kind":"ping"}"#);
        assert_eq!(event.sse(), "id: 7\ndata: {\"sequence\":7,\"kind\":\"ping\"}\n\n");
        assert_eq!(event.object(), r#"{"kind":"ping"}"#);
        let event = Event::new(0, "{}");
        assert_eq!((event.json(), event.object()), (r#"{"sequence":0}"#.into(), "{}".to_owned()));
    }
}
