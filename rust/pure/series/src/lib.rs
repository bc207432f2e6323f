//! Time and containers that the pure crates share. Nothing here reads a clock.

mod time;

pub use time::{Span, Timestamp};
