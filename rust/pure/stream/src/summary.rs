use serde::{Serialize, Serializer};

use crate::emit::Known;
use crate::{Anomalies, Channel, Ending, Finding, PaceSummary, ToolCall, Usage, UsageSource};

/// A stream after its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The dialect's name; `text` where text was pushed.
    pub dialect: &'static str,
    /// The dialect that the events are of, where it is not the one given.
    pub looks_like: Option<&'static str>,
    /// The framing's name.
    pub framing: &'static str,
    /// Raw bytes read.
    pub bytes: u64,
    /// Events read.
    pub events: u64,
    /// How it ended.
    #[serde(flatten, serialize_with = "flat_ending")]
    pub ending: Ending,
    /// The provider's own words, in order.
    pub finish_reasons: Vec<String>,
    /// The provider's id of the response.
    pub id: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// Faults that were survived.
    pub anomalies: Anomalies,
    /// Channels in order of their first text.
    pub channels: Vec<ChannelSummary>,
    /// Tool calls in order of their start.
    pub tool_calls: Vec<ToolCall>,
    /// Token counts of all responses of the stream together.
    pub usage: Usage,
    /// What it cost at the prices of the budget; `None` without prices, and where nothing was counted.
    pub cost: Option<f64>,
    /// Where that comes from.
    pub cost_source: UsageSource,
    /// Times.
    pub pace: PaceSummary,
    /// Each gap between chunks with content, in seconds to 1 %, with how often it was; a guard alone gives them.
    #[serde(skip)]
    pub gaps: Vec<(f64, u32)>,
    /// What the checks found, in stream order.
    pub findings: Vec<Finding>,
    /// What to say to the model in its next turn, one sentence for each finding that asks for it.
    pub hints: Vec<String>,
    /// What was redacted and held; `None` where no rules were given.
    pub redact: Option<RedactSummary>,
    /// What waited for the caller's check; `None` where nothing is held.
    pub hold: Option<HoldSummary>,
    /// How often the given time went back and was clamped.
    pub clock_regressions: u64,
}

/// What redaction did to a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RedactSummary {
    /// Matches replaced in the text of channels.
    pub redactions: u64,
    /// Matches replaced elsewhere: in copies of that text, errors, results.
    pub copies: u64,
    /// Bytes of decoded text that are held.
    pub held_bytes: u64,
    /// The most at a time.
    pub held_bytes_max: u64,
    /// Bytes that were held for some time, all together.
    pub held_bytes_total: u64,
    /// Half of what was held waited no longer.
    pub hold_p50_s: Option<f64>,
    /// 99 of 100.
    pub hold_p99_s: Option<f64>,
    /// How long each text waited, in seconds to 1 %, with how many did; empty under shadow, where none waits.
    #[serde(skip)]
    pub holds: Vec<(f64, u32)>,
}

/// What waited for the caller's check, and how long.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HoldSummary {
    /// Texts that the check was asked for.
    pub pieces: u64,
    /// Texts that it refused.
    pub refused: u64,
    /// Texts for which it took too long.
    pub late: u64,
    /// Bytes of decoded text that wait.
    pub held_bytes: u64,
    /// The most at a time.
    pub held_bytes_max: u64,
    /// All of them together.
    pub held_bytes_total: u64,
    /// Half of the texts waited no longer, from their first character on.
    pub hold_p50_s: Option<f64>,
    /// 99 of 100.
    pub hold_p99_s: Option<f64>,
    /// How long each text waited, in seconds to 1 %, with how many did; empty under shadow, where none waits.
    #[serde(skip)]
    pub holds: Vec<(f64, u32)>,
}

/// One channel after the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChannelSummary {
    /// Its id.
    pub id: String,
    /// What it carried.
    pub kind: &'static str,
    /// Characters (code points) of its decoded text; bytes for audio.
    pub characters: u64,
}

impl Summary {
    pub(crate) fn new(
        known: &Known,
        ending: Ending,
        pace: PaceSummary,
        findings: Vec<Finding>,
        clock_regressions: u64,
    ) -> Self {
        Self {
            dialect: "text",
            looks_like: None,
            framing: "text",
            bytes: 0,
            events: known.events,
            ending,
            finish_reasons: known.finish_reasons.clone(),
            id: known.id.clone(),
            model: known.model.clone(),
            anomalies: known.anomalies,
            channels: known.channels.iter().map(|(_, channel)| ChannelSummary::of(channel)).collect(),
            tool_calls: known.tools.calls().to_vec(),
            usage: with_estimate(known),
            cost: None,
            cost_source: UsageSource::Unknown,
            pace,
            gaps: Vec::new(),
            findings,
            hints: Vec::new(),
            redact: known.mask.as_ref().and_then(|mask| mask.summary()),
            hold: None,
            clock_regressions,
        }
    }

    /// The summary as one JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl ChannelSummary {
    fn of(channel: &Channel) -> Self {
        Self { id: channel.id.clone(), kind: channel.kind().name(), characters: channel.characters }
    }
}

/// Reported counts, and where the output is not reported an estimate that says so.
fn with_estimate(known: &Known) -> Usage {
    let usage = known.usage();
    match (usage.output, known.estimated_tokens()) {
        (None, Some(tokens)) => Usage { output: Some(tokens), source: UsageSource::Estimated, ..usage },
        _ => usage,
    }
}

fn flat_ending<S: Serializer>(ending: &Ending, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("ending", ending.state.name())?;
    map.serialize_entry("ending_notes", &ending.notes)?;
    map.end()
}
