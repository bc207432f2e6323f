//! The one place that reads the time, and the threads of what runs beside the data path.

mod clock;
mod pool;

pub use clock::{Clock, ManualClock, SystemClock};
pub use pool::{Deferred, Missed, Pool, PoolCounts, PoolLimits, Refused};
