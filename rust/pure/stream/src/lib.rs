//! Watch one LLM stream while it runs: bytes to events, events to findings, findings to one decision per chunk.
//!
//! Nothing here reads a clock, starts a thread or does I/O: times are arguments, so a replay gives the same run.

mod anomaly;
mod channel;
mod checks;
mod decode;
mod detector;
mod dialect;
mod emit;
mod ending;
mod error;
mod event;
mod finding;
mod json;
mod pace;
mod repeat;
mod settings;
mod tools;

pub use anomaly::{Anomalies, Anomaly};
pub use channel::{Channel, ChannelIndex, ChannelKey, ChannelKind, Channels, MAX_CHANNELS, Place};
pub use detector::{Detector, Source};
pub use ending::{Close, Ending, EndingSettings, EndingState};
pub use error::Error;
pub use event::{Event, EventKind, Events, Reason, Text, Usage, UsageSource};
pub use finding::{Action, Finding};
pub use pace::{PaceSettings, PaceSummary};
pub use repeat::{Repeat, RepeatSettings};
pub use settings::Settings;
pub use tools::ToolCall;
