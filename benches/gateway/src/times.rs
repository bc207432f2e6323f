//! Times: of the clock that the processes of one machine share, inside of texts, and many of them.

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// What stands before a time in a text.
pub(crate) const MARK: u8 = b'~';
const LETTERS: usize = 16;

/// Nanoseconds of the clock that nobody sets.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or_default()
}

/// A time as letters, which no rule takes for a number.
pub(crate) fn letters(time: u64) -> String {
    let letter = |place: usize| char::from(b'a' + u8::try_from(time >> (60 - 4 * place) & 15).unwrap_or_default());
    (0..LETTERS).map(letter).collect()
}

/// The times that stand in a text.
pub(crate) fn times_of(text: &[u8]) -> impl Iterator<Item = u64> {
    let time = |rest: &[u8]| {
        let letters = rest.get(..LETTERS)?;
        letters.iter().try_fold(0, |time, letter| Some(time << 4 | u64::from(letter.checked_sub(b'a')?)))
    };
    text.split(|byte| *byte == MARK).skip(1).filter_map(time)
}

/// Of many spans in microseconds.
#[derive(Serialize)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    max_us: f64,
}

impl Spread {
    /// Of spans in nanoseconds.
    pub(crate) fn of(mut spans: Vec<u64>) -> Self {
        spans.sort_unstable();
        let last = spans.len().saturating_sub(1);
        let at =
            |share: f64| spans.get((last as f64 * share).round() as usize).copied().unwrap_or_default() as f64 / 1e3;
        Self { count: spans.len(), p50_us: at(0.5), p90_us: at(0.9), p99_us: at(0.99), max_us: at(1.0) }
    }
}
