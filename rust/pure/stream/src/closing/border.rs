//! Where the bytes that passed end.

use crate::decode::Framing;

/// Bytes behind the last frame that are kept; with more of them an event has begun.
const KEPT: usize = 8;

/// What passed behind the last whole frame, and how its lines end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Border {
    behind: Vec<u8>,
    is_beyond: bool,
    /// The last bytes that passed.
    last: [u8; 2],
    /// Lines end in CRLF.
    crlf: bool,
}

impl Border {
    /// A chunk passed; its bytes from `end` on lie behind the last frame that it ended, if it ended one.
    pub(crate) fn pass(&mut self, chunk: &[u8], end: Option<usize>) {
        if let Some((frames, behind)) = end.and_then(|end| chunk.split_at_checked(end)) {
            self.take(frames);
            self.crlf = self.last == *b"\r\n";
            self.behind.clear();
            self.is_beyond = false;
            return self.keep(behind);
        }
        self.keep(chunk);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = KEPT - self.behind.len();
        self.take(bytes);
        self.is_beyond |= bytes.len() > room;
        self.behind.extend(bytes.iter().take(room));
    }

    /// Whether nothing has passed at all.
    pub(super) fn is_empty(&self) -> bool {
        self.last == [0; 2]
    }

    fn take(&mut self, bytes: &[u8]) {
        match *bytes {
            [] => {}
            [byte] => self.last = [self.last[1], byte],
            [.., first, second] => self.last = [first, second],
        }
    }

    /// Whether no event is half there, so that another can begin.
    pub(crate) fn is_clear(&self, framing: Framing) -> bool {
        let only = |allowed: &[u8]| !self.is_beyond && self.behind.iter().all(|byte| allowed.contains(byte));
        match framing {
            Framing::Sse | Framing::Ndjson | Framing::WebSocketLines => only(b"\r\n"),
            Framing::JsonArray => only(b" \t\r\n,"),
            Framing::EventStream => only(b""),
            // The first event tells the framing.
            Framing::Auto => only(b" \t\r\n"),
            Framing::Opaque | Framing::Text | Framing::WebSocket => true,
        }
    }

    /// Whether the comma before the next element of an array has passed.
    pub(super) fn has_comma(&self) -> bool {
        self.behind.contains(&b',')
    }

    pub(super) fn line_end(&self) -> &'static str {
        if self.crlf { "\r\n" } else { "\n" }
    }
}

crate::keep::keep!(struct Border { behind, is_beyond, last, crlf });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_is_behind_a_frame_and_the_blanks_that_follow_it() {
        let mut border = Border::default();
        border.pass(b"data: 1\r\n\r\nda", Some(11));
        assert_eq!((border.is_clear(Framing::Sse), border.line_end()), (false, "\r\n"));
        border.pass(b"ta: 2\r\n\r\n", Some(9));
        assert!(border.is_clear(Framing::Sse));
        border.pass(b"\r\n", None);
        assert!(border.is_clear(Framing::Sse));
        border.pass(b"{\"a\":1}\n,", Some(7));
        assert!(border.is_clear(Framing::JsonArray) && border.has_comma());
        border.pass(b"{", None);
        assert!(!border.is_clear(Framing::JsonArray));
    }

    #[test]
    fn what_is_longer_than_blanks_is_no_border() {
        let mut border = Border::default();
        border.pass(&[b'\n'; KEPT + 1], None);
        assert!(!border.is_clear(Framing::Sse));
    }
}
