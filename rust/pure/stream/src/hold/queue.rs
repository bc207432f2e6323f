use std::collections::VecDeque;

/// Bytes in the order in which they pass, and up to which piece of text each is bound.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    /// Of the stream that passes, before `bytes`.
    base: u64,
    marks: VecDeque<Mark>,
}

/// The bytes before `end` may pass once every piece with a smaller id than `bound` may.
#[derive(Clone, Copy, Debug)]
struct Mark {
    end: u64,
    bound: u64,
}

impl Queue {
    /// Where the next bytes begin.
    pub(super) fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Binds what comes before `end`, and is not bound, to the pieces before `bound`.
    pub(super) fn mark(&mut self, end: u64, bound: u64) {
        match self.marks.back_mut() {
            Some(mark) if end <= mark.end => {}
            Some(mark) if bound == mark.bound => mark.end = end,
            _ => self.marks.push_back(Mark { end, bound }),
        }
    }

    /// Moves to `out` what may pass when all pieces before `passed` may.
    pub(super) fn take(&mut self, passed: u64, out: &mut Vec<u8>) {
        let mut end = self.base;
        while let Some(mark) = self.marks.front().filter(|mark| mark.bound <= passed) {
            end = end.max(mark.end);
            self.marks.pop_front();
        }
        let length = ((end - self.base) as usize).min(self.bytes.len());
        out.extend(self.bytes.drain(..length));
        self.base += length as u64;
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.base = self.end();
        self.bytes.clear();
        self.marks.clear();
    }
}

crate::keep::keep!(struct Queue { bytes, base, marks });
crate::keep::keep!(struct Mark { end, bound });
