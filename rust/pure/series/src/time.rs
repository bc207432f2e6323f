use std::ops::{Add, Sub};

/// A moment: integer nanoseconds from an origin the caller chose.
///
/// ```
/// use midstream_series::{Span, Timestamp};
/// let start = Timestamp::from_nanos(1_000);
/// assert_eq!((start + Span::from_nanos(500)) - start, Span::from_nanos(500));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A length of time in integer nanoseconds; negative where a clock went back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Timestamp {
    /// The moment `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A span of `millis` milliseconds, saturating at the largest span.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of `seconds` seconds, saturating at the largest span.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds in this span.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Seconds in this span, rounded to the nearest `f64`.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    /// Saturates at the last representable moment.
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;

    /// Saturates at the longest representable span.
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_differences_saturate_at_the_ends_of_time() {
        let last = Timestamp::from_nanos(i64::MAX);
        assert_eq!(last + Span::from_secs(1), last);
        assert_eq!(last - Timestamp::from_nanos(-1), Span::from_nanos(i64::MAX));
    }

    #[test]
    fn a_span_of_one_and_a_half_seconds_prints_as_such() {
        assert_eq!(Span::from_millis(1_500).as_secs_f64(), 1.5);
    }
}
