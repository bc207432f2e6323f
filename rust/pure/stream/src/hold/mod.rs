//! Hold: text waits for the caller's check, sentence by sentence, and its bytes with it.

mod lane;
mod queue;
mod report;
mod sentence;
mod settings;
mod unmasked;
mod waiting;

pub use settings::{AtMaxHold, HoldSettings};
pub use waiting::Held;

pub(crate) use unmasked::Unmasked;
pub(crate) use waiting::{Hold, Verdict};
