use serde::Deserialize;

use crate::{Action, ChannelKind, Error, settings};

/// What the check of loops asks for. A view is switched off by `"off"` (`None`).
///
/// ```
/// use midstream_stream::Settings;
/// let json = r#"{"repeat": {"counter": "off", "channels": ["text"], "reasoning": {"exact": "warn"}}}"#;
/// assert_eq!(Settings::from_json(json)?.repeat.counter, None);
/// # Ok::<(), midstream_stream::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepeatSettings {
    /// The same characters over and over.
    #[serde(deserialize_with = "settings::action")]
    pub exact: Option<Action>,
    /// The same words over and over with a number that goes up.
    #[serde(deserialize_with = "settings::action")]
    pub counter: Option<Action>,
    /// Re-worded repetition of prose.
    #[serde(deserialize_with = "settings::action")]
    pub near: Option<Action>,
    /// Other actions for reasoning; a view left out has its default there.
    pub reasoning: Option<RepeatActions>,
    /// Kinds of channels that are read. Tool arguments are read for exact loops alone, with the limits of code.
    #[serde(deserialize_with = "channels")]
    pub channels: Vec<ChannelKind>,
    /// Names of tools whose arguments are not read.
    pub tools_off: Vec<String>,
    /// Equal letters in a row that are a loop, at least 12; for CJK characters and emoji at most 39.
    pub exact_run: u32,
    /// Characters beyond the second copy that make prose a loop, at least 12.
    pub exact_beyond: u32,
    /// Repeats that make a counter loop of sentences or items, at least 2; other text needs more.
    pub counter_repeats: u32,
    /// Copies at which a counter loop that was warned of is stopped, at least 3; `"off"` (`None`) for never.
    #[serde(deserialize_with = "count")]
    pub counter_stop_copies: Option<u32>,
    /// Share of the last 60 groups of four words, each written at least twice before, that is a near loop where none of
    /// the words is new, 1.6 times that where one is. Above 0, at most 1.
    pub near_share: f64,
}

/// An action for each view.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepeatActions {
    /// As in [`RepeatSettings`].
    #[serde(deserialize_with = "settings::action")]
    pub exact: Option<Action>,
    /// As in [`RepeatSettings`].
    #[serde(deserialize_with = "settings::action")]
    pub counter: Option<Action>,
    /// As in [`RepeatSettings`].
    #[serde(deserialize_with = "settings::action")]
    pub near: Option<Action>,
}

impl Default for RepeatActions {
    fn default() -> Self {
        Self { exact: Some(Action::Stop), counter: Some(Action::Warn), near: Some(Action::Warn) }
    }
}

impl Default for RepeatSettings {
    fn default() -> Self {
        let RepeatActions { exact, counter, near } = RepeatActions::default();
        Self {
            exact,
            counter,
            near,
            reasoning: None,
            channels: vec![ChannelKind::Reasoning, ChannelKind::Refusal, ChannelKind::Text, ChannelKind::Tool],
            tools_off: Vec::new(),
            exact_run: 99,
            exact_beyond: 70,
            counter_repeats: 4,
            counter_stop_copies: Some(12),
            near_share: 0.45,
        }
    }
}

impl RepeatSettings {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        at_least("repeat.exact_run", self.exact_run, 12)?;
        at_least("repeat.exact_beyond", self.exact_beyond, 12)?;
        at_least("repeat.counter_repeats", self.counter_repeats, 2)?;
        at_least("repeat.counter_stop_copies", self.counter_stop_copies.unwrap_or(u32::MAX), 3)?;
        if self.near_share > 0.0 && self.near_share <= 1.0 {
            return Ok(());
        }
        Err(not_allowed("repeat.near_share", &self.near_share, "above 0 and at most 1"))
    }

    /// Whether a channel is read.
    pub(super) fn reads(&self, kind: ChannelKind, tool: Option<&str>) -> bool {
        self.channels.contains(&kind) && !tool.is_some_and(|tool| self.tools_off.iter().any(|off| off == tool))
    }

    /// What each view asks for in channels of that kind.
    pub(super) fn actions(&self, kind: ChannelKind) -> RepeatActions {
        let Self { exact, counter, near, .. } = *self;
        match kind {
            ChannelKind::Reasoning => self.reasoning.unwrap_or(RepeatActions { exact, counter, near }),
            ChannelKind::Tool => RepeatActions { exact, counter: None, near: None },
            ChannelKind::Audio | ChannelKind::Refusal | ChannelKind::Text => RepeatActions { exact, counter, near },
        }
    }
}

fn at_least(field: &str, value: u32, least: u32) -> Result<(), Error> {
    if value >= least { Ok(()) } else { Err(not_allowed(field, &value, &format!("{least} or more"))) }
}

fn not_allowed(field: &str, value: &dyn std::fmt::Display, allowed: &str) -> Error {
    Error::Setting { field: field.into(), value: value.to_string(), allowed: allowed.into() }
}

/// Reads a count, `"off"` being none.
fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Off {
        Off,
    }
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "counter_stop_copies is a number of copies or \"off\"")]
    enum Given {
        Count(u32),
        Off(Off),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::Count(count) => Some(count),
        Given::Off(Off::Off) => None,
    })
}

/// Reads kinds of channels, sound not being one of them.
fn channels<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<ChannelKind>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Named {
        Reasoning,
        Refusal,
        Text,
        Tool,
    }
    let kind = |named| match named {
        Named::Reasoning => ChannelKind::Reasoning,
        Named::Refusal => ChannelKind::Refusal,
        Named::Text => ChannelKind::Text,
        Named::Tool => ChannelKind::Tool,
    };
    Ok(Vec::deserialize(deserializer)?.into_iter().map(kind).collect())
}
