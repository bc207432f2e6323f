use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use midstream_series::Span;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::latest::shared;
use super::rule::Rule;
use super::rule_set::RuleSet;
use crate::settings::{self, Asked};
use crate::{Action, ChannelKind, Error};

/// Which secrets are looked for in text, and what follows.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedactSettings {
    /// `redact` replaces a match; `stop` also ends the stream behind the replacement; `observe` and `warn` report it and
    /// change nothing; `None` looks for nothing.
    #[serde(deserialize_with = "settings::action")]
    pub action: Option<Action>,
    /// Seconds that text may wait to be decided; then the stream is stopped. `None` waits as long as the stream goes on.
    pub max_hold_s: Option<f64>,
    /// The rules, each the name of a built-in one, `built_in` for all of those, or a table.
    pub rules: Vec<RuleSettings>,
    /// Whether reasoning is read.
    pub reasoning: Switch,
    /// Whether refusals are read.
    pub refusal: Switch,
    /// Whether the answer is read.
    pub text: Switch,
    /// Whether the arguments of tools are read.
    pub tool: Switch,
    /// The same for a tool, by its name.
    pub tools: BTreeMap<String, Switch>,
}

/// Whether a channel is read. What is off passes as the model wrote it; copies of it elsewhere do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Its secrets pass.
    Off,
    /// It is read.
    #[default]
    On,
}

/// A rule in settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSettings {
    /// A built-in one, or all of them.
    BuiltIn(String),
    /// The caller's own.
    Own(OwnRule),
}

/// A rule of the caller's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRule {
    /// Its name, for reports.
    pub name: String,
    /// The regular expression.
    pub pattern: String,
    /// The limit of a pattern without a longest match, in bytes.
    #[serde(default)]
    pub max_len: Option<usize>,
    /// What stands in the place of a match.
    #[serde(default)]
    pub replacement: Option<String>,
}

impl Default for RedactSettings {
    fn default() -> Self {
        let on = Switch::On;
        Self {
            action: Some(Action::Redact),
            max_hold_s: None,
            rules: Vec::new(),
            reasoning: on,
            refusal: on,
            text: on,
            tool: on,
            tools: BTreeMap::new(),
        }
    }
}

impl RedactSettings {
    /// The name that stands for every built-in rule.
    pub const BUILT_IN: &str = "built_in";

    /// The automaton of the rules; `None` where there are none or nothing is looked for. Settings with the same rules
    /// share one: those asked for last are kept.
    ///
    /// # Errors
    /// [`Error::UnknownWord`] for a rule that is not built in, [`Error::Rule`] for one that cannot be used.
    pub fn rule_set(&self) -> Result<Option<Arc<RuleSet>>, Error> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        let rules = shared(&self.rules, || {
            let mut rules: Vec<Rule> = Vec::new();
            for (index, settings) in self.rules.iter().enumerate() {
                match settings {
                    RuleSettings::BuiltIn(name) if name == Self::BUILT_IN => rules.extend(Rule::all_built_in()),
                    RuleSettings::BuiltIn(name) => {
                        rules.push(Rule::built_in(name).map_err(|error| unknown(index, error))?)
                    }
                    RuleSettings::Own(own) => rules.push(own.rule()),
                }
            }
            RuleSet::new(&rules)
        })?;
        Ok(self.action.map(|_| rules))
    }

    /// Refuses rules where nothing is redacted.
    pub(crate) fn refuse_rules(&self) -> Result<(), Error> {
        if self.rules.is_empty() || self.action.is_none() {
            return Ok(());
        }
        Err(Error::Setting {
            field: "redact.rules".into(),
            value: format!("{} rules", self.rules.len()),
            allowed: "none for checks alone; a guard redacts".into(),
        })
    }

    /// Whether a channel of that kind, or of that tool, passes unread.
    pub(super) fn is_off(&self, kind: ChannelKind, tool: Option<&str>) -> bool {
        let switch = match kind {
            ChannelKind::Audio => Switch::On,
            ChannelKind::Reasoning => self.reasoning,
            ChannelKind::Refusal => self.refusal,
            ChannelKind::Text => self.text,
            ChannelKind::Tool => tool.and_then(|tool| self.tools.get(tool)).copied().unwrap_or(self.tool),
        };
        switch == Switch::Off
    }

    /// How long text may wait.
    pub(crate) fn max_hold(&self) -> Option<Span> {
        self.max_hold_s.map(|seconds| Span::from_nanos((seconds * 1e9) as i64))
    }

    pub(crate) fn asked(&self) -> Asked {
        Asked::new("redact.action", self.action, &[Action::Observe, Action::Warn, Action::Redact, Action::Stop])
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        match self.max_hold_s {
            Some(seconds) if !(seconds > 0.0 && seconds <= 1e9) => Err(Error::Setting {
                field: "redact.max_hold_s".into(),
                value: seconds.to_string(),
                allowed: "more than 0, at most 1e9".into(),
            }),
            _ => Ok(()),
        }
    }
}

/// A name that no rule has, with its place in the list.
fn unknown(index: usize, error: Error) -> Error {
    match error {
        Error::UnknownName { name, nearest, mut known, .. } => {
            known.push(RedactSettings::BUILT_IN.into());
            Error::UnknownWord { field: format!("redact.rules[{index}]"), word: name, nearest, known }
        }
        other => other,
    }
}

impl<'de> Deserialize<'de> for RuleSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = RuleSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a rule, or a table of name and pattern")
            }

            fn visit_str<E>(self, name: &str) -> Result<RuleSettings, E> {
                Ok(RuleSettings::BuiltIn(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<RuleSettings, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(table)).map(RuleSettings::Own)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl OwnRule {
    fn rule(&self) -> Rule {
        let rule = Rule::new(&self.name, &self.pattern);
        let rule = self.max_len.map_or(rule.clone(), |bytes| rule.max_len(bytes));
        self.replacement.as_ref().map_or(rule.clone(), |text| rule.replacement(text))
    }
}
