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
use crate::settings::{self, Asked, nearest, quoted};
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
    /// What a match in reasoning asks for.
    pub reasoning: Respond,
    /// What one in a refusal asks for.
    pub refusal: Respond,
    /// What one in the answer asks for.
    pub text: Respond,
    /// What one in the arguments of tools asks for.
    pub tool: Respond,
    /// The same for a tool, by its name.
    pub tools: BTreeMap<String, Respond>,
}

/// What a match in one kind of channel, or in the arguments of one tool, asks for; weakest first. Where one changes text,
/// copies of the text elsewhere are changed too, those of channels whose text passes among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Respond {
    /// Its text is not read, and passes as the model wrote it.
    Off,
    /// What `redact.action` says.
    #[default]
    On,
    /// Matches are counted, and pass.
    Observe,
    /// Matches are told, and pass.
    Warn,
    /// Matches are replaced.
    Redact,
    /// The first match is replaced, and the stream ends behind it.
    Stop,
}

crate::keep::keep!(
    enum Respond {
        Off,
        On,
        Observe,
        Warn,
        Redact,
        Stop,
    }
);

/// A rule in settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSettings {
    /// A built-in one, or all of them.
    BuiltIn(String),
    /// The caller's own, or a built-in one with something changed.
    Own(OwnRule),
}

/// A rule of the caller's, or what a built-in one has of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRule {
    /// Its name, for reports.
    pub name: String,
    /// The regular expression; without one the rule is the built-in one of that name.
    #[serde(default)]
    pub pattern: Option<String>,
    /// What a match asks for in place of `redact.action`: `redact` or `stop`. Where its channel has an action of its own
    /// that changes text, the stronger counts; where that one changes none, so does the rule.
    #[serde(default, deserialize_with = "settings::other_action")]
    pub action: Option<Option<Action>>,
    /// The limit of a pattern without a longest match, in bytes.
    #[serde(default)]
    pub max_len: Option<usize>,
    /// What stands in the place of a match.
    #[serde(default)]
    pub replacement: Option<String>,
}

impl Default for RedactSettings {
    fn default() -> Self {
        let on = Respond::On;
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
    /// Actions by which text is changed.
    const REPLACES: [Action; 2] = [Action::Redact, Action::Stop];

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
                    RuleSettings::BuiltIn(name) if name == Self::BUILT_IN => {
                        let known: Vec<String> = rules.iter().map(|rule| rule.name().to_owned()).collect();
                        let others = Rule::all_built_in()
                            .into_iter()
                            .filter(|rule| !known.iter().any(|name| name == rule.name()));
                        rules.extend(others);
                    }
                    RuleSettings::BuiltIn(name) => {
                        rules.push(Rule::built_in(name).map_err(|error| unknown(index, error))?)
                    }
                    RuleSettings::Own(own) if own.pattern.is_none() => {
                        let rule = own.over(Rule::built_in(&own.name).map_err(|error| without_pattern(index, error))?);
                        match rules.iter_mut().find(|known| known.name() == own.name) {
                            Some(known) => *known = rule,
                            None => rules.push(rule),
                        }
                    }
                    RuleSettings::Own(own) => rules.push(own.rule()),
                }
            }
            RuleSet::new(&rules)
        })?;
        Ok(self.strongest().map(|_| rules))
    }

    /// Refuses rules where nothing is redacted.
    pub(crate) fn refuse_rules(&self) -> Result<(), Error> {
        if self.rules.is_empty() || self.strongest().is_none() {
            return Ok(());
        }
        Err(Error::Setting {
            field: "redact.rules".into(),
            value: format!("{} rules", self.rules.len()),
            allowed: "none for checks alone; a guard redacts".into(),
        })
    }

    /// What a channel of that kind, or of that tool, has of its own.
    pub(super) fn of(&self, kind: ChannelKind, tool: Option<&str>) -> Respond {
        match kind {
            ChannelKind::Audio => Respond::On,
            ChannelKind::Reasoning => self.reasoning,
            ChannelKind::Refusal => self.refusal,
            ChannelKind::Text => self.text,
            ChannelKind::Tool => tool.and_then(|tool| self.tools.get(tool)).copied().unwrap_or(self.tool),
        }
    }

    /// What a match in a channel asks for that has `own`; `None` where it is not read.
    pub(super) fn asked_in(&self, own: Respond) -> Option<Action> {
        match own {
            Respond::Off => None,
            Respond::On => self.action,
            Respond::Observe => Some(Action::Observe),
            Respond::Warn => Some(Action::Warn),
            Respond::Redact => Some(Action::Redact),
            Respond::Stop => Some(Action::Stop),
        }
    }

    /// What a match of a rule asks for that has an action of its own, in such a channel.
    pub(super) fn asked_of(&self, rule: Option<Action>, own: Respond) -> Action {
        let asked = self.asked_in(own).unwrap_or(Action::Observe);
        match rule {
            Some(rule) if asked >= Action::Redact => {
                if own == Respond::On {
                    rule
                } else {
                    rule.max(asked)
                }
            }
            _ => asked,
        }
    }

    /// The same in text of no channel, which is changed where that of any channel is.
    pub(super) fn asked_elsewhere(&self, rule: Option<Action>) -> Action {
        let least = self.changes().map_or(Action::Observe, |_| Action::Redact);
        self.asked_of(rule, Respond::On).max(least)
    }

    /// The strongest that any match may ask for.
    pub fn strongest(&self) -> Option<Action> {
        self.fields().filter_map(|(_, action)| action).max()
    }

    /// The first field by which text is changed.
    pub(crate) fn changes(&self) -> Option<(String, Action)> {
        let mut changes = self.fields().filter_map(|(field, action)| Some((field, action?)));
        changes.find(|(_, action)| *action >= Action::Redact)
    }

    /// The fields that say what a match asks for.
    fn fields(&self) -> impl Iterator<Item = (String, Option<Action>)> {
        let Self { reasoning, refusal, text, tool, tools, .. } = self;
        let kinds = [("reasoning", reasoning), ("refusal", refusal), ("text", text), ("tool", tool)];
        let kinds = kinds.into_iter().map(|(kind, own)| (kind.to_owned(), *own));
        let tools = tools.iter().map(|(tool, own)| (format!("tools.{}", quoted(tool)), *own));
        let own = kinds.chain(tools).filter(|(_, own)| *own != Respond::On);
        let own = own.map(|(field, own)| (format!("redact.{field}"), self.asked_in(own)));
        std::iter::once(("redact.action".to_owned(), self.action)).chain(own)
    }

    /// How long text may wait.
    pub(crate) fn max_hold(&self) -> Option<Span> {
        self.max_hold_s.map(|seconds| Span::from_nanos((seconds * 1e9) as i64))
    }

    pub(crate) fn asked(&self) -> Asked {
        Asked::new("redact.action", self.action)
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (index, rule) in self.rules.iter().enumerate() {
            let RuleSettings::Own(OwnRule { action: Some(action), .. }) = rule else { continue };
            let (replaces, own) = (Self::REPLACES.map(Some), action.map_or("off", Action::name));
            if !replaces.contains(action) || !replaces.contains(&self.action) {
                return Err(Error::Setting {
                    field: format!("redact.rules[{index}].action"),
                    value: own.into(),
                    allowed: "redact, stop; and only where redact.action is one of them".into(),
                });
            }
        }
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
        Error::UnknownName { name, mut known, .. } => {
            known.push(RedactSettings::BUILT_IN.into());
            let nearest = nearest(&name, known.iter().map(String::as_str));
            Error::UnknownWord { field: format!("redact.rules[{index}]"), word: name, nearest, known }
        }
        other => other,
    }
}

/// A rule without a pattern whose name is no built-in rule's: misspelt, or its pattern was left out.
fn without_pattern(index: usize, error: Error) -> Error {
    match error {
        Error::UnknownName { name, nearest: None, .. } => Error::Setting {
            field: format!("redact.rules[{index}].pattern"),
            value: format!("left out for {name:?}"),
            allowed: "a regular expression, or none with the name of a built-in rule".into(),
        },
        other => unknown(index, other),
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
        self.over(Rule::new(&self.name, self.pattern.as_deref().unwrap_or_default()))
    }

    /// `rule` with what this one gives.
    fn over(&self, mut rule: Rule) -> Rule {
        if let Some(bytes) = self.max_len {
            rule = rule.max_len(bytes);
        }
        if let Some(text) = &self.replacement {
            rule = rule.replacement(text);
        }
        self.action.flatten().map_or(rule.clone(), |action| rule.action(action))
    }
}
