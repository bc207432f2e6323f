//! The newest frames as they passed to a client: copies, since a slice would keep all that was read with it.

use std::collections::VecDeque;

use bytes::Bytes;

use super::event::Seq;
use crate::frames::{Cut, Frame};

/// Frames by their place among all.
#[derive(Default)]
pub(super) struct Passed {
    bytes: VecDeque<u8>,
    /// How many bytes are gone.
    gone: u64,
    frames: VecDeque<Mark>,
    /// How many frames are gone.
    first: u64,
    cut: Option<Cut>,
}

struct Mark {
    /// The number of its last event.
    last: Seq,
    /// Where it ends among all bytes that passed.
    end: u64,
}

impl Passed {
    /// Adds a frame, and drops the oldest beyond so many bytes.
    pub(super) fn push(&mut self, frame: &Frame, most: usize) {
        self.cut = Some(frame.cut);
        self.bytes.extend(&frame.bytes);
        self.frames.push_back(Mark { last: frame.last, end: self.gone + self.bytes.len() as u64 });
        while self.bytes.len() > most && self.forget() {}
    }

    /// The first frame behind an event.
    pub(super) fn behind(&self, next: Seq) -> u64 {
        self.first + self.frames.partition_point(|frame| frame.last < next) as u64
    }

    /// The frame of a place; `Err` has the place of the oldest that is kept.
    pub(super) fn get(&self, place: u64) -> Result<Option<Frame>, u64> {
        let index = place.checked_sub(self.first).ok_or(self.first)?;
        let frame = |index: usize| {
            let before = index.checked_sub(1).and_then(|before| self.frames.get(before));
            let (start, mark) = (before.map_or(self.gone, |mark| mark.end), self.frames.get(index)?);
            let place = |at: u64| usize::try_from(at - self.gone).ok();
            let bytes: Bytes = self.bytes.range(place(start)?..place(mark.end)?).copied().collect();
            Some(Frame { last: mark.last, cut: self.cut?, bytes })
        };
        Ok(usize::try_from(index).ok().and_then(frame))
    }

    /// Drops frames whose events are all before that one.
    pub(super) fn forget_before(&mut self, first: Seq) {
        while self.frames.front().is_some_and(|frame| frame.last < first) {
            self.forget();
        }
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        while self.forget() {}
        (self.frames, self.bytes) = (VecDeque::new(), VecDeque::new());
    }

    fn forget(&mut self) -> bool {
        let Some(frame) = self.frames.pop_front() else { return false };
        self.bytes.drain(..usize::try_from(frame.end - self.gone).unwrap_or_default());
        self.gone = frame.end;
        self.first += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_each_in_its_place() {
        let mut passed = Passed::default();
        let frame = |number: u64| Frame { last: number, cut: Cut::Lines, bytes: format!("frame {number}\n").into() };
        for number in 0..100 {
            passed.push(&frame(number), 64);
        }
        let first = passed.first;
        assert!(first > 90 && passed.bytes.len() <= 64);
        assert_eq!(passed.get(first - 1), Err(first));
        assert_eq!(passed.get(99), Ok(Some(frame(99))));
        assert_eq!(passed.get(first), Ok(Some(frame(first))));
        assert_eq!(passed.get(100), Ok(None));
        assert_eq!((passed.behind(98), passed.behind(200)), (98, 100));
        passed.forget_before(98);
        assert_eq!(passed.get(97), Err(98));
        passed.clear();
        assert_eq!((passed.get(100), passed.get(99)), (Ok(None), Err(100)));
    }
}
