//! The newest frames as they passed to a client: copies, since a slice would keep all that was read with it.

use std::collections::VecDeque;

use super::event::Seq;
use crate::frames::{Cut, Frame};

/// Frames that are kept as what they have of their own beside the first of them: a provider's frames differ in little.
const GROUP: u8 = 32;

/// Frames by their place among all.
#[derive(Default)]
pub(super) struct Passed {
    bytes: VecDeque<u8>,
    /// How many of those bytes are gone.
    gone: u64,
    frames: VecDeque<Mark>,
    /// How many frames are gone.
    first: u64,
    /// The event behind the last of them.
    from: Seq,
    cut: Option<Cut>,
    /// The first frame of the newest group.
    base: Vec<u8>,
}

struct Mark {
    /// The number of its last event.
    last: Seq,
    /// Where its own bytes end among all that were kept.
    end: u64,
    /// Bytes at its front and at its back that the first frame of its group has too.
    front: u16,
    back: u16,
    /// How many frames before it its group begins.
    behind: u8,
}

impl Passed {
    /// Adds a frame, and drops the oldest beyond so many bytes.
    pub(super) fn push(&mut self, frame: &Frame, most: usize) {
        let (bytes, last) = (&*frame.bytes, frame.last);
        let behind = self.frames.back().map_or(GROUP, |before| before.behind.saturating_add(1));
        let front = same(self.base.iter().zip(bytes));
        let rest = (self.base.len().min(bytes.len()) - usize::from(front)).min(usize::from(u16::MAX));
        let back = same(self.base.iter().rev().zip(bytes.iter().rev()).take(rest));
        let own = usize::from(front)..bytes.len() - usize::from(back);
        let is_alike = behind < GROUP && 2 * own.len() < bytes.len();
        let (own, front, back, behind) = if is_alike { (own, front, back, behind) } else { (0..bytes.len(), 0, 0, 0) };
        if !is_alike {
            bytes.clone_into(&mut self.base);
        }
        self.cut = Some(frame.cut);
        self.bytes.extend(bytes.get(own).unwrap_or_default());
        self.frames.push_back(Mark { last, end: self.gone + self.bytes.len() as u64, front, back, behind });
        while self.bytes.len() > most && self.forget() {}
    }

    /// The first frame that holds an event or a later one, and that event: a later one where its frames are gone.
    pub(super) fn behind(&self, next: Seq) -> (u64, Seq) {
        let next = next.max(self.from);
        (self.first + self.frames.partition_point(|frame| frame.last < next) as u64, next)
    }

    /// The frame of a place; `Err` has the place of the oldest that is kept.
    pub(super) fn get(&self, place: u64) -> Result<Option<Frame>, u64> {
        let index = place.checked_sub(self.first).ok_or(self.first)?;
        Ok(usize::try_from(index).ok().and_then(|index| self.frame(index)))
    }

    fn frame(&self, index: usize) -> Option<Frame> {
        let mark = self.frames.get(index)?;
        let mut bytes = self.own(index)?;
        if mark.behind > 0 {
            let base = self.own(index - usize::from(mark.behind))?;
            let (front, back) =
                (base.get(..usize::from(mark.front))?, base.get(base.len() - usize::from(mark.back)..)?);
            bytes = [front, &bytes, back].concat();
        }
        Some(Frame { last: mark.last, cut: self.cut?, bytes: bytes.into() })
    }

    /// What is kept of a frame.
    fn own(&self, index: usize) -> Option<Vec<u8>> {
        let before = index.checked_sub(1).and_then(|before| self.frames.get(before));
        let (start, end) = (before.map_or(self.gone, |mark| mark.end), self.frames.get(index)?.end);
        let place = |at: u64| usize::try_from(at - self.gone).ok();
        Some(self.bytes.range(place(start)?..place(end)?).copied().collect())
    }

    /// Drops groups whose events are all before that one.
    pub(super) fn forget_before(&mut self, first: Seq) {
        while self.group().is_some_and(|(_, last)| last < first) {
            self.forget();
        }
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        while self.forget() {}
        (self.frames, self.bytes, self.base) = Default::default();
    }

    /// Frames of the oldest group, and its last event.
    fn group(&self) -> Option<(usize, Seq)> {
        let count = self.frames.iter().skip(1).take_while(|frame| frame.behind > 0).count() + 1;
        self.frames.get(count - 1).map(|frame| (count, frame.last))
    }

    fn forget(&mut self) -> bool {
        let Some((count, last)) = self.group() else { return false };
        let end = self.frames.get(count - 1).map_or(self.gone, |mark| mark.end);
        self.frames.drain(..count);
        self.bytes.drain(..usize::try_from(end - self.gone).unwrap_or_default());
        self.gone = end;
        self.first += count as u64;
        self.from = last + 1;
        true
    }
}

/// How many pairs from the first on are the same.
fn same<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> u16 {
    let count = pairs.take(usize::from(u16::MAX)).take_while(|(one, other)| one == other).count();
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(last: u64, bytes: impl Into<bytes::Bytes>) -> Frame {
        Frame { last, cut: Cut::Lines, bytes: bytes.into() }
    }

    #[test]
    fn the_newest_are_kept_each_in_its_place() {
        let mut passed = Passed::default();
        let frame = |number: u64| frame(number, format!("{{\"id\":\"chat\",\"text\":\"{number}\"}}\n"));
        for number in 0..1000 {
            passed.push(&frame(number), 512);
        }
        let first = passed.first;
        assert!((700..980).contains(&first) && passed.bytes.len() <= 512);
        assert_eq!(passed.get(first - 1), Err(first));
        for number in first..1000 {
            assert_eq!(passed.get(number), Ok(Some(frame(number))));
        }
        assert_eq!((passed.get(1000), passed.behind(998), passed.behind(2000)), (Ok(None), (998, 998), (1000, 2000)));
        assert_eq!(passed.behind(3), (first, first));
        passed.forget_before(990);
        assert!(passed.first > first && passed.get(990) == Ok(Some(frame(990))));
        passed.clear();
        assert_eq!((passed.get(1000), passed.get(999)), (Ok(None), Err(1000)));
    }

    proptest! {
        #[test]
        fn a_frame_is_what_it_was(frames in prop::collection::vec("[ab]{0,9}", 1..90), most in 1..200_usize) {
            let mut passed = Passed::default();
            for (number, bytes) in (0..).zip(&frames) {
                passed.push(&frame(number, bytes.clone()), most);
                prop_assert!(passed.bytes.len() <= most);
            }
            for (place, bytes) in (0..).zip(&frames).skip(passed.first as usize) {
                prop_assert_eq!(passed.get(place), Ok(Some(frame(place, bytes.clone()))));
            }
        }
    }
}
