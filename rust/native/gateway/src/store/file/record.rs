//! Records of the log: length and CRC-32C of the payload, both little-endian in four bytes, then the payload.
//!
//! A payload is a letter, the stream's id with its length, a number in eight bytes, and what the letter says.

use crate::streams::{Event, Seq, StreamId};

/// Bytes before a payload.
const HEAD: usize = 8;
/// A longer payload is none.
const MAX_PAYLOAD: usize = 64 << 20;

/// What a record says; the number is that of the first or next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The stream is forgotten.
    Deleted,
    /// It is over: JSON of how, and of all that is known.
    Ended,
    /// Events from that number on, each with its length in four bytes.
    Events,
    /// It runs, and what it is, as JSON. Also the first record of a segment for every stream that runs then.
    Started,
}

impl Kind {
    const fn letter(self) -> u8 {
        match self {
            Self::Deleted => b'D',
            Self::Ended => b'E',
            Self::Events => b'A',
            Self::Started => b'S',
        }
    }

    fn of(letter: u8) -> Option<Self> {
        [Self::Deleted, Self::Ended, Self::Events, Self::Started].into_iter().find(|kind| kind.letter() == letter)
    }
}

/// A record as it was read.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    pub(super) id: StreamId,
    pub(super) number: Seq,
    pub(super) body: &'a [u8],
    /// With its head.
    pub(super) length: usize,
}

/// A record as it is written.
pub(super) fn written(kind: Kind, id: &StreamId, number: Seq, body: &[u8]) -> Vec<u8> {
    let id = id.as_str().as_bytes();
    let mut bytes = Vec::with_capacity(HEAD + 10 + id.len() + body.len());
    bytes.extend_from_slice(&[0; HEAD]);
    bytes.push(kind.letter());
    // An id has 64 bytes at most.
    bytes.push(id.len() as u8);
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(body);
    let payload = bytes.get(HEAD..).unwrap_or_default();
    let head = (payload.len() as u64 as u32).to_le_bytes().into_iter().chain(crc32c::crc32c(payload).to_le_bytes());
    let head: Vec<u8> = head.collect();
    if let Some(place) = bytes.get_mut(..HEAD) {
        place.copy_from_slice(&head);
    }
    bytes
}

/// The first record of these bytes; `None` where they end before it does, or hold something else.
pub(super) fn read(bytes: &[u8]) -> Option<Record<'_>> {
    let (payload, sum) = framed(bytes)?;
    // What is no record is seldom long enough to be summed up.
    let record = parsed(payload)?;
    (crc32c::crc32c(payload) == sum).then_some(record)
}

/// What the first record of these bytes was, as far as it can be told, where its sum does not hold.
pub(super) fn damaged(bytes: &[u8]) -> Option<Record<'_>> {
    parsed(framed(bytes)?.0)
}

/// Whether these bytes are those of a record that is not there to its end, or that the disk never got.
pub(super) fn is_torn(bytes: &[u8]) -> bool {
    let is_longer = |length: u32| length as usize <= MAX_PAYLOAD && framed(bytes).is_none();
    number(bytes).is_none_or(|(length, _)| is_longer(length)) || bytes.iter().all(|byte| *byte == 0)
}

/// Where the next record begins behind the first byte. It is none that stands in another's text: its length has a byte
/// below 5, which JSON writes otherwise.
pub(super) fn next(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len()).find(|at| bytes.get(*at..).and_then(read).is_some())
}

/// A payload and its sum.
fn framed(bytes: &[u8]) -> Option<(&[u8], u32)> {
    let (length, rest) = number(bytes)?;
    let (sum, rest) = number(rest)?;
    let payload = rest.get(..length as usize).filter(|_| length as usize <= MAX_PAYLOAD)?;
    Some((payload, sum))
}

fn parsed(payload: &[u8]) -> Option<Record<'_>> {
    let (&[letter, id_length], rest) = payload.split_first_chunk::<2>()?;
    let (id, rest) = rest.split_at_checked(usize::from(id_length))?;
    let (first, body) = rest.split_first_chunk::<8>()?;
    Some(Record {
        kind: Kind::of(letter)?,
        id: StreamId::of(str::from_utf8(id).ok()?)?,
        number: Seq::from_le_bytes(*first),
        body,
        length: HEAD + payload.len(),
    })
}

/// What a record of events holds.
pub(super) fn body_of(events: &[Event]) -> Vec<u8> {
    let mut body = Vec::with_capacity(events.iter().map(|event| event.len() + 4).sum());
    for event in events {
        let json = event.json();
        body.extend_from_slice(&(json.len() as u64 as u32).to_le_bytes());
        body.extend_from_slice(&json);
    }
    body
}

/// The events of such a body, of which the first has that number.
pub(super) fn events_of(first: Seq, mut body: &[u8]) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    while !body.is_empty() {
        let (length, rest) = number(body)?;
        let (json, rest) = rest.split_at_checked(length as usize)?;
        events.push(Event::of_json(first + events.len() as u64, str::from_utf8(json).ok()?));
        body = rest;
    }
    Some(events)
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let id = StreamId::new();
        let events = [Event::new(5, "{\"a\":1}"), Event::new(6, "{}")];
        let bytes = written(Kind::Events, &id, 5, &body_of(&events));
        let record = read(&bytes).unwrap();
        assert_eq!((record.kind, record.id, record.number, record.length), (Kind::Events, id, 5, bytes.len()));
        assert_eq!(events_of(5, record.body).unwrap(), events);
    }

    #[test]
    fn a_record_that_is_cut_or_changed_is_none() {
        let bytes = written(Kind::Started, &StreamId::new(), 0, b"{}");
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_none(), "{length} bytes");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_none(), "byte {at}");
        }
    }
}
