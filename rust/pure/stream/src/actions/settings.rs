use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::settings::{Copies, OrOff, quoted};
use crate::{Action, Error};

/// Copies that any limit may ask for at most.
const MOST: u32 = 64;

/// What the check of an agent's actions asks for, and from how many copies on.
///
/// ```
/// use midstream_stream::Settings;
/// let json = r#"{"actions": {"repeat": {"hint": 4, "stop": "off"}, "tools": {"next_line": "off"}}}"#;
/// let settings = Settings::from_json(json)?;
/// assert_eq!(settings.actions.repeat.hint, Some(4));
/// assert_eq!(settings.actions.repeat.warn, Some(5));
/// assert_eq!(settings.actions.repeat.stop, None);
/// # Ok::<(), midstream_stream::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActionsSettings {
    /// The same call with the same result.
    #[serde(deserialize_with = "repeat")]
    pub repeat: ActionLimits,
    /// A cycle of 2 to 5 calls with unchanged results, in turns.
    #[serde(deserialize_with = "repeat")]
    pub ping_pong: ActionLimits,
    /// One error text from different calls.
    #[serde(deserialize_with = "same_error")]
    pub same_error: ActionLimits,
    /// Messages of one agent that say the same, among its last 16.
    #[serde(deserialize_with = "no_progress")]
    pub no_progress: ActionLimits,
    /// For the first three, where equal results prove little: they say to wait, say nothing, or are not known.
    #[serde(deserialize_with = "waiting")]
    pub waiting: ActionLimits,
    /// Other limits for the calls of a tool, by its name.
    #[serde(deserialize_with = "tools")]
    pub tools: BTreeMap<String, ActionLimits>,
    /// Fields of arguments that do not count when calls are compared, at any depth.
    pub volatile: Vec<String>,
}

/// From how many copies on something is asked for; `None` for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActionLimits {
    /// Tell the model.
    pub hint: Option<u32>,
    /// Tell the caller.
    pub warn: Option<u32>,
    /// End the run.
    pub stop: Option<u32>,
}

impl ActionLimits {
    const REPEAT: Self = Self::of(3, 5, 8);
    const SAME_ERROR: Self = Self::of(4, 6, 10);
    const NO_PROGRESS: Self = Self { hint: Some(4), warn: Some(8), stop: None };
    const WAITING: Self = Self::of(10, 20, 30);

    const fn of(hint: u32, warn: u32, stop: u32) -> Self {
        Self { hint: Some(hint), warn: Some(warn), stop: Some(stop) }
    }

    /// The strongest that so many copies ask for, stop before warn before hint.
    pub(super) fn asked(self, copies: u32) -> Option<Action> {
        let reached = |limit: Option<u32>| limit.is_some_and(|limit| copies >= limit);
        match () {
            () if reached(self.stop) => Some(Action::Stop),
            () if reached(self.warn) => Some(Action::Warn),
            () if reached(self.hint) => Some(Action::Hint),
            () => None,
        }
    }

    /// The most copies that any of them asks for; 0 where all are off.
    pub(super) fn most(self) -> u32 {
        self.hint.max(self.warn).max(self.stop).unwrap_or_default()
    }

    fn validate(self, field: &str, most: u32) -> Result<(), Error> {
        for (name, limit) in [("hint", self.hint), ("warn", self.warn), ("stop", self.stop)] {
            let Some(copies) = limit.filter(|copies| !(2..=most).contains(copies)) else { continue };
            return Err(Error::Setting {
                field: format!("actions.{field}.{name}"),
                value: copies.to_string(),
                allowed: format!("from 2 to {most}, or off"),
            });
        }
        let pairs = [("hint", self.hint, "warn", self.warn), ("hint", self.hint, "stop", self.stop)];
        for (weaker, limit, stronger, copies) in pairs.into_iter().chain([("warn", self.warn, "stop", self.stop)]) {
            let (Some(limit), Some(copies)) = (limit, copies) else { continue };
            if limit > copies {
                return Err(Error::Setting {
                    field: format!("actions.{field}.{weaker}"),
                    value: limit.to_string(),
                    allowed: format!("at most actions.{field}.{stronger}, which is {copies}, or off"),
                });
            }
        }
        Ok(())
    }
}

impl Default for ActionsSettings {
    fn default() -> Self {
        Self {
            repeat: ActionLimits::REPEAT,
            ping_pong: ActionLimits::REPEAT,
            same_error: ActionLimits::SAME_ERROR,
            no_progress: ActionLimits::NO_PROGRESS,
            waiting: ActionLimits::WAITING,
            tools: BTreeMap::new(),
            volatile: ["idempotency_key", "nonce", "request_id", "trace_id"].map(str::to_owned).into(),
        }
    }
}

impl ActionsSettings {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        self.repeat.validate("repeat", MOST)?;
        self.ping_pong.validate("ping_pong", MOST)?;
        self.same_error.validate("same_error", MOST)?;
        self.no_progress.validate("no_progress", super::said::WINDOW as u32)?;
        self.waiting.validate("waiting", MOST)?;
        self.tools.iter().try_for_each(|(tool, limits)| limits.validate(&format!("tools.{}", quoted(tool)), MOST))
    }
}

fn repeat<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ActionLimits, D::Error> {
    limits(deserializer, ActionLimits::REPEAT)
}

fn same_error<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ActionLimits, D::Error> {
    limits(deserializer, ActionLimits::SAME_ERROR)
}

fn no_progress<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ActionLimits, D::Error> {
    limits(deserializer, ActionLimits::NO_PROGRESS)
}

fn waiting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ActionLimits, D::Error> {
    limits(deserializer, ActionLimits::WAITING)
}

/// A tool's limits; what is left out of them is off.
fn tools<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, ActionLimits>, D::Error> {
    let given = BTreeMap::<String, OrOff<Given>>::deserialize(deserializer)?;
    Ok(given.into_iter().map(|(tool, given)| (tool, over(given, ActionLimits::default()))).collect())
}

/// A table of limits over the default ones, or `"off"` for none.
fn limits<'de, D: Deserializer<'de>>(deserializer: D, default: ActionLimits) -> Result<ActionLimits, D::Error> {
    Ok(over(OrOff::deserialize(deserializer)?, default))
}

/// Limits as they are given.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    hint: Option<Copies>,
    warn: Option<Copies>,
    stop: Option<Copies>,
}

fn over(OrOff(given): OrOff<Given>, default: ActionLimits) -> ActionLimits {
    let Some(Given { hint, warn, stop }) = given else { return ActionLimits::default() };
    // A default that a stronger one, which was given, leaves no copies is off.
    let over = |given: Option<Copies>, default: Option<u32>, stronger: [Option<Copies>; 2]| match given {
        Some(Copies(copies)) => copies,
        None => default.filter(|copies| {
            stronger.into_iter().flatten().all(|Copies(stronger)| stronger.is_none_or(|stronger| *copies <= stronger))
        }),
    };
    ActionLimits {
        hint: over(hint, default.hint, [warn, stop]),
        warn: over(warn, default.warn, [stop, None]),
        stop: over(stop, default.stop, [None, None]),
    }
}

crate::keep::keep!(struct ActionLimits { hint, warn, stop });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn a_limit_that_one_copy_reaches_is_refused_with_its_path() {
        for (json, field) in [
            (r#"{"repeat": {"hint": 1}}"#, "actions.repeat.hint is 1"),
            (r#"{"no_progress": {"warn": 17}}"#, "actions.no_progress.warn is 17"),
            (r#"{"tools": {"poll": {"stop": 65}}}"#, "actions.tools.poll.stop is 65"),
            (
                r#"{"repeat": {"hint": 5, "warn": 3}}"#,
                "actions.repeat.hint is 5, allowed is at most actions.repeat.warn, which is 3, or off",
            ),
            (r#"{"tools": {"poll": {"warn": 9, "stop": 8}}}"#, "actions.tools.poll.warn is 9, allowed is at most"),
            (
                r#"{"repeat": {"hint": 6}}"#,
                "actions.repeat.hint is 6, allowed is at most actions.repeat.warn, which is 5",
            ),
        ] {
            let error = Settings::from_json(&format!(r#"{{"actions": {json}}}"#)).unwrap_err();
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }

    #[test]
    fn a_default_that_a_stronger_limit_leaves_no_copies_is_off() {
        let json = r#"{"actions": {"repeat": {"stop": 4}, "same_error": {"warn": 3}}}"#;
        let actions = Settings::from_json(json).unwrap().actions;
        assert_eq!(actions.repeat, ActionLimits { hint: Some(3), warn: None, stop: Some(4) });
        assert_eq!(actions.same_error, ActionLimits { hint: None, warn: Some(3), stop: Some(10) });
    }

    #[test]
    fn a_misspelt_stage_names_those_there_are() {
        let error = Settings::from_json(r#"{"actions": {"repeat": {"hnit": 3}}}"#).unwrap_err();
        assert!(error.to_string().contains("did you mean \"hint\"?"), "{error}");
    }

    #[test]
    fn off_switches_a_view_and_a_tool_off() {
        let json = r#"{"actions": {"ping_pong": "off", "tools": {"next": "off", "poll": {"stop": 9}}}}"#;
        let actions = Settings::from_json(json).unwrap().actions;
        assert_eq!(actions.ping_pong.most(), 0);
        assert_eq!(actions.tools["next"], ActionLimits::default());
        assert_eq!(actions.tools["poll"], ActionLimits { stop: Some(9), ..ActionLimits::default() });
    }
}
