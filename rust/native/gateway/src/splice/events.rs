//! Whole events of a body: server-sent events, or lines of JSON.

use bytes::{Bytes, BytesMut};

/// Cuts a body into its events.
pub(crate) struct Events {
    is_lines: bool,
    rest: BytesMut,
    /// Bytes of the rest in which no event ends.
    seen: usize,
}

/// One event as it came.
pub(crate) struct Event {
    pub(crate) raw: Bytes,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Events {
    /// `is_lines` where each line is an event.
    pub(crate) fn new(is_lines: bool) -> Self {
        Self { is_lines, rest: BytesMut::new(), seen: 0 }
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.rest.extend_from_slice(chunk);
    }

    /// The next event that is whole.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let Some(end) = self.end() else {
            self.seen = self.rest.len().saturating_sub(3);
            return None;
        };
        self.seen = 0;
        let raw = self.rest.split_to(end).freeze();
        let text = String::from_utf8_lossy(&raw);
        if self.is_lines {
            return Some(Event { name: String::new(), data: text.trim().to_owned(), raw });
        }
        let (mut name, mut data) = (String::new(), Vec::new());
        for line in text.split(['\n', '\r']) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field.trim_start_matches('\u{feff}') {
                "event" => value.clone_into(&mut name),
                "data" => data.push(value),
                _ => {}
            }
        }
        let data = data.join("\n");
        Some(Event { name, data, raw })
    }

    /// Takes what is left: the beginning of an event.
    pub(crate) fn take_rest(&mut self) -> Bytes {
        self.seen = 0;
        self.rest.split().freeze()
    }

    fn end(&self) -> Option<usize> {
        let bytes = self.rest.get(self.seen..)?;
        let ends: &[&[u8]] = if self.is_lines { &[b"\n"] } else { &[b"\n\n", b"\n\r\n", b"\r\r"] };
        let of = |end: &&[u8]| bytes.windows(end.len()).position(|window| window == *end).map(|at| at + end.len());
        Some(self.seen + ends.iter().filter_map(of).min()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_they_are_cut() {
        let body = b": hi\n\nevent: a\r\ndata: 1\r\ndata: 2\r\n\r\ndata: [DONE]\n\nda";
        for size in 1..body.len() {
            let (mut events, mut seen, mut raw) = (Events::new(false), Vec::new(), Vec::new());
            for chunk in body.chunks(size) {
                events.push(chunk);
                while let Some(event) = events.next() {
                    raw.extend_from_slice(&event.raw);
                    seen.push((event.name, event.data));
                }
            }
            let expected = [("", ""), ("a", "1\n2"), ("", "[DONE]")];
            assert_eq!(seen, expected.map(|(name, data)| (name.to_owned(), data.to_owned())));
            raw.extend_from_slice(&events.take_rest());
            assert_eq!(raw, body);
        }
    }
}
