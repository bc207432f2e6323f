use std::collections::BTreeMap;

use midstream_series::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::settings::{self, Asked};
use crate::{Action, Error, Finding};

/// When a quiet stream counts as stalled. Times are seconds in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaceSettings {
    /// What a stall asks for. `None` switches the check off.
    #[serde(deserialize_with = "settings::action")]
    pub stall: Option<Action>,
    /// Longest wait for the first byte, in seconds.
    pub first_byte_s: f64,
    /// Longest time without a byte after the first, in seconds.
    pub idle_s: f64,
    /// Longest time with nothing but pings and comments, in seconds.
    pub no_progress_s: f64,
}

impl Default for PaceSettings {
    fn default() -> Self {
        Self { stall: Some(Action::Warn), first_byte_s: 300.0, idle_s: 30.0, no_progress_s: 120.0 }
    }
}

impl PaceSettings {
    pub(crate) fn asked(&self) -> Asked {
        Asked::new("pace.stall", self.stall)
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let limits = [
            ("pace.first_byte_s", self.first_byte_s),
            ("pace.idle_s", self.idle_s),
            ("pace.no_progress_s", self.no_progress_s),
        ];
        match limits.into_iter().find(|(_, seconds)| !(*seconds > 0.0 && *seconds <= 1e6)) {
            Some((field, seconds)) => Err(Error::Setting {
                field: field.into(),
                value: seconds.to_string(),
                allowed: "above 0 and at most 1000000 seconds".into(),
            }),
            None => Ok(()),
        }
    }
}

/// Times of one stream. `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PaceSummary {
    /// From the start to the first byte.
    pub first_byte_s: Option<f64>,
    /// From the start to the first event.
    pub first_event_s: Option<f64>,
    /// From the start to the first character of the answer; role-only, ping and reasoning events do not count.
    pub first_text_s: Option<f64>,
    /// Median gap between chunks with content.
    pub gap_p50_s: Option<f64>,
    /// 99th percentile of the gaps.
    pub gap_p99_s: Option<f64>,
    /// Longest gap between two chunks of any content.
    pub longest_gap_s: Option<f64>,
    /// Stalls found.
    pub stalls: u64,
    /// Output tokens by the time from the first content to the last. None where buffers set that time and not a model:
    /// below a tenth of a second, or above 256 tokens a chunk.
    pub tokens_per_s: Option<f64>,
    /// From the start, or the first byte where that is unknown, to the end.
    pub duration_s: Option<f64>,
}

/// The shortest time from the first content to the last that gives a rate.
const SHORTEST_WRITING_S: f64 = 0.1;
/// The most tokens that a chunk holds on average where they came as they were made.
const MAX_TOKENS_PER_CHUNK: u64 = 256;

/// What a stall is of where bytes come.
const KEEP_ALIVES: &str = "nothing but keep-alives";

/// What a chunk held, for the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) event: bool,
    /// Text, reasoning, tool arguments or sound.
    pub(crate) content: bool,
    /// Text of the answer.
    pub(crate) text: bool,
    /// Anything but pings and comments.
    pub(crate) progress: bool,
}

/// The times of [`PaceSettings`].
#[derive(Clone, Copy, Debug)]
struct Limits {
    first_byte: Span,
    idle: Span,
    no_progress: Span,
}

impl Limits {
    fn of(settings: PaceSettings) -> Self {
        let span = |seconds: f64| Span::from_nanos((seconds * 1e9) as i64);
        Self {
            first_byte: span(settings.first_byte_s),
            idle: span(settings.idle_s),
            no_progress: span(settings.no_progress_s),
        }
    }
}

/// The clocks of one stream. O(1) a chunk.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    stall: Option<Action>,
    limits: Limits,
    started: Option<Timestamp>,
    first_byte: Option<Timestamp>,
    first_event: Option<Timestamp>,
    first_text: Option<Timestamp>,
    first_content: Option<Timestamp>,
    last_content: Option<Timestamp>,
    last_byte: Option<Timestamp>,
    last_progress: Option<Timestamp>,
    resumed: Option<Timestamp>,
    gaps: Quantiles,
    stalls: u64,
    /// A stall was found, and no byte came since.
    stalled: bool,
    /// One of keep-alives alone was found, and nothing else came since.
    unmoved: bool,
}

impl Pace {
    pub(crate) fn new(settings: PaceSettings, started: Option<Timestamp>) -> Self {
        Self {
            stall: settings.stall,
            limits: Limits::of(settings),
            started,
            first_byte: None,
            first_event: None,
            first_text: None,
            first_content: None,
            last_content: None,
            last_byte: None,
            last_progress: None,
            resumed: None,
            gaps: Quantiles::default(),
            stalls: 0,
            stalled: false,
            unmoved: false,
        }
    }

    /// A chunk that arrived at `now` was read. A stall before it is found by `tick`.
    pub(crate) fn chunk(&mut self, chunk: Chunk, now: Timestamp) {
        // One silence is one stall, though it outlasts both clocks.
        self.unmoved |= self.moved_until().is_some_and(|until| now >= until);
        self.stalled = false;
        self.first_byte.get_or_insert(now);
        self.last_byte = Some(now);
        if chunk.progress || self.last_progress.is_none() {
            self.last_progress = Some(now);
            self.unmoved = false;
        }
        if chunk.event {
            self.first_event.get_or_insert(now);
        }
        if chunk.text {
            self.first_text.get_or_insert(now);
        }
        if chunk.content {
            self.first_content.get_or_insert(now);
            if let Some(before) = self.last_content.replace(now) {
                self.gaps.add(now - self.not_before_resumed(before));
            }
        }
    }

    /// The owner reads on at `now` after a pause of its own: neither that time nor bytes that wait since are a stall.
    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.resumed = Some(now);
        self.stalled = false;
        self.unmoved = false;
    }

    fn not_before_resumed(&self, moment: Timestamp) -> Timestamp {
        self.resumed.map_or(moment, |resumed| moment.max(resumed))
    }

    /// Time passed without a byte.
    pub(crate) fn tick(&mut self, now: Timestamp, findings: &mut Vec<Finding>) {
        let Some((deadline, what)) = self.deadline() else { return };
        if now < deadline {
            return;
        }
        self.stalled = true;
        self.stalls += 1;
        let Some(action) = self.stall else { return };
        let since = self.last_byte.or(self.started).or(self.resumed).unwrap_or(now);
        let waited = now - self.not_before_resumed(since);
        let tenths = (waited.as_nanos() + 50_000_000) / 100_000_000;
        findings.push(Finding {
            check: "pace",
            kind: "stall".into(),
            action,
            channel: None,
            offset: None,
            onset: None,
            period: None,
            score: waited.as_secs_f64(),
            evidence: what.to_owned(),
            explanation: format!("{what} for {}.{} s", tenths / 10, tenths % 10),
        });
    }

    /// When `tick` is next needed.
    pub(crate) fn tick_at(&self) -> Option<Timestamp> {
        self.stall.and_then(|_| self.deadline()).map(|(deadline, _)| deadline)
    }

    /// The next moment that would be a stall, and what it would be; none while stalled already.
    fn deadline(&self) -> Option<(Timestamp, &'static str)> {
        if self.stalled {
            return None;
        }
        let Some(last_byte) = self.last_byte else {
            let since = self.not_before_resumed(self.started.or(self.resumed)?);
            return Some((since + self.limits.first_byte, "no first byte"));
        };
        let idle = self.not_before_resumed(last_byte) + self.limits.idle;
        match self.moved_until().filter(|_| !self.unmoved) {
            Some(unmoved) if unmoved < idle => Some((unmoved, KEEP_ALIVES)),
            _ => Some((idle, "no byte")),
        }
    }

    /// How long keep-alives alone are no stall.
    fn moved_until(&self) -> Option<Timestamp> {
        self.last_progress.map(|progress| self.not_before_resumed(progress) + self.limits.no_progress)
    }

    /// Each gap between chunks with content, in seconds, and how often it was; none by a clock that never moved.
    pub(crate) fn gaps(&self, now: Timestamp) -> Vec<(f64, u32)> {
        if self.stands_still(now) { Vec::new() } else { self.gaps.counts() }
    }

    fn stands_still(&self, now: Timestamp) -> bool {
        self.started.or(self.first_byte) == Some(now)
    }

    /// The summary at `now`; `tokens` are output tokens, reported or estimated. A clock that never moved tells nothing.
    pub(crate) fn summary(&self, now: Timestamp, tokens: Option<u64>) -> PaceSummary {
        if self.stands_still(now) {
            return PaceSummary { stalls: self.stalls, ..PaceSummary::default() };
        }
        let since_start = |moment: Option<Timestamp>| Some((moment? - self.started?).as_secs_f64());
        let writing = self.first_content.zip(self.last_content).map(|(first, last)| (last - first).as_secs_f64());
        let few = |tokens: &u64| *tokens <= MAX_TOKENS_PER_CHUNK * (self.gaps.count + 1);
        let rate = tokens.filter(few).zip(writing.filter(|seconds| *seconds >= SHORTEST_WRITING_S));
        PaceSummary {
            first_byte_s: since_start(self.first_byte),
            first_event_s: since_start(self.first_event),
            first_text_s: since_start(self.first_text),
            gap_p50_s: self.gaps.quantile(0.5),
            gap_p99_s: self.gaps.quantile(0.99),
            longest_gap_s: self.gaps.longest(),
            stalls: self.stalls,
            tokens_per_s: rate.map(|(tokens, seconds)| tokens as f64 / seconds),
            duration_s: self.started.or(self.first_byte).map(|start| (now - start).as_secs_f64()),
        }
    }
}

/// The earlier of two moments, where there are any.
pub(crate) fn sooner(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

/// Quantiles of spans with 1 % relative error: counts in logarithmic buckets, as DDSketch.
///
/// C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
/// guarantees", VLDB 2019.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quantiles {
    buckets: BTreeMap<u16, u32>,
    count: u64,
    longest: Option<Span>,
}

/// Ratio of two neighbouring bucket borders: (1 + e) / (1 - e) for a relative error e of 1 %.
const GAMMA: f64 = 1.01 / 0.99;

impl Quantiles {
    pub(crate) fn add(&mut self, span: Span) {
        let nanos = span.as_nanos().max(0);
        let bucket = if nanos < 1_000 { 0 } else { 1 + ((nanos as f64 / 1e3).ln() / GAMMA.ln()).ceil() as u16 };
        *self.buckets.entry(bucket).or_default() += 1;
        self.count += 1;
        self.longest = self.longest.max(Some(span));
    }

    /// In seconds. Below a microsecond everything is 0.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        let rank = (q * self.count.saturating_sub(1) as f64).round() as u64;
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += u64::from(*count);
            if seen > rank {
                return Some(middle(*bucket));
            }
        }
        None
    }

    /// What was added: values in seconds, and how often each.
    pub(crate) fn counts(&self) -> Vec<(f64, u32)> {
        self.buckets.iter().map(|(bucket, count)| (middle(*bucket), *count)).collect()
    }

    fn longest(&self) -> Option<f64> {
        self.longest.map(Span::as_secs_f64)
    }
}

/// What a bucket stands for, in seconds.
fn middle(bucket: u16) -> f64 {
    if bucket == 0 { 0.0 } else { 2.0 / (1.0 + GAMMA) * GAMMA.powi(i32::from(bucket) - 1) * 1e-6 }
}

crate::keep::keep!(state Pace { started, first_byte, first_event, first_text, first_content, last_content, last_byte, last_progress, resumed, gaps, stalls, stalled, unmoved } rest { stall, limits });
crate::keep::keep!(struct Quantiles { buckets, count, longest });

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Chunk = Chunk { event: true, content: true, text: true, progress: true };
    const PING: Chunk = Chunk { event: true, content: false, text: false, progress: false };

    fn chunk(pace: &mut Pace, chunk: Chunk, now: Timestamp, findings: &mut Vec<Finding>) {
        pace.tick(now, findings);
        pace.chunk(chunk, now);
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_stall_is_found_once_until_bytes_come_back() {
        let (mut pace, mut findings) = (Pace::new(PaceSettings::default(), Some(at(0))), Vec::new());
        chunk(&mut pace, TEXT, at(1), &mut findings);
        assert_eq!(pace.tick_at(), Some(at(31)));
        pace.tick(at(30), &mut findings);
        assert!(findings.is_empty());
        pace.tick(at(31), &mut findings);
        pace.tick(at(40), &mut findings);
        chunk(&mut pace, TEXT, at(50), &mut findings);
        pace.tick(at(80), &mut findings);
        assert_eq!(findings.len(), 2);
        assert_eq!(pace.summary(at(80), None).stalls, 2);
    }

    #[test]
    fn a_pause_of_the_owner_is_no_stall_and_no_gap() {
        let (mut pace, mut findings) = (Pace::new(PaceSettings::default(), None), Vec::new());
        assert_eq!(pace.tick_at(), None);
        pace.resume(at(0));
        assert_eq!(pace.tick_at(), Some(at(300)));
        chunk(&mut pace, TEXT, at(1), &mut findings);
        pace.resume(at(100));
        chunk(&mut pace, TEXT, at(102), &mut findings);
        assert!(findings.is_empty());
        assert_eq!(pace.summary(at(102), None).longest_gap_s, Some(2.0));
        pace.tick(at(133), &mut findings);
        assert_eq!(findings[0].explanation, "no byte for 31.0 s");
    }

    #[test]
    fn pings_feed_the_idle_clock_and_not_the_other() {
        let (mut pace, mut findings) = (Pace::new(PaceSettings::default(), Some(at(0))), Vec::new());
        chunk(&mut pace, TEXT, at(0), &mut findings);
        for second in 1..=12 {
            chunk(&mut pace, PING, at(second * 10), &mut findings);
        }
        let kinds: Vec<&str> = findings.iter().map(|finding| finding.evidence.as_str()).collect();
        assert_eq!(kinds, ["nothing but keep-alives"]);
    }

    #[test]
    fn keep_alives_alone_are_one_stall_until_something_else_comes() {
        let (mut pace, mut findings) = (Pace::new(PaceSettings::default(), Some(at(0))), Vec::new());
        chunk(&mut pace, TEXT, at(0), &mut findings);
        for second in 1..=30 {
            chunk(&mut pace, PING, at(second * 10), &mut findings);
        }
        assert_eq!(findings.len(), 1);
        pace.tick(at(330), &mut findings);
        assert_eq!(findings[1].evidence, "no byte");
        chunk(&mut pace, TEXT, at(331), &mut findings);
        for second in 34..=50 {
            chunk(&mut pace, PING, at(second * 10), &mut findings);
        }
        assert_eq!(findings.len(), 3);
    }

    #[test]
    fn a_silence_that_outlasts_both_clocks_is_one_stall() {
        let (mut pace, mut findings) = (Pace::new(PaceSettings::default(), Some(at(0))), Vec::new());
        chunk(&mut pace, TEXT, at(0), &mut findings);
        for (told, late) in [(None, 200), (Some(235), 600)] {
            findings.clear();
            told.into_iter().for_each(|told| pace.tick(at(told), &mut findings));
            chunk(&mut pace, PING, at(late), &mut findings);
            chunk(&mut pace, TEXT, at(late), &mut findings);
            assert_eq!(findings.len(), 1);
        }
    }

    #[test]
    fn before_the_first_byte_the_wait_may_be_longer() {
        let (mut pace, mut findings) = (Pace::new(PaceSettings::default(), Some(at(0))), Vec::new());
        pace.tick(at(299), &mut findings);
        assert!(findings.is_empty());
        pace.tick(at(300), &mut findings);
        assert_eq!(findings[0].explanation, "no first byte for 300.0 s");
    }

    #[test]
    fn a_clock_that_never_moved_tells_no_times() {
        let (mut pace, mut findings) = (Pace::new(PaceSettings::default(), Some(at(5))), Vec::new());
        chunk(&mut pace, TEXT, at(5), &mut findings);
        chunk(&mut pace, TEXT, at(5), &mut findings);
        assert_eq!(pace.summary(at(5), Some(9)), PaceSummary::default());
        assert_eq!(pace.summary(at(6), Some(9)).gap_p50_s, Some(0.0));
    }

    #[test]
    fn a_rate_that_buffers_set_is_none() {
        let rate = |times_ms: &[i64], tokens| {
            let mut pace = Pace::new(PaceSettings::default(), Some(at(0)));
            let times = times_ms.iter().map(|ms| Timestamp::from_nanos(ms * 1_000_000));
            times.for_each(|time| pace.chunk(TEXT, time));
            pace.summary(at(9), Some(tokens)).tokens_per_s
        };
        assert_eq!(rate(&[1000], 20), None);
        assert_eq!(rate(&[1000, 1099], 20), None);
        assert_eq!(rate(&[1000, 2000, 3000], 20), Some(10.0));
        assert_eq!(rate(&[1000, 3000], 512), Some(256.0));
        assert_eq!(rate(&[1000, 3000], 513), None);
    }

    #[test]
    fn quantiles_are_within_one_percent_of_the_sorted_list() {
        let mut quantiles = Quantiles::default();
        let mut sorted: Vec<f64> = (0..1000).map(|i| 0.001 * 1.01_f64.powi((i * 7919) % 1000)).collect();
        for seconds in &sorted {
            quantiles.add(Span::from_nanos((seconds * 1e9) as i64));
        }
        sorted.sort_by(f64::total_cmp);
        for q in [0.0_f64, 0.1, 0.5, 0.9, 0.99, 1.0] {
            let exact = sorted[(q * 999.0).round() as usize];
            let sketched = quantiles.quantile(q).unwrap();
            assert!((sketched / exact - 1.0).abs() < 0.0101, "q {q}: {sketched} against {exact}");
        }
    }
}
