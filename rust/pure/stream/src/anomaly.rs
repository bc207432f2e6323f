use serde::Serialize;

/// A fault of the stream that analysis survived. Bytes pass all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Anomaly {
    /// Bytes came after the end mark.
    AfterEnd,
    /// Analysis itself failed and was switched off for the rest of the stream.
    AnalysisFailed,
    /// A payload is not JSON.
    BadJson,
    /// Bytes that are not UTF-8.
    BadUtf8,
    /// A checksum of a binary frame is wrong.
    CrcMismatch,
    /// A second start of the same message.
    DuplicateStart,
    /// A sequence number or index was skipped.
    IndexGap,
    /// A limit was passed; what lies beyond was not analysed.
    Limit,
    /// A result came for a call that is not known or has one already.
    OrphanResult,
    /// JSON nested deeper than 128 levels, which many readers of JSON refuse.
    TooDeep,
    /// An event of a name this version does not know.
    UnknownEvent,
    /// The last event came without its delimiter.
    UnterminatedEvent,
    /// The events are of another dialect than the one given.
    WrongDialect,
}

const COUNT: usize = 13;

impl Anomaly {
    const ALL: [Self; COUNT] = [
        Self::AfterEnd,
        Self::AnalysisFailed,
        Self::BadJson,
        Self::BadUtf8,
        Self::CrcMismatch,
        Self::DuplicateStart,
        Self::IndexGap,
        Self::Limit,
        Self::OrphanResult,
        Self::TooDeep,
        Self::UnknownEvent,
        Self::UnterminatedEvent,
        Self::WrongDialect,
    ];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AfterEnd => "after_end",
            Self::AnalysisFailed => "analysis_failed",
            Self::BadJson => "bad_json",
            Self::BadUtf8 => "bad_utf8",
            Self::CrcMismatch => "crc_mismatch",
            Self::DuplicateStart => "duplicate_start",
            Self::IndexGap => "index_gap",
            Self::Limit => "limit",
            Self::OrphanResult => "orphan_result",
            Self::TooDeep => "too_deep",
            Self::UnknownEvent => "unknown_event",
            Self::UnterminatedEvent => "unterminated_event",
            Self::WrongDialect => "wrong_dialect",
        }
    }
}

/// How often each anomaly was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anomalies([u64; COUNT]);

impl Anomalies {
    /// How often `anomaly` was seen.
    pub fn count(&self, anomaly: Anomaly) -> u64 {
        self.0[anomaly as usize]
    }

    /// Those seen at least once, in the order of their names, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Anomaly, u64)> {
        Anomaly::ALL.into_iter().map(|anomaly| (anomaly, self.count(anomaly))).filter(|(_, count)| *count > 0)
    }

    pub(crate) fn add(&mut self, anomaly: Anomaly) {
        self.0[anomaly as usize] += 1;
    }
}

impl Serialize for Anomalies {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(anomaly, count)| (anomaly.name(), count)))
    }
}

crate::keep::keep!(tuple Anomalies);
