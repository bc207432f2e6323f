//! Data back into a frame of its framing.

use std::ops::Range;

use memchr::{memchr2, memmem};

use super::Framing;
use super::event_stream::PRELUDE;
use super::lines::BOM;

/// Adds to `out` the frame `raw` with `data` in the place of its own, which stands at `place` in it, if it stands there as
/// it was read. False where that cannot be.
pub(crate) fn replace(
    framing: Framing,
    raw: &[u8],
    place: Option<Range<usize>>,
    data: &str,
    out: &mut Vec<u8>,
) -> bool {
    let fits_a_line = !data.contains(['\n', '\r']);
    match (framing, place) {
        (Framing::Sse, place) if place.is_none() || !fits_a_line => lines(raw, data, out),
        (Framing::Ndjson, None) => {
            out.extend_from_slice(data.as_bytes());
            out.extend_from_slice(line_end(raw));
        }
        (Framing::Text, None) => out.extend_from_slice(data.as_bytes()),
        (_, None) => return false,
        (framing, Some(place)) => {
            let (Some(head), Some(tail)) = (raw.get(..place.start), raw.get(place.end..)) else { return false };
            wrap(framing, head, tail, data, out);
        }
    }
    true
}

/// Adds a frame with `data` between the bytes of another frame before and behind its data.
pub(crate) fn wrap(framing: Framing, head: &[u8], tail: &[u8], data: &str, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(head);
    out.extend_from_slice(data.as_bytes());
    out.extend_from_slice(tail);
    if framing == Framing::EventStream
        && let Some(message) = out.get_mut(start..)
    {
        measure(message);
    }
}

/// Adds a frame of that name with `data`, which comes behind one whose data stood between `head` and `tail`.
pub(crate) fn add(framing: Framing, name: &str, head: &[u8], tail: &[u8], data: &str, out: &mut Vec<u8>) {
    match framing {
        Framing::Sse => {
            let end = line_end(if tail.is_empty() { head } else { tail });
            if !name.is_empty() {
                [b"event: ", name.as_bytes(), end].iter().for_each(|part| out.extend_from_slice(part));
            }
            data_lines(data, end, out);
            out.extend_from_slice(end);
        }
        Framing::Ndjson => {
            out.extend_from_slice(data.as_bytes());
            out.extend_from_slice(line_end(tail));
        }
        Framing::JsonArray => {
            // The first element has the array's bracket before it.
            let opens = head.contains(&b'[');
            wrap(framing, if opens { b",\n" } else { head }, tail, data, out);
        }
        _ => wrap(framing, head, tail, data, out),
    }
}

/// Adds an AWS event stream message of JSON.
pub(crate) fn message(name: &str, data: &str, is_exception: bool, out: &mut Vec<u8>) {
    let (kind, told) = if is_exception { (":exception-type", "exception") } else { (":event-type", "event") };
    let mut headers = Vec::new();
    for (header, value) in [(kind, name), (":content-type", "application/json"), (":message-type", told)] {
        headers.push(header.len() as u8);
        headers.extend_from_slice(header.as_bytes());
        // 7: a string.
        headers.push(7);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let mut head = vec![0; 4];
    head.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    head.extend_from_slice(&[0; 4]);
    head.extend_from_slice(&headers);
    wrap(Framing::EventStream, &head, &[0; 4], data, out);
}

/// Sets lengths and checksums of an AWS event stream message that was changed.
fn measure(message: &mut [u8]) {
    let length = (message.len() as u32).to_be_bytes();
    if let Some((lengths, rest)) = message.split_first_chunk_mut::<{ PRELUDE - 4 }>()
        && let Some(checksum) = rest.first_chunk_mut::<4>()
    {
        lengths.iter_mut().zip(length).for_each(|(slot, byte)| *slot = byte);
        *checksum = crc32fast::hash(lengths).to_be_bytes();
    }
    if let Some((body, checksum)) = message.split_last_chunk_mut::<4>() {
        *checksum = crc32fast::hash(body).to_be_bytes();
    }
}

/// The lines of an event, those of its data as `data` has them, each behind what its own line had before.
fn lines(raw: &[u8], data: &str, out: &mut Vec<u8>) {
    let end = line_end(raw);
    let body = raw.strip_prefix(BOM).unwrap_or(raw);
    out.extend_from_slice(raw.get(..raw.len() - body.len()).unwrap_or_default());
    let mut left = Lines(body).filter(|line| is_data(line)).count();
    let mut fresh = data.split('\n');
    for line in Lines(body) {
        if !is_data(line) {
            out.extend_from_slice(line);
            continue;
        }
        left -= 1;
        let own = line.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(line.len());
        let head: &[u8] =
            if line.get(4..own) == Some(b"") || line.starts_with(b"data: ") { b"data: " } else { b"data:" };
        let own_end = if own < line.len() { line.get(own..).unwrap_or_default() } else { end };
        let count = if left == 0 { usize::MAX } else { 1 };
        for text in fresh.by_ref().take(count) {
            // A space at its begin would be taken for the one behind the colon.
            let head = if text.starts_with(' ') { b"data: " } else { head };
            out.extend_from_slice(head);
            out.extend(text.bytes().filter(|byte| *byte != b'\r'));
            out.extend_from_slice(own_end);
        }
    }
}

/// An event with its other lines as `redact` has them, where it changes any, and where its data stands now.
pub(crate) fn redacted_lines(
    raw: &[u8],
    place: Option<Range<usize>>,
    redact: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<(Vec<u8>, Option<Range<usize>>)> {
    let (mut out, mut at, mut moved, mut is_changed) = (Vec::with_capacity(raw.len()), 0, place.clone(), false);
    for line in Lines(raw) {
        let holds_data = place.as_ref().map_or_else(
            || is_data(line.strip_prefix(BOM).unwrap_or(line)),
            |place| (at..at + line.len()).contains(&place.start),
        );
        if let (true, Some(place)) = (holds_data, &place) {
            let start = out.len() + place.start - at;
            moved = Some(start..start + place.len());
        }
        let changed = if holds_data || line.len() < 3 { None } else { redact(&String::from_utf8_lossy(line)) };
        is_changed |= changed.is_some();
        out.extend_from_slice(changed.as_deref().map_or(line, str::as_bytes));
        at += line.len();
    }
    is_changed.then_some((out, moved))
}

/// Whether a line of an event is one of its data.
fn is_data(line: &[u8]) -> bool {
    line.strip_prefix(b"data").is_some_and(|rest| matches!(rest.first(), None | Some(b':' | b'\n' | b'\r')))
}

/// Lines with their ends.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let length = memchr2(b'\n', b'\r', self.0).unwrap_or(self.0.len());
        let ends = if self.0.get(length..).is_some_and(|rest| rest.starts_with(b"\r\n")) { 2 } else { 1 };
        let (line, rest) = self.0.split_at_checked(length + ends).unwrap_or((self.0, &[]));
        self.0 = rest;
        (!line.is_empty()).then_some(line)
    }
}

fn data_lines(data: &str, end: &[u8], out: &mut Vec<u8>) {
    // A line feed within data begins another line; a carriage return would too, and JSON has it escaped.
    for line in data.split('\n') {
        out.extend_from_slice(b"data: ");
        out.extend(line.bytes().filter(|byte| *byte != b'\r'));
        out.extend_from_slice(end);
    }
}

fn line_end(raw: &[u8]) -> &'static [u8] {
    if memmem::find(raw, b"\r\n").is_some() {
        b"\r\n"
    } else if raw.contains(&b'\n') || !raw.contains(&b'\r') {
        b"\n"
    } else {
        b"\r"
    }
}
