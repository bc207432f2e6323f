//! What passes to a client, cut into the frames that it holds, each with the number of its last event.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use midstream_stream::Events;

use crate::streams::Seq;

/// Bytes of a frame that is not whole; a longer one passes in parts.
const MAX_FRAME: usize = 1 << 20;

/// How a body is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Behind every line.
    Lines,
    /// Nowhere.
    Nowhere,
    /// Behind every blank line.
    ServerSent,
}

/// Cuts what passes.
///
/// The first frame that passes whole is the first that was read, also where text is replaced and frames pass later. A
/// frame that no upstream sent has the number of the newest event.
pub(crate) struct Frames {
    cut: Cut,
    /// Where in the provider's body the last frame ends whose events were told.
    read_to: u64,
    /// The last events of frames that were read and have not passed.
    read: VecDeque<Seq>,
    /// Frames pass later than they are read.
    waits: bool,
    /// A frame that has not passed whole.
    part: BytesMut,
    /// The line that comes holds nothing yet.
    is_blank: bool,
    /// Numbers are written into the body.
    is_numbered: bool,
    /// A carriage return on a line that holds nothing waits for its line feed, before which a number stands.
    waiting: Option<Return>,
}

/// What is known of carriage returns that end a blank line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    /// They end it alone: no line feed is waited for.
    Alone,
    /// One has come, and what follows has not.
    Held,
}

/// A frame as it passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The number of its last event.
    pub(crate) last: Seq,
    pub(crate) cut: Cut,
    pub(crate) bytes: Bytes,
}

/// Frames that passed, and what the client gets.
pub(crate) struct Passing {
    pub(crate) frames: Vec<Frame>,
    pub(crate) bytes: Bytes,
}

impl Frames {
    /// For a body of that content type; `is_numbered` asks for `id:` lines in it, which server-sent events alone have.
    pub(crate) fn new(content_type: Option<&str>, is_numbered: bool, waits: bool) -> Self {
        let kind = content_type.unwrap_or_default();
        let cut = if kind.starts_with("text/event-stream") {
            Cut::ServerSent
        } else if kind.starts_with("application/x-ndjson") || kind.starts_with("application/jsonl") {
            Cut::Lines
        } else {
            Cut::Nowhere
        };
        Self {
            cut,
            read_to: 0,
            read: VecDeque::new(),
            part: BytesMut::new(),
            is_blank: true,
            waits,
            is_numbered: is_numbered && cut == Cut::ServerSent,
            waiting: None,
        }
    }

    /// Takes note of events, of which the first has that number.
    pub(crate) fn read(&mut self, first: Seq, events: &Events) {
        for (sequence, event) in (first..).zip(events) {
            if event.bytes.end > self.read_to {
                self.read_to = event.bytes.end;
                self.read.push_back(sequence);
            } else if let Some(last) = self.read.back_mut() {
                *last = sequence;
            }
        }
    }

    /// Cuts bytes that pass; the number is that of the stream's next event.
    pub(crate) fn pass(&mut self, bytes: &Bytes, next: Seq) -> Passing {
        let bytes = self.with_return(bytes);
        let mut passing = Passing { frames: Vec::new(), bytes: bytes.clone() };
        let mut numbered = BytesMut::new();
        let mut rest = bytes;
        while let Some((end, blank)) = self.end(&rest) {
            let piece = rest.split_to(end);
            let sequence = self.read.pop_front().or(next.checked_sub(1));
            if self.is_numbered {
                number(&mut numbered, &piece, blank, sequence);
            }
            let (cut, bytes) = (self.cut, self.whole(piece));
            passing.frames.extend(sequence.map(|last| Frame { last, cut, bytes }));
        }
        if !self.waits {
            // What is left did not pass, and never will.
            self.read.clear();
        }
        if self.holds_return(&rest) {
            rest.truncate(rest.len() - 1);
            passing.bytes.truncate(passing.bytes.len() - 1);
        }
        if self.is_numbered && !numbered.is_empty() {
            numbered.extend_from_slice(&rest);
            passing.bytes = numbered.freeze();
        }
        self.part.extend_from_slice(&rest);
        if self.part.len() > MAX_FRAME {
            self.part.clear();
        }
        passing
    }

    /// What is held at the end of the body.
    pub(crate) fn rest(&mut self) -> Bytes {
        let is_held = self.waiting.take_if(|waiting| *waiting == Return::Held).is_some();
        if is_held { Bytes::from_static(b"\r") } else { Bytes::new() }
    }

    /// Bytes behind a carriage return that was held.
    fn with_return(&mut self, bytes: &Bytes) -> Bytes {
        if bytes.is_empty() || self.waiting != Some(Return::Held) {
            return bytes.clone();
        }
        self.waiting = (!bytes.starts_with(b"\n")).then_some(Return::Alone);
        [b"\r", &bytes[..]].concat().into()
    }

    /// Whether the last of these bytes is one to hold.
    fn holds_return(&mut self, rest: &[u8]) -> bool {
        let holds = self.is_numbered && self.waiting.is_none() && self.is_blank && rest.ends_with(b"\r");
        if holds {
            self.waiting = Some(Return::Held);
        }
        holds
    }

    /// Where the first frame of these bytes ends, and how many of its bytes are the blank line.
    fn end(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        match self.cut {
            Cut::Nowhere => (!bytes.is_empty()).then_some((bytes.len(), 0)),
            Cut::Lines => bytes.iter().position(|byte| *byte == b'\n').map(|at| (at + 1, 0)),
            Cut::ServerSent => {
                for (at, byte) in bytes.iter().enumerate() {
                    match byte {
                        b'\n' if std::mem::replace(&mut self.is_blank, true) => {
                            let is_pair = at > 0 && bytes.get(at - 1) == Some(&b'\r');
                            return Some((at + 1, if is_pair { 2 } else { 1 }));
                        }
                        // It ends a line together with the line feed that follows.
                        b'\r' | b'\n' => {}
                        _ => self.is_blank = false,
                    }
                }
                None
            }
        }
    }

    fn whole(&mut self, piece: Bytes) -> Bytes {
        if self.part.is_empty() {
            return piece;
        }
        self.part.extend_from_slice(&piece);
        self.part.split().freeze()
    }
}

impl Frame {
    /// The frame with its number, as server-sent events hold it.
    pub(crate) fn sse(&self) -> Bytes {
        let mut shown = BytesMut::with_capacity(self.bytes.len() + 32);
        if self.cut == Cut::ServerSent {
            let blank = if self.bytes.ends_with(b"\r\n") { 2 } else { 1 };
            number(&mut shown, &self.bytes, blank, Some(self.last));
            return shown.freeze();
        }
        shown.extend_from_slice(format!("id: {}\n", self.last).as_bytes());
        for line in self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes).split(|byte| *byte == b'\n') {
            shown.extend_from_slice(b"data: ");
            shown.extend_from_slice(line);
            shown.extend_from_slice(b"\n");
        }
        shown.extend_from_slice(b"\n");
        shown.freeze()
    }
}

/// Writes a frame with its number before the blank line that ends it.
fn number(to: &mut BytesMut, frame: &[u8], blank: usize, sequence: Option<Seq>) {
    let fields = frame.len().saturating_sub(blank);
    to.extend_from_slice(frame.get(..fields).unwrap_or_default());
    if let Some(sequence) = sequence {
        to.extend_from_slice(format!("id: {sequence}\n").as_bytes());
    }
    to.extend_from_slice(frame.get(fields..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(is_numbered: bool) -> Frames {
        let mut frames = Frames::new(Some("text/event-stream; charset=utf-8"), is_numbered, true);
        frames.read.extend([0, 2, 3]);
        frames
    }

    const BODY: &str = "data: a\n\nevent: b\r\ndata: b\r\n\r\n: c\n\ndata: half";

    #[test]
    fn frames_are_the_same_at_every_split_and_numbers_stand_before_the_blank_line() {
        for at in 0..BODY.len() {
            let mut frames = frames(true);
            let (mut passed, mut bytes) = (Vec::new(), Vec::new());
            for piece in [&BODY[..at], &BODY[at..]] {
                let passing = frames.pass(&Bytes::copy_from_slice(piece.as_bytes()), 4);
                passed.extend(passing.frames.into_iter().map(|frame| (frame.last, frame.bytes)));
                bytes.extend_from_slice(&passing.bytes);
            }
            let expected = [(0, "data: a\n\n"), (2, "event: b\r\ndata: b\r\n\r\n"), (3, ": c\n\n")];
            assert_eq!(passed, expected.map(|(last, text)| (last, Bytes::from(text))), "split at {at}");
            let text = String::from_utf8(bytes).unwrap();
            let expected = "data: a\nid: 0\n\nevent: b\r\ndata: b\r\nid: 2\n\r\n: c\nid: 3\n\ndata: half";
            assert_eq!(text, expected, "split at {at}");
        }
    }

    #[test]
    fn a_carriage_return_is_held_on_a_blank_line_alone_and_passes_at_the_end() {
        let pass = |pieces: &[&'static str]| {
            let mut frames = frames(true);
            let mut passed: Vec<Bytes> =
                pieces.iter().map(|piece| frames.pass(&Bytes::from_static(piece.as_bytes()), 4).bytes).collect();
            passed.push(frames.rest());
            passed
        };
        assert_eq!(pass(&["data: a\r", "\n\r", "\n"]), ["data: a\r", "\n", "id: 0\n\r\n", ""]);
        assert_eq!(pass(&["data: a\r\n\r"]), ["data: a\r\n", "\r"]);
        // Where it ends the line alone, what comes waits no more.
        assert_eq!(pass(&["data: a\n\r", "data: b\n\r", "x"]), ["data: a\n", "\rdata: b\n\r", "x", ""]);
    }

    #[test]
    fn without_numbers_bytes_pass_as_they_are() {
        let body = Bytes::from_static(BODY.as_bytes());
        let passing = frames(false).pass(&body, 4);
        assert_eq!(passing.bytes, body);
        assert_eq!(passing.frames[1].sse(), "event: b\r\ndata: b\r\nid: 2\n\r\n");
    }

    #[test]
    fn lines_become_events() {
        let mut frames = Frames::new(Some("application/x-ndjson"), true, true);
        frames.read.extend([4]);
        let passing = frames.pass(&Bytes::from_static(b"{\"a\":1}\n{"), 5);
        assert_eq!(passing.frames[0].sse(), "id: 4\ndata: {\"a\":1}\n\n");
        assert_eq!(passing.bytes, "{\"a\":1}\n{");
    }
}
