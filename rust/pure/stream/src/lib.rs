//! Watch one LLM stream while it runs: bytes to events, events to findings, findings to one decision per chunk.
//!
//! Nothing here reads a clock, starts a thread or does I/O: times are arguments, so a replay gives the same run.

mod actions;
mod anomaly;
mod budget;
mod channel;
mod checks;
mod closing;
mod continues;
mod course;
mod decision;
mod decode;
mod detector;
mod dialect;
mod emit;
mod ending;
mod error;
mod event;
mod finding;
mod guard;
mod hint;
mod hold;
mod json;
mod keep;
mod pace;
pub mod redact;
mod repeat;
mod settings;
mod snapshot;
mod summary;
mod tools;

pub use actions::{ActionLimits, Actions, ActionsSettings, AgentChecks, AgentDecision, AgentSummary, History, Step};
pub use anomaly::{Anomalies, Anomaly};
pub use budget::BudgetSettings;
pub use channel::{Channel, ChannelIndex, ChannelKey, ChannelKind, Channels, MAX_CHANNELS, Place};
pub use checks::Checks;
pub use closing::{Broken, End};
pub use continues::Continues;
pub use course::{Course, CoursePoint};
pub use decision::{Decision, Forward};
pub use decode::Framing;
pub use detector::{Detector, Source};
pub use dialect::Dialect;
pub use ending::{Close, Ending, EndingSettings, EndingState};
pub use error::Error;
pub use event::{Event, EventKind, Events, Reason, Text, Usage, UsageSource};
pub use finding::{Action, Finding};
pub use guard::{Guard, Options};
pub use hold::{AtMaxHold, Held, HoldSettings};
pub use pace::{PaceSettings, PaceSummary};
pub use repeat::{Repeat, RepeatActions, RepeatSettings};
pub use settings::{
    FileError, MAX_FILE, NOT_SHOWN, Settings, guard_file_of_json, json_of_guard_file, read_guard_file,
    read_json_tables, read_tables,
};
pub use snapshot::SnapshotFault;
pub use summary::{ChannelSummary, HoldSummary, RedactSummary, Summary};
pub use tools::ToolCall;
