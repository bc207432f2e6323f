//! What was written by when: the curve that a plot of a stream draws, in constant memory.

use midstream_series::Timestamp;

use crate::{ChannelKind, Channels};

/// Points kept at most; at that many every second one goes, and from then on half as many come.
const MAX_POINTS: usize = 128;
/// Findings whose place is kept at most.
const MAX_FOUND: usize = 256;

/// A moment and the characters written until then, of all channels but sound.
pub type CoursePoint = (Timestamp, u64);

/// The course of one stream. O(channels) a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    began: Option<Timestamp>,
    points: Vec<CoursePoint>,
    /// Of so many chunks with content one is kept.
    every: u32,
    skipped: u32,
    last: Option<CoursePoint>,
    longest_gap: Option<(CoursePoint, CoursePoint)>,
    found: Vec<CoursePoint>,
}

impl Course {
    /// Of a stream that was asked for at `started`.
    pub(crate) fn new(started: Option<Timestamp>) -> Self {
        Self { began: started, ..Self::default() }
    }

    /// A call of the guard at `now` is over, and made so many findings.
    pub(crate) fn note(&mut self, now: Timestamp, channels: &Channels, findings: usize) {
        let began = *self.began.get_or_insert(now);
        let now = self.last.map_or(began, |(before, _)| before).max(now);
        let written = written(channels);
        let room = MAX_FOUND - self.found.len();
        self.found.extend(std::iter::repeat_n((now, written), findings.min(room)));
        if self.last.map_or(written > 0, |(_, before)| before < written) {
            self.add((now, written));
        }
    }

    fn add(&mut self, point: CoursePoint) {
        if let Some(before) = self.last.replace(point) {
            let longest = self.longest_gap.map(|(from, to)| to.0 - from.0);
            if longest.is_none_or(|longest| point.0 - before.0 > longest) {
                self.longest_gap = Some((before, point));
            }
        }
        self.skipped += 1;
        if self.skipped < self.every {
            return;
        }
        self.skipped = 0;
        if self.points.len() == MAX_POINTS {
            let mut odd = true;
            self.points.retain(|_| {
                odd = !odd;
                !odd
            });
            self.every = 2 * self.every.max(1);
        }
        if self.points.capacity() == 0 {
            self.points.reserve_exact(MAX_POINTS);
        }
        self.points.push(point);
    }

    /// When the stream was asked for, else when its first chunk came.
    pub fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// The points that were kept, the last one always; none where the clock never moved.
    pub fn points(&self) -> impl Iterator<Item = CoursePoint> {
        let moved = self.last.zip(self.began).is_some_and(|(last, began)| last.0 > began);
        let last = self.last.filter(|last| self.points.last() != Some(last));
        self.points.iter().copied().chain(last).filter(move |_| moved)
    }

    /// Where the first findings were made, in the order of the summary's.
    pub fn found(&self) -> &[CoursePoint] {
        &self.found
    }

    /// The two chunks with content between which most time passed.
    pub fn longest_gap(&self) -> Option<(CoursePoint, CoursePoint)> {
        self.longest_gap
    }
}

pub(crate) fn written(channels: &Channels) -> u64 {
    let channels = channels.iter().filter(|(_, channel)| channel.kind() != ChannelKind::Audio);
    channels.map(|(_, channel)| channel.characters).sum()
}

crate::keep::keep!(struct Course { began, points, every, skipped, last, longest_gap, found });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Close, Guard, Options};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    fn course(chunks: i64) -> Course {
        let mut guard = Guard::new(Options::default()).unwrap();
        for number in 0..chunks {
            guard.push_text(ChannelKind::Text, &format!("line {number}; "), at(number * 10)).unwrap();
        }
        guard.finish(Close::Clean, at(chunks * 10)).unwrap();
        guard.course().clone()
    }

    #[test]
    fn every_chunk_of_a_short_stream_is_a_point() {
        let course = course(3);
        let points: Vec<_> = course.points().collect();
        assert_eq!(points, [(at(0), 8), (at(10), 16), (at(20), 24)]);
        assert_eq!(course.longest_gap(), Some(((at(0), 8), (at(10), 16))));
        assert!(course.found().is_empty());
    }

    #[test]
    fn a_long_stream_keeps_few_points_its_last_among_them() {
        let course = course(10_000);
        let points: Vec<_> = course.points().collect();
        assert!((MAX_POINTS / 2..=MAX_POINTS + 1).contains(&points.len()), "{}", points.len());
        assert!(points.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(points.first().map(|point| point.0), Some(at(0)));
        assert_eq!(points.last().map(|point| point.0), Some(at(99_990)));
    }

    #[test]
    fn a_finding_is_where_it_was_made() {
        let mut guard = Guard::new(Options::default()).unwrap();
        for number in 0..9 {
            guard.push_text(ChannelKind::Text, "I am done. ", at(number)).unwrap();
        }
        guard.finish(Close::Stopped, at(20)).unwrap();
        assert_eq!(guard.course().found(), [(at(8), 99)]);
    }

    #[test]
    fn a_clock_that_never_moved_has_no_points() {
        let mut guard = Guard::new(Options::default()).unwrap();
        guard.push_text(ChannelKind::Text, "All is well.", at(0)).unwrap();
        guard.finish(Close::Clean, at(0)).unwrap();
        assert_eq!(guard.course().points().count(), 0);
    }
}
