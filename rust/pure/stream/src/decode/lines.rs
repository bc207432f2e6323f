use std::ops::{ControlFlow, Range};

use memchr::memchr;

use super::carry::Carry;
use super::{Frame, FrameKind, Sink};
use crate::Anomaly;

/// A line with the place it stands in the stream.
pub(super) struct Line<'a> {
    /// Where it stands, its line feed included.
    pub(super) span: Range<u64>,
    /// The line without surrounding white space; `None` where it passed the limit.
    pub(super) bytes: Option<&'a [u8]>,
    /// Where `bytes` begins.
    pub(super) at: u64,
    /// Its line feed has come.
    pub(super) ended: bool,
}

/// Cuts a stream at line feeds.
#[derive(Debug, Default)]
pub(super) struct Lines {
    carry: Carry,
}

impl Lines {
    /// Hands every line of `chunk` that is whole to `take`.
    pub(super) fn feed(
        &mut self,
        mut chunk: &[u8],
        at: u64,
        sink: &mut dyn Sink,
        mut take: impl FnMut(Line<'_>, &mut dyn Sink) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.carry.begin(at);
        while let Some((line, rest)) = memchr(b'\n', chunk).and_then(|end| chunk.split_at_checked(end + 1)) {
            let (span, bytes) = self.carry.close(line, sink);
            take(Line::new(span, bytes, true), sink)?;
            self.carry.clear();
            chunk = rest;
        }
        self.carry.keep(chunk, sink);
        ControlFlow::Continue(())
    }

    /// Hands the line whose line feed never came to `take`.
    pub(super) fn finish(
        &mut self,
        sink: &mut dyn Sink,
        take: impl FnOnce(Line<'_>, &mut dyn Sink) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.carry.len() == 0 {
            return ControlFlow::Continue(());
        }
        let (span, bytes) = self.carry.close(&[], sink);
        take(Line::new(span, bytes, false), sink)?;
        self.carry.clear();
        ControlFlow::Continue(())
    }
}

impl<'a> Line<'a> {
    fn new(span: Range<u64>, bytes: Option<&'a [u8]>, ended: bool) -> Self {
        let whole = bytes.unwrap_or_default();
        let body = if span.start == 0 { whole.strip_prefix(BOM).unwrap_or(whole) } else { whole };
        let trimmed = body.trim_ascii_start();
        let at = span.start + (whole.len() - trimmed.len()) as u64;
        Self { span, bytes: bytes.map(|_| trimmed.trim_ascii_end()), at, ended }
    }

    /// The JSON text it holds; `None` where it is blank, beyond the limit, or cut inside its JSON.
    pub(super) fn json(&self, sink: &mut dyn Sink) -> Option<&'a [u8]> {
        let bytes = self.bytes.filter(|bytes| !bytes.is_empty())?;
        if self.ended || is_whole(bytes) {
            return Some(bytes);
        }
        sink.anomaly(Anomaly::UnterminatedEvent);
        None
    }
}

/// The byte order mark, allowed once at the start of a stream.
pub(super) const BOM: &[u8] = "\u{feff}".as_bytes();

/// Hands out a frame that only covers its bytes.
pub(super) fn comment(span: Range<u64>, sink: &mut dyn Sink) -> ControlFlow<()> {
    sink.frame(&Frame { kind: FrameKind::Comment, name: "", data: "", bytes: span, data_at: None })
}

/// Whether `text` is one whole JSON value, or the mark `[DONE]` that stands where JSON is expected.
pub(super) fn is_whole(text: &[u8]) -> bool {
    text.trim_ascii() == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

crate::keep::keep!(struct Lines { carry });
