use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::settings::{self, Asked, Copies, OrOff, quoted};
use crate::{Action, ChannelKind, Error};

/// The most that a limit of characters or copies may be.
const MOST: u32 = 1_000_000;

/// What the check of loops asks for. A view is switched off by `"off"` (`None`).
///
/// ```
/// use midstream_stream::Settings;
/// let json = r#"{"repeat": {"counter": "off", "reasoning": {"exact": "warn"}, "tools": {"read_log": "off"}}}"#;
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
    /// Other actions for reasoning.
    #[serde(deserialize_with = "of_kind")]
    pub reasoning: RepeatActions,
    /// Other actions for refusals.
    #[serde(deserialize_with = "of_kind")]
    pub refusal: RepeatActions,
    /// Other actions for the answer.
    #[serde(deserialize_with = "of_kind")]
    pub text: RepeatActions,
    /// Another action for the arguments of tools. They are read for exact loops alone, with the limits of code.
    #[serde(deserialize_with = "of_tools")]
    pub tool: RepeatActions,
    /// Another action for the arguments of a tool, by its name.
    #[serde(deserialize_with = "by_name")]
    pub tools: BTreeMap<String, RepeatActions>,
    /// Equal letters in a row that are a loop, at least 12; for CJK characters and emoji at most 39.
    pub exact_run: u32,
    /// Characters beyond the second copy that make prose a loop, at least 12.
    pub exact_beyond: u32,
    /// Repeats that make a counter loop of sentences or items, at least 2; other text needs more.
    pub counter_repeats: u32,
    /// Copies at which a counter loop that was told is stopped, at least 3; `"off"` (`None`) for never. Reasoning whose
    /// exact loops lead to its end is ended there too.
    #[serde(deserialize_with = "copies")]
    pub counter_stop_copies: Option<u32>,
    /// Share of the last 60 groups of four words, each written at least twice before, that is a near loop where none of
    /// the words is new, 1.6 times that where one is. Above 0, at most 1.
    pub near_share: f64,
}

/// Other actions for a kind of channel or a tool. `None`: as for every channel; `Some(None)`: off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepeatActions {
    /// As in [`RepeatSettings`].
    #[serde(deserialize_with = "settings::other_action")]
    pub exact: Option<Option<Action>>,
    /// As in [`RepeatSettings`].
    #[serde(deserialize_with = "settings::other_action")]
    pub counter: Option<Option<Action>>,
    /// As in [`RepeatSettings`].
    #[serde(deserialize_with = "settings::other_action")]
    pub near: Option<Option<Action>>,
}

/// What the views ask for in one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Views {
    pub(super) exact: Option<Action>,
    pub(super) counter: Option<Action>,
    pub(super) near: Option<Action>,
}

impl Default for RepeatSettings {
    fn default() -> Self {
        Self {
            exact: Some(Action::Stop),
            counter: Some(Action::Warn),
            near: Some(Action::Warn),
            reasoning: RepeatActions::default(),
            refusal: RepeatActions::default(),
            text: RepeatActions::default(),
            tool: RepeatActions::default(),
            tools: BTreeMap::new(),
            exact_run: 99,
            exact_beyond: 70,
            counter_repeats: 4,
            counter_stop_copies: Some(12),
            near_share: 0.45,
        }
    }
}

impl RepeatActions {
    /// Every view switched off.
    pub const OFF: Self = Self { exact: Some(None), counter: Some(None), near: Some(None) };

    fn fields(self, table: String) -> impl Iterator<Item = Asked> {
        let views = [("exact", self.exact), ("counter", self.counter), ("near", self.near)];
        let field = move |(view, action): (&str, Option<Option<Action>>)| {
            Asked::new(format!("repeat.{table}.{view}"), action.flatten())
        };
        views.into_iter().map(field)
    }
}

impl Views {
    /// What `other` asks for instead.
    fn or(self, other: RepeatActions) -> Self {
        Self {
            exact: other.exact.unwrap_or(self.exact),
            counter: other.counter.unwrap_or(self.counter),
            near: other.near.unwrap_or(self.near),
        }
    }

    /// What follows where a counter loop that was told goes on: in reasoning its end, if that is what loops lead to.
    pub(super) fn after_warning(self) -> Action {
        self.exact.filter(|action| *action == Action::EndReasoning).unwrap_or(Action::Stop)
    }

    /// Whether any view reads the channel.
    pub(super) fn reads(self) -> bool {
        self.exact.or(self.counter).or(self.near).is_some()
    }
}

impl RepeatSettings {
    /// Every field that holds an action.
    pub(crate) fn fields(&self) -> Vec<Asked> {
        let own = [("exact", self.exact), ("counter", self.counter), ("near", self.near)];
        let own = own.into_iter().map(|(view, action)| Asked::new(format!("repeat.{view}"), action));
        let kinds =
            [("reasoning", self.reasoning), ("refusal", self.refusal), ("text", self.text), ("tool", self.tool)];
        let kinds = kinds.into_iter().flat_map(|(kind, actions)| actions.fields(kind.to_owned()));
        let tools = self.tools.iter().flat_map(|(tool, actions)| actions.fields(format!("tools.{}", quoted(tool))));
        own.chain(kinds).chain(tools).collect()
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        within("repeat.exact_run", self.exact_run, 12)?;
        within("repeat.exact_beyond", self.exact_beyond, 12)?;
        within("repeat.counter_repeats", self.counter_repeats, 2)?;
        within("repeat.counter_stop_copies", self.counter_stop_copies.unwrap_or(MOST), 3)?;
        if self.near_share > 0.0 && self.near_share <= 1.0 {
            return Ok(());
        }
        Err(not_allowed("repeat.near_share", &self.near_share, "above 0 and at most 1"))
    }

    /// What each view asks for in a channel of that kind, or of that tool.
    pub(super) fn asked(&self, kind: ChannelKind, tool: Option<&str>) -> Views {
        let Self { exact, counter, near, .. } = *self;
        let asked = Views { exact, counter, near };
        match kind {
            ChannelKind::Audio => asked,
            ChannelKind::Reasoning => asked.or(self.reasoning),
            ChannelKind::Refusal => asked.or(self.refusal),
            ChannelKind::Text => asked.or(self.text),
            ChannelKind::Tool => {
                let own = tool.and_then(|tool| self.tools.get(tool)).copied().unwrap_or_default();
                Views { counter: None, near: None, ..asked.or(self.tool).or(own) }
            }
        }
    }
}

fn within(field: &str, value: u32, least: u32) -> Result<(), Error> {
    if (least..=MOST).contains(&value) {
        return Ok(());
    }
    Err(not_allowed(field, &value, &format!("a whole number from {least} to {MOST}")))
}

fn not_allowed(field: &str, value: &dyn std::fmt::Display, allowed: &str) -> Error {
    Error::Setting { field: field.into(), value: value.to_string(), allowed: allowed.into() }
}

fn copies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Copies::deserialize(deserializer).map(|Copies(copies)| copies)
}

fn of_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RepeatActions, D::Error> {
    OrOff::deserialize(deserializer).map(|OrOff(given)| given.unwrap_or(RepeatActions::OFF))
}

fn of_tools<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RepeatActions, D::Error> {
    OrOff::<OfTool>::deserialize(deserializer).map(OfTool::actions)
}

fn by_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, RepeatActions>, D::Error> {
    let given = BTreeMap::<String, OrOff<OfTool>>::deserialize(deserializer)?;
    Ok(given.into_iter().map(|(tool, given)| (tool, OfTool::actions(given))).collect())
}

/// What can be asked for in the arguments of tools.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OfTool {
    #[serde(deserialize_with = "settings::other_action")]
    exact: Option<Option<Action>>,
}

impl OfTool {
    fn actions(OrOff(given): OrOff<Self>) -> RepeatActions {
        given.map_or(RepeatActions::OFF, |Self { exact }| RepeatActions { exact, ..RepeatActions::default() })
    }
}
