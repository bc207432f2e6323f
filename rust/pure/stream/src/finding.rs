use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What a finding asks for, weakest first, so that the greatest of several wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing was found.
    #[default]
    Pass,
    /// Record it.
    Observe,
    /// Record it and tell the caller.
    Warn,
    /// Tell the model in its next turn.
    Hint,
    /// Let another model continue.
    Reroute,
    /// End the reasoning and ask for the answer.
    EndReasoning,
    /// Replace it in the text that passes.
    Redact,
    /// Let the text wait until the caller has looked at it.
    Hold,
    /// End the stream.
    Stop,
}

impl Action {
    /// Every action, weakest first.
    pub const ALL: [Self; 9] = [
        Self::Pass,
        Self::Observe,
        Self::Warn,
        Self::Hint,
        Self::Reroute,
        Self::EndReasoning,
        Self::Redact,
        Self::Hold,
        Self::Stop,
    ];

    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Observe => "observe",
            Self::Warn => "warn",
            Self::Hint => "hint",
            Self::Reroute => "reroute",
            Self::EndReasoning => "end_reasoning",
            Self::Redact => "redact",
            Self::Hold => "hold",
            Self::Stop => "stop",
        }
    }

    /// Whether nothing more of this stream passes: what follows, if anything does, is asked for anew.
    pub const fn halts(self) -> bool {
        matches!(self, Self::EndReasoning | Self::Reroute | Self::Stop)
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The check: `actions`, `budget`, `ending`, `pace`, `redact`, `repeat`.
    pub check: &'static str,
    /// What of it: `exact`, `counter`, `near`, `truncated`, `failed`, `stall`, a rule's name, ...
    pub kind: Cow<'static, str>,
    /// What the settings ask for; under shadow what they would have asked for.
    pub action: Action,
    /// The channel's id, where it is about one.
    pub channel: Option<String>,
    /// Characters of the channel's text up to and including the one that fired; of actions, steps.
    pub offset: Option<u64>,
    /// Where the first repeat begins, in characters of the channel's text; of actions, the step of the first copy.
    pub onset: Option<u64>,
    /// Characters of one copy; of actions, calls of one turn.
    pub period: Option<u64>,
    /// Strength of the evidence, in copies for loops.
    pub score: f64,
    /// At most 80 characters of what was seen, for example one copy of a loop.
    pub evidence: String,
    /// One sentence for people.
    pub explanation: String,
}

crate::keep::keep!(
    enum Action {
        Pass,
        Observe,
        Warn,
        Hint,
        Reroute,
        EndReasoning,
        Redact,
        Hold,
        Stop,
    }
);
crate::keep::keep!(struct Finding { check, kind, action, channel, offset, onset, period, score, evidence, explanation });
