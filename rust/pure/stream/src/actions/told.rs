//! What was told of a loop already.

use std::collections::VecDeque;

use super::settings::ActionLimits;
use crate::Action;

/// Loops remembered; the oldest is forgotten first, and told again if it goes on.
const KEPT: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NoProgress,
    PingPong,
    Repeat,
    SameError,
}

/// The strongest action of each loop so far, so that each is told once per action until it breaks.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(VecDeque<(Kind, u64, Action)>);

impl Told {
    /// What so many copies of the loop `key` ask for, if that was not told.
    pub(super) fn news(&mut self, kind: Kind, key: u64, limits: ActionLimits, copies: u32) -> Option<Action> {
        let known = self.0.iter().position(|(of, told, _)| (*of, *told) == (kind, key));
        let Some(action) = limits.asked(copies) else {
            known.map(|at| self.0.remove(at));
            return None;
        };
        match known.and_then(|at| self.0.get_mut(at)) {
            Some((_, _, told)) if stage(action) <= stage(*told) => return None,
            Some((_, _, told)) => *told = action,
            None => {
                if self.0.len() == KEPT {
                    self.0.pop_front();
                }
                self.0.push_back((kind, key, action));
            }
        }
        Some(action)
    }

    pub(super) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<(Kind, u64, Action)>()
    }

    /// Progress was made: every loop of calls is broken.
    pub(super) fn forget_calls(&mut self) {
        self.0.retain(|(kind, ..)| *kind == Kind::NoProgress);
    }
}

/// The order in which actions follow as copies grow.
fn stage(action: Action) -> u8 {
    match action {
        Action::Hint => 1,
        Action::Warn => 2,
        Action::Stop => 3,
        _ => 0,
    }
}

crate::keep::keep!(
    enum Kind {
        NoProgress,
        PingPong,
        Repeat,
        SameError,
    }
);
crate::keep::keep!(tuple Told);
