use std::ops::Range;

use super::{MAX_FRAME, Sink};
use crate::Anomaly;

/// Capacity that an idle buffer may keep.
const KEPT: usize = 4 << 10;

/// The frame that is not whole yet: where it began, how long it is, and its bytes as long as they fit.
#[derive(Debug, Default)]
pub(super) struct Carry {
    bytes: Vec<u8>,
    start: u64,
    length: u64,
}

impl Carry {
    /// Says where the next chunk begins in the stream.
    pub(super) fn begin(&mut self, at: u64) {
        if self.length == 0 {
            self.start = at;
        }
    }

    /// Length of the unfinished frame, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// Where the next byte stands in the stream.
    pub(super) fn next(&self) -> u64 {
        self.start + self.length
    }

    /// Where the unfinished frame stands in the stream.
    pub(super) fn span(&self) -> Range<u64> {
        self.start..self.start + self.length
    }

    /// The bytes kept of the unfinished frame.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Keeps `part` until the frame is whole. Beyond [`MAX_FRAME`] bytes nothing of the frame is kept.
    pub(super) fn keep(&mut self, part: &[u8], sink: &mut dyn Sink) {
        let was_over = self.is_over();
        self.length += part.len() as u64;
        if was_over {
            return;
        }
        if self.is_over() {
            self.bytes = Vec::new();
            return sink.anomaly(Anomaly::Limit);
        }
        self.extend(part);
    }

    /// Counts `part` to the frame without keeping it: nobody will read it.
    pub(super) fn pass(&mut self, part: &[u8]) {
        self.length += part.len() as u64;
        self.bytes = Vec::new();
    }

    /// The whole frame, which ends with `tail`: its span, and its bytes unless they passed the limit. A frame that lies
    /// whole in `tail` is not copied. [`Carry::clear`] must follow.
    pub(super) fn close<'a>(&'a mut self, tail: &'a [u8], sink: &mut dyn Sink) -> (Range<u64>, Option<&'a [u8]>) {
        let was_over = self.is_over();
        let held = self.length > 0;
        self.length += tail.len() as u64;
        let span = self.span();
        if self.is_over() {
            if !was_over {
                sink.anomaly(Anomaly::Limit);
            }
            return (span, None);
        }
        if !held {
            return (span, Some(tail));
        }
        self.extend(tail);
        (span, Some(&self.bytes))
    }

    /// Begins the next frame where this one ended, and gives the memory of a large one back.
    pub(super) fn clear(&mut self) {
        self.start += self.length;
        self.length = 0;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
    }

    fn is_over(&self) -> bool {
        self.length > MAX_FRAME as u64
    }

    /// Grows by doubling, but never beyond [`MAX_FRAME`].
    fn extend(&mut self, part: &[u8]) {
        let needed = self.bytes.len() + part.len();
        if needed > self.bytes.capacity() {
            let capacity = needed.max((2 * self.bytes.capacity()).min(MAX_FRAME));
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(part);
    }
}

crate::keep::keep!(struct Carry { bytes, start, length });
