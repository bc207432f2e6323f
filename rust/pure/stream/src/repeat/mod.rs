//! Loops in text: one incremental pass over code points, three views of it.

use midstream_series::Timestamp;
use serde::Deserialize;

use crate::{Action, ChannelIndex, Detector, Error, Finding, Source, settings};

/// What the check of loops asks for. `None` switches a view off.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepeatSettings {
    /// The same characters over and over.
    #[serde(deserialize_with = "settings::action")]
    pub exact: Option<Action>,
    /// The same line with a number going up.
    #[serde(deserialize_with = "settings::action")]
    pub counter: Option<Action>,
    /// Re-worded repetition.
    #[serde(deserialize_with = "settings::action")]
    pub near: Option<Action>,
}

impl Default for RepeatSettings {
    fn default() -> Self {
        Self { exact: Some(Action::Stop), counter: Some(Action::Warn), near: Some(Action::Warn) }
    }
}

impl RepeatSettings {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Finds loops in every text channel of one stream.
#[derive(Clone, Debug)]
pub struct Repeat {
    settings: RepeatSettings,
}

impl Repeat {
    /// Detectors are made as channels appear.
    pub fn new(settings: RepeatSettings) -> Self {
        Self { settings }
    }
}

impl Detector for Repeat {
    fn push(&mut self, _source: Source<'_>, _text: &str, _at: Timestamp, _findings: &mut Vec<Finding>) {
        let _ = &self.settings;
    }

    fn end(&mut self, _channel: ChannelIndex, _findings: &mut Vec<Finding>) {}

    fn reset(&mut self) {}
}
