use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use memchr::{memchr, memchr2};

use super::carry::Carry;
use super::lines::{BOM, comment, is_whole};
use super::{Decode, Frame, FrameKind, Sink, text};
use crate::Anomaly;

/// Server-sent events (WHATWG HTML, section 9.2.6). An event that the standard would not dispatch becomes a comment.
#[derive(Debug)]
pub(crate) struct Sse {
    carry: Carry,
    /// The byte before the next one; a line feed before the first.
    previous: u8,
    /// The current line holds nothing yet.
    line_is_empty: bool,
    /// A blank line ended in CR: a line feed that follows belongs to it.
    awaits_line_feed: bool,
}

impl Default for Sse {
    fn default() -> Self {
        Self { carry: Carry::default(), previous: b'\n', line_is_empty: true, awaits_line_feed: false }
    }
}

impl Decode for Sse {
    fn feed(&mut self, chunk: &[u8], at: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        self.carry.begin(at);
        let mut rest = chunk;
        while let Some((event, next)) = self.border(rest).and_then(|end| rest.split_at_checked(end)) {
            let (span, bytes) = self.carry.close(event, sink);
            hand_out(span, bytes, true, sink)?;
            self.carry.clear();
            rest = next;
        }
        self.carry.keep(rest, sink);
        ControlFlow::Continue(())
    }

    fn finish(&mut self, _: u64, sink: &mut dyn Sink) -> ControlFlow<()> {
        if self.carry.len() == 0 {
            return ControlFlow::Continue(());
        }
        let (span, bytes) = self.carry.close(&[], sink);
        hand_out(span, bytes, self.awaits_line_feed, sink)?;
        self.carry.clear();
        ControlFlow::Continue(())
    }
}

impl Sse {
    /// How many of `bytes` belong to the current event, where its blank line is among them.
    ///
    /// A blank line that ends in CR waits for the next byte, unless the line before ended in a bare CR: such a stream
    /// may pause there for long. Both cases depend on bytes alone, so spans are the same at every split.
    fn border(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.awaits_line_feed {
                self.awaits_line_feed = false;
                if byte == b'\n' {
                    self.previous = byte;
                    at += 1;
                }
                return Some(at);
            }
            if !self.line_is_empty {
                at += memchr2(b'\n', b'\r', bytes.get(at..)?)?;
                self.previous = *bytes.get(at)?;
                self.line_is_empty = true;
                at += 1;
                continue;
            }
            let before = std::mem::replace(&mut self.previous, byte);
            match (byte, before) {
                (b'\n', b'\r') => at += 1,
                (b'\n', _) | (b'\r', b'\r') => return Some(at + 1),
                (b'\r', _) => {
                    self.awaits_line_feed = true;
                    at += 1;
                }
                _ => self.line_is_empty = false,
            }
        }
        None
    }
}

/// What the lines of one event say.
#[derive(Default)]
struct Fields<'a> {
    event: &'a [u8],
    data: Option<Cow<'a, [u8]>>,
    /// Any field at all, known or not.
    any: bool,
    /// A field that the standard does not know.
    unknown: bool,
}

impl<'a> Fields<'a> {
    fn read(event: &'a [u8]) -> Self {
        let mut fields = Self::default();
        let mut rest = event;
        while !rest.is_empty() {
            let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let (line, tail) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            fields.line(line);
            rest = tail.get(1..).unwrap_or_default();
        }
        fields
    }

    fn line(&mut self, line: &'a [u8]) {
        if line.is_empty() || line.starts_with(b":") {
            return;
        }
        self.any = true;
        let (name, value) = match memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) {
            Some((name, value)) => (name, value.get(1..).unwrap_or_default()),
            // An empty slice of the line itself, for its place: one of elsewhere has an address that means nothing.
            None => (line, line.get(line.len()..).unwrap_or_default()),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match (name, &mut self.data) {
            (b"event", _) => self.event = value,
            (b"data", None) => self.data = Some(Cow::Borrowed(value)),
            (b"data", Some(data)) => {
                let data = data.to_mut();
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            (b"id" | b"retry", _) => {}
            _ => self.unknown = true,
        }
    }
}

fn hand_out(span: Range<u64>, bytes: Option<&[u8]>, ended: bool, sink: &mut dyn Sink) -> ControlFlow<()> {
    let Some(bytes) = bytes else { return comment(span, sink) };
    let body = if span.start == 0 { bytes.strip_prefix(BOM).unwrap_or(bytes) } else { bytes };
    let fields = Fields::read(body);
    if !ended && fields.any {
        sink.anomaly(Anomaly::UnterminatedEvent);
    }
    if fields.unknown && fields.data.is_none() {
        sink.anomaly(Anomaly::UnknownEvent);
    }
    let (name, _) = text(fields.event, sink);
    let cut = |data: &[u8]| !ended && matches!(data.trim_ascii_start().first(), Some(b'{' | b'[')) && !is_whole(data);
    let Some(data) = fields.data.filter(|data| !cut(data)) else {
        return sink.frame(&Frame { kind: FrameKind::Comment, name: &name, data: "", bytes: span, data_at: None });
    };
    let place = match data {
        Cow::Borrowed(data) => (data.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize),
        Cow::Owned(_) => None,
    };
    let (data, unchanged) = text(&data, sink);
    let data_at = place.filter(|_| unchanged).map(|place| span.start + place as u64);
    sink.frame(&Frame { kind: FrameKind::Message, name: &name, data: &data, bytes: span, data_at })
}

crate::keep::keep!(struct Sse { carry, previous, line_is_empty, awaits_line_feed });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::collected::{Collected, assert_split_invariant, collect, read};

    fn sse(input: &str) -> Collected {
        let read = read(&mut Sse::default(), input.as_bytes());
        read.assert_covers(input.as_bytes());
        assert_split_invariant(Sse::default, input.as_bytes(), &[2, 3]);
        read
    }

    #[test]
    fn the_three_line_ends_mean_the_same() {
        for end in ["\n", "\r", "\r\n"] {
            let read = sse(&"event: a|data: 1|data:2||: ping||data||".replace('|', end));
            assert_eq!(read.messages(), [("a", "1\n2"), ("", "")], "{end:?}");
            assert_eq!(read.frames.len(), 3);
            assert!(read.anomalies.is_empty());
        }
    }

    #[test]
    fn data_without_a_colon_stands_at_the_end_of_its_line() {
        let read = sse("data\n\n");
        assert_eq!((read.messages(), read.frames[0].data_at), (vec![("", "")], Some(4)));
    }

    #[test]
    fn a_blank_line_of_crlf_ends_behind_its_line_feed() {
        let read = sse("data: 1\r\n\r\ndata: 2\n\r\ndata: 3\r\rdata: 4\r\r\ndata: 5\n\n");
        let spans: Vec<_> = read.frames.iter().map(|frame| frame.bytes.clone()).collect();
        assert_eq!(spans, [0..11, 11..21, 21..30, 30..39, 39..49]);
        assert_eq!(read.messages().len(), 5);
    }

    #[test]
    fn a_blank_line_of_bare_cr_ends_the_event_at_once() {
        let mut decoder = Sse::default();
        let mut sink = Collected::default();
        assert!(decoder.feed(b"data: 1\r\r", 0, &mut sink).is_continue());
        assert_eq!(sink.messages(), [("", "1")]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        assert_eq!(sse("\u{feff}data: a\n\n\u{feff}data: b\n\n").messages(), [("", "a")]);
    }

    #[test]
    fn one_space_after_the_colon_is_dropped_and_a_field_may_lack_its_colon() {
        assert_eq!(sse("data:  a\n\ndata:b:c\n\ndata\ndata\n\n").messages(), [("", " a"), ("", "b:c"), ("", "\n")]);
    }

    #[test]
    fn fields_without_data_are_comments_that_keep_the_name() {
        let read = sse("event: ping\nid: 1\n\nretry: 10\n\n\n");
        let comments: Vec<_> = read.frames.iter().map(|frame| (frame.kind, frame.name.as_str())).collect();
        assert_eq!(comments, [(FrameKind::Comment, "ping"), (FrameKind::Comment, ""), (FrameKind::Comment, "")]);
    }

    #[test]
    fn a_last_event_without_blank_line_counts_where_it_is_whole() {
        for (input, messages) in [
            ("data: {\"a\":1}", 1),
            ("data: {\"a\":1}\n", 1),
            ("data: {\"a\":", 0),
            ("data: [DONE]", 1),
            ("data: [DON", 0),
            ("data: plain te", 1),
            ("event: message_st", 0),
        ] {
            let read = sse(input);
            assert_eq!(read.messages().len(), messages, "{input}");
            assert_eq!(read.anomalies, [Anomaly::UnterminatedEvent], "{input}");
        }
        assert!(sse("data: 1\n\n: bye").anomalies.is_empty());
    }

    #[test]
    fn bad_bytes_become_one_replacement_character_per_maximal_part() {
        let input = b"data: a\xf0\x9f\x98b\xff\xff\n\n";
        let read = read(&mut Sse::default(), input);
        assert_eq!(read.messages(), [("", "a\u{fffd}b\u{fffd}\u{fffd}")]);
        assert_eq!((read.frames[0].data_at, read.anomalies), (None, vec![Anomaly::BadUtf8]));
    }

    #[test]
    fn data_of_one_line_tells_where_it_stands() {
        let read = sse(": x\n\nevent: e\ndata: 中\n\ndata: 1\ndata: 2\n\n");
        let places: Vec<_> = read.frames.iter().map(|frame| frame.data_at).collect();
        assert_eq!(places, [None, Some(20), None]);
    }

    #[test]
    fn an_event_beyond_the_limit_is_skipped_and_the_next_is_read() {
        let mut input = b"data: ".to_vec();
        input.resize(super::super::MAX_FRAME + 1, b'x');
        input.extend(b"\n\ndata: 1\n\n");
        let whole = read(&mut Sse::default(), &input);
        whole.assert_covers(&input);
        assert_eq!(whole.messages(), [("", "1")]);
        assert_eq!(whole.anomalies, [Anomaly::Limit]);
        assert_eq!(collect(&mut Sse::default(), &input, &[1 << 16]), whole);
    }

    const PARTS: &[&[u8]] = &[
        b"data: {\"t\":\"\xe4\xb8\xad\xf0\x9f\x98\x80\"}",
        b"data:",
        b": ping",
        b"event: e",
        b"id: 1",
        b"\xff\xe4\xb8",
        BOM,
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\n\r\n",
        b"\r\r",
    ];

    proptest! {
        #[test]
        fn every_split_gives_the_same_frames(
            parts in prop::collection::vec(
                prop::sample::select(PARTS),
                0..30,
            ),
            cuts in prop::collection::vec(1usize..9, 1..20),
        ) {
            let input = parts.concat();
            assert_split_invariant(Sse::default, &input, &cuts);
            collect(&mut Sse::default(), &input, &cuts).assert_covers(&input);
        }
    }
}
