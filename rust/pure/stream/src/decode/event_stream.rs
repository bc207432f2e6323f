use std::ops::ControlFlow;

use super::carry::Carry;
use super::event_headers::Headers;
use super::lines::comment;
use super::{Decode, Frame, FrameKind, Sink, text};
use crate::Anomaly;

/// Length of a message's prelude: two lengths and their checksum.
pub(super) const PRELUDE: usize = 12;
/// Length of a message's checksum.
const CHECKSUM: usize = 4;

/// AWS event stream messages: prelude, headers, payload, checksum.
///
/// A wrong prelude leaves no border to go on from: the rest of the stream is one comment. A message whose own checksum
/// is wrong becomes a comment, and the next is read.
#[derive(Debug, Default)]
pub(crate) struct EventStream {
    carry: Carry,
    /// The current message's length, once its prelude is there.
    total: Option<u64>,
    lost: bool,
}

/// What a prelude says: the lengths of the whole message and of its headers. `None` where its checksum is wrong or no
/// message has these lengths.
pub(super) fn prelude(bytes: &[u8; PRELUDE]) -> Option<(u32, u32)> {
    let [a, b, c, d, e, f, g, h, checksum @ ..] = *bytes;
    let (total, headers) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    let holds = u64::from(total) >= u64::from(headers) + (PRELUDE + CHECKSUM) as u64;
    (holds && crc32fast::hash(&[a, b, c, d, e, f, g, h]) == u32::from_be_bytes(checksum)).then_some((total, headers))
}

impl Decode for EventStream {
    fn feed(&mut self, chunk: &[u8], at: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        self.carry.begin(at);
        let mut rest = chunk;
        while !self.lost {
            let Some(total) = self.total.or_else(|| self.length(rest, sink)) else { break };
            self.total = Some(total);
            let missing = usize::try_from(total - self.carry.len()).unwrap_or(usize::MAX);
            let Some((message, next)) = rest.split_at_checked(missing) else { break };
            self.hand_out(message, sink)?;
            rest = next;
        }
        if self.lost {
            self.carry.pass(rest);
        } else {
            self.carry.keep(rest, sink);
        }
        ControlFlow::Continue(())
    }

    fn finish(&mut self, _: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        if self.carry.len() == 0 {
            return ControlFlow::Continue(());
        }
        if !self.lost {
            sink.anomaly(Anomaly::UnterminatedEvent);
        }
        comment(self.carry.span(), sink)?;
        self.carry.clear();
        ControlFlow::Continue(())
    }
}

impl EventStream {
    /// The length of the message that the held bytes and `rest` begin, as soon as its prelude is whole.
    fn length(&mut self, rest: &[u8], sink: &mut dyn Sink) -> Option<u64> {
        let mut bytes = [0; PRELUDE];
        let mut given = self.carry.bytes().iter().chain(rest);
        for slot in &mut bytes {
            *slot = *given.next()?;
        }
        match prelude(&bytes) {
            Some((total, _)) => Some(total.into()),
            None => {
                sink.anomaly(Anomaly::CrcMismatch);
                self.lost = true;
                None
            }
        }
    }

    fn hand_out(&mut self, tail: &[u8], sink: &mut dyn Sink) -> ControlFlow<()> {
        self.total = None;
        let (span, bytes) = self.carry.close(tail, sink);
        match bytes.map(Message::read) {
            Some(Some(message)) => {
                let (data, unchanged) = text(message.payload, sink);
                let data_at = unchanged.then_some(span.start + message.payload_at as u64);
                let (name, _) = text(message.headers.name(), sink);
                let kind = if message.headers.is_exception() { FrameKind::Exception } else { FrameKind::Message };
                let explained = data.is_empty().then(|| message.headers.error_message()).flatten();
                let (data, data_at) = explained.map_or((&*data, data_at), |explained| (explained, None));
                sink.frame(&Frame { kind, name: &name, data, bytes: span, data_at })?;
            }
            Some(None) => {
                sink.anomaly(Anomaly::CrcMismatch);
                comment(span, sink)?;
            }
            None => comment(span, sink)?,
        }
        self.carry.clear();
        ControlFlow::Continue(())
    }
}

/// A message whose checksum is right.
struct Message<'a> {
    headers: Headers<'a>,
    payload: &'a [u8],
    payload_at: usize,
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
        if crc32fast::hash(body) != u32::from_be_bytes(*checksum) {
            return None;
        }
        let (_, headers_length) = prelude(body.first_chunk()?)?;
        let payload_at = PRELUDE + headers_length as usize;
        let headers = Headers::read(body.get(PRELUDE..payload_at)?);
        Some(Self { headers, payload: body.get(payload_at..)?, payload_at })
    }
}

crate::keep::keep!(struct EventStream { carry, total, lost });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::collected::{assert_split_invariant, collect, read};

    fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in headers {
            block.push(name.len() as u8);
            block.extend(name.as_bytes());
            block.push(7);
            block.extend((value.len() as u16).to_be_bytes());
            block.extend(value.as_bytes());
        }
        let mut bytes = ((block.len() + payload.len() + PRELUDE + CHECKSUM) as u32).to_be_bytes().to_vec();
        bytes.extend((block.len() as u32).to_be_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes.extend(block);
        bytes.extend(payload);
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    fn event(name: &str, payload: &[u8]) -> Vec<u8> {
        message(&[(":message-type", "event"), (":event-type", name)], payload)
    }

    #[test]
    fn exceptions_and_errors_are_named_by_their_type() {
        let input = [
            event("messageStart", b"{}"),
            message(
                &[(":message-type", "exception"), (":exception-type", "throttlingException")],
                b"{\"message\":\"m\"}",
            ),
            message(&[(":message-type", "error"), (":error-code", "Internal"), (":error-message", "went wrong")], b""),
        ]
        .concat();
        let read = read(&mut EventStream::default(), &input);
        read.assert_covers(&input);
        let frames: Vec<_> =
            read.frames.iter().map(|frame| (frame.kind, frame.name.as_str(), frame.data.as_str())).collect();
        assert_eq!(
            frames,
            [
                (FrameKind::Message, "messageStart", "{}"),
                (FrameKind::Exception, "throttlingException", "{\"message\":\"m\"}"),
                (FrameKind::Exception, "Internal", "went wrong"),
            ]
        );
        assert!(read.anomalies.is_empty());
    }

    #[test]
    fn a_damaged_message_is_a_comment_and_the_next_is_read() {
        let mut input = event("a", b"{\"n\":1}");
        let damaged = input.len() - 6;
        input[damaged] ^= 1;
        input.extend(event("b", b"{}"));
        let read = read(&mut EventStream::default(), &input);
        read.assert_covers(&input);
        assert_eq!((read.messages(), &read.anomalies[..]), (vec![("b", "{}")], &[Anomaly::CrcMismatch][..]));
    }

    #[test]
    fn behind_a_damaged_prelude_nothing_is_read() {
        let mut input = event("a", b"{}");
        let behind = input.len() as u64;
        input.extend(event("b", b"{}"));
        input[behind as usize + 2] ^= 1;
        let read = read(&mut EventStream::default(), &input);
        read.assert_covers(&input);
        assert_eq!((read.messages(), &read.anomalies[..]), (vec![("a", "{}")], &[Anomaly::CrcMismatch][..]));
        assert_eq!(read.frames[1].bytes, behind..input.len() as u64);
    }

    #[test]
    fn a_message_beyond_the_limit_is_skipped_and_the_next_is_read() {
        let mut input = event("a", &vec![b' '; super::super::MAX_FRAME]);
        input.extend(event("b", b"{}"));
        let whole = read(&mut EventStream::default(), &input);
        whole.assert_covers(&input);
        assert_eq!((whole.messages(), &whole.anomalies[..]), (vec![("b", "{}")], &[Anomaly::Limit][..]));
        assert_eq!(collect(&mut EventStream::default(), &input, &[1 << 16]), whole);
    }

    #[test]
    fn a_cut_message_is_a_comment() {
        let input = [event("a", b"{}"), event("b", b"{}")[..20].to_vec()].concat();
        let read = read(&mut EventStream::default(), &input);
        read.assert_covers(&input);
        assert_eq!((read.messages().len(), &read.anomalies[..]), (1, &[Anomaly::UnterminatedEvent][..]));
    }

    proptest! {
        #[test]
        fn every_split_gives_the_same_frames(
            payloads in prop::collection::vec(".{0,20}", 0..6),
            damage in prop::option::of((any::<prop::sample::Index>(), 1u8..)),
            cuts in prop::collection::vec(1usize..30, 1..20),
        ) {
            let mut input = payloads.iter().flat_map(|payload| event("e", payload.as_bytes())).collect::<Vec<_>>();
            if let (Some((at, flip)), false) = (damage, input.is_empty()) {
                let at = at.index(input.len());
                input[at] ^= flip;
            }
            assert_split_invariant(EventStream::default, &input, &cuts);
            collect(&mut EventStream::default(), &input, &cuts).assert_covers(&input);
        }
    }
}
