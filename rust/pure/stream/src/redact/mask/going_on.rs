//! Text that goes on behind what said that it ended, and text that does not.

use super::Mask;
use crate::redact::frame::Fragment;
use crate::{ChannelKey, Place};

impl Mask {
    /// A choice that ended while the text of another goes on, and whose own text waits.
    pub(super) fn choice_left(&self) -> Option<u32> {
        if self.is_dry || self.frame.choices.is_empty() {
            return None;
        }
        let holds = |choice: u32| {
            self.lanes.iter().any(|lane| (lane.key.place, lane.key.index) == (Place::Choice, choice) && lane.held() > 0)
        };
        let before = self.postponed.iter().flat_map(|frame| &frame.ended);
        let before = before.filter(|choice| !self.frame.choices.contains(choice));
        let others = |choice: &&u32| self.frame.choices.iter().any(|other| other != *choice);
        before.chain(&self.frame.ended).filter(others).copied().find(|choice| holds(*choice))
    }

    /// Puts what was released of `held` bytes of a lane that waited, and is no secret, into the frame that it waited with;
    /// gives how many bytes that is.
    pub(super) fn put_before(&mut self, at: usize, held: usize) -> usize {
        let Some(frame) = self.postponed.front_mut() else { return 0 };
        let most = self.out.replaced_at.first().copied().unwrap_or(self.out.text.len()).min(held);
        let moved = (0..=most).rev().find(|end| self.out.text.is_char_boundary(*end)).unwrap_or_default();
        if moved > 0 {
            frame.append(at, self.out.text.get(..moved).unwrap_or_default());
        }
        moved
    }

    /// Keeps whose text the frame holds, and which frames before it ended none.
    pub(super) fn goes_on(&mut self, fragment: &Fragment<'_>) {
        if fragment.text.is_empty() || fragment.copy != 0 {
            return;
        }
        let key = fragment.key;
        self.postponed.iter_mut().filter(|frame| frame.ends(key)).for_each(|frame| frame.goes_on = true);
        if key.place == Place::Choice && !self.frame.choices.contains(&key.index) {
            self.frame.choices.push(key.index);
        }
    }

    /// Where text goes on behind its end, or in the next block of an answer, a secret may too.
    pub(super) fn follow(&mut self, at: usize) {
        let Some(key) = self.lanes.get(at).map(|lane| lane.key) else { return };
        let Some(ended) = self.last_ended else { return };
        let follows = |other: ChannelKey| {
            other == key || (other.kind == key.kind && other.place == key.place && key.place != Place::Choice)
        };
        let Some(end) =
            self.lanes.get_mut(ended).filter(|lane| follows(lane.key)).map(|lane| std::mem::take(&mut lane.end))
        else {
            return;
        };
        self.last_ended = None;
        if let Some(lane) = self.lanes.get_mut(at) {
            lane.go_on(&end);
        }
    }
}
