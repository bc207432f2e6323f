//! The one place that reads the time.

mod clock;

pub use clock::{Clock, ManualClock, SystemClock};
