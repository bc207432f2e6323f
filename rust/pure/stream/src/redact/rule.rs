use super::built_in;
use super::check::Check;
use super::fault::RuleFault;
use crate::settings::by_name;
use crate::{Action, Error};

/// One kind of secret: its name, the regular expression that finds it, and what stands in its place.
///
/// The syntax is that of the `regex` crate without captures, lazy quantifiers, look-around and backreferences. `\b` and `\B`
/// are ASCII. The longest match wins, whatever the order of alternatives.
///
/// ```
/// use midstream_stream::redact::Rule;
/// let ticket = Rule::new("ticket", r"\bTICKET-[0-9]{4,8}\b").replacement("[TICKET]");
/// assert_eq!(ticket.name(), "ticket");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    name: String,
    pattern: String,
    max_len: Option<usize>,
    replacement: Option<String>,
    action: Option<Action>,
    check: Check,
    /// What the pattern of a rule of ours is tied to, and further patterns.
    tied: Vec<Part<'static>>,
    /// A match begins with the secret's name.
    is_named: bool,
}

/// A pattern of a rule, and what stands around its matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) pattern: &'a str,
    /// What the text before a match ends with, if that matters. `^` is the begin of the text and the end of a match.
    pub(super) behind: Option<&'a str>,
    /// What it does not end with.
    pub(super) unless: Option<&'a str>,
    /// What a match does not begin with.
    pub(super) except: Option<&'a str>,
    /// Whether `_` is part of a word.
    pub(super) underscore: bool,
}

impl<'a> Part<'a> {
    /// A pattern of a rule of ours.
    pub(super) const fn anywhere(pattern: &'a str) -> Self {
        Self { pattern, behind: None, unless: None, except: None, underscore: false }
    }

    pub(super) const fn behind(behind: &'a str, pattern: &'a str) -> Self {
        Self { behind: Some(behind), ..Self::anywhere(pattern) }
    }
}

impl Rule {
    /// The limit of unbounded rules of our own.
    pub const MAX_LEN: usize = 4 << 10;

    /// A rule of the caller's. Nothing is checked before [`RuleSet::new`](super::RuleSet::new).
    pub fn new(name: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            pattern: pattern.into(),
            max_len: None,
            replacement: None,
            action: None,
            check: Check::None,
            tied: Vec::new(),
            is_named: false,
        }
    }

    /// Limits how long a match of an unbounded pattern is waited for, in bytes. From there on the text is masked unseen,
    /// until the rule can no longer go on. A pattern with a longest match has no use for it.
    #[must_use]
    pub fn max_len(self, bytes: usize) -> Self {
        Self { max_len: Some(bytes), ..self }
    }

    /// What stands in the place of a match: `[A-Za-z0-9_*]+`, also in square brackets. Default: the name in capitals, in
    /// brackets.
    #[must_use]
    pub fn replacement(self, text: impl Into<String>) -> Self {
        Self { replacement: Some(text.into()), ..self }
    }

    /// What a match asks for in place of `redact.action`, where that one changes text: `Redact` or `Stop`.
    #[must_use]
    pub fn action(self, action: Action) -> Self {
        Self { action: Some(action), ..self }
    }

    /// The built-in rule of that name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the nearest.
    pub fn built_in(name: &str) -> Result<Self, Error> {
        by_name("redaction rule", name, built_in::ALL, |one| one.name).map(built_in::BuiltIn::rule)
    }

    /// Every built-in rule.
    pub fn all_built_in() -> Vec<Self> {
        built_in::ALL.iter().copied().map(built_in::BuiltIn::rule).collect()
    }

    /// The name, for reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The regular expression.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(super) fn check(&self) -> Check {
        self.check
    }

    pub(super) fn checked_by(self, check: Check) -> Self {
        Self { check, ..self }
    }

    pub(super) fn own_action(&self) -> Option<Action> {
        self.action
    }

    /// Of parts, of which the first gives the rule its pattern.
    pub(super) fn of_parts(name: &str, parts: Vec<Part<'static>>) -> Self {
        let pattern = parts.first().map_or("", |part| part.pattern);
        Self { tied: parts, ..Self::new(name, pattern) }
    }

    pub(super) fn behind_a_name(self) -> Self {
        Self { is_named: true, ..self }
    }

    pub(super) fn is_named(&self) -> bool {
        self.is_named
    }

    /// Its patterns.
    pub(super) fn forms(&self) -> Vec<Part<'_>> {
        match self.tied.as_slice() {
            [] => vec![Part { pattern: &self.pattern, behind: None, unless: None, except: None, underscore: true }],
            parts => parts.to_vec(),
        }
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.max_len
    }

    /// What stands in the place of a match.
    pub(super) fn replaced_by(&self) -> String {
        self.replacement.clone().unwrap_or_else(|| format!("[{}]", self.name.to_uppercase()))
    }

    /// Checks what does not need the pattern.
    pub(super) fn validate(&self) -> Result<(), RuleFault> {
        let in_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if self.name.is_empty() || !self.name.bytes().all(in_name) {
            return Err(RuleFault::Name);
        }
        let replacement = self.replaced_by();
        let inside = replacement.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&replacement);
        let in_replacement = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'*');
        if inside.is_empty() || !inside.bytes().all(in_replacement) {
            return Err(RuleFault::Replacement { replacement });
        }
        if self.max_len == Some(0) {
            return Err(RuleFault::MaxLen);
        }
        Ok(())
    }
}
