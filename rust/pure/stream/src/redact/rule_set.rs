use std::sync::Arc;

use super::automaton::Form;
use super::check::Check;
use super::fault::RuleFault;
use super::pattern;
use super::redactor::Redactor;
use super::rule::{Part, Rule};
use super::table::{MAX_BYTES, MAX_RULES, Rules, Table};
use crate::{Action, Error};

/// Rules as one automaton. Built once, it serves any number of streams at the same time; nothing in it ever changes.
///
/// ```
/// use std::sync::Arc;
///
/// use midstream_stream::redact::{Rule, RuleSet};
/// let rules = Arc::new(RuleSet::new(&[Rule::built_in("email")?, Rule::new("ticket", "TICKET-[0-9]{4}")])?);
/// assert_eq!(rules.redact("TICKET-0042 is bob@example.org's"), "[TICKET] is [EMAIL]'s");
/// let error = RuleSet::new(&[Rule::new("key", "key=.+?;")]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "redaction rule \"key\" has a lazy quantifier at character 5, which is not supported; \
///      the longest match wins; exclude what must end it, as in [^;]*;"
/// );
/// # Ok::<(), midstream_stream::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(super) table: Table,
    rules: Vec<Compiled>,
    /// Rules whose matches must pass a check.
    pub(super) checked: Rules,
    /// Rules whose matches all begin with letters of their own, such as `AKIA`.
    pub(super) lettered: Rules,
    /// Rules without a longest match.
    pub(super) unbounded: Rules,
    /// The smallest limit of those.
    pub(super) min_limit: u64,
    /// Bytes of the shortest text that any rule matches.
    pub(super) shortest: usize,
}

/// What the matcher needs of a rule beside the automaton.
#[derive(Clone, Debug)]
struct Compiled {
    name: String,
    replacement: String,
    action: Option<Action>,
    check: Check,
    limit: u64,
    is_named: bool,
}

impl RuleSet {
    /// Builds the automaton. The order of the rules decides between matches of equal place and length: the first wins.
    ///
    /// # Errors
    /// [`Error::Rule`] names the first rule that cannot be used, and where in its pattern.
    pub fn new(rules: &[Rule]) -> Result<Self, Error> {
        let at_fault = |rule: &Rule, fault| Error::Rule { rule: rule.name().to_owned(), fault };
        if let Some(rule) = rules.get(MAX_RULES) {
            return Err(at_fault(rule, RuleFault::TooMany { limit: MAX_RULES }));
        }
        let mut forms = Vec::with_capacity(rules.len());
        let (mut checked, mut lettered, mut unbounded): (Rules, Rules, Rules) = (0, 0, 0);
        for (at, rule) in rules.iter().enumerate() {
            rule.validate().map_err(|fault| at_fault(rule, fault))?;
            if rules.iter().take(at).any(|other| other.name() == rule.name()) {
                return Err(at_fault(rule, RuleFault::Duplicate));
            }
            let mut is_lettered = true;
            for part in rule.forms() {
                let form = form(at, part).map_err(|fault| at_fault(rule, fault))?;
                if form.pattern.properties().maximum_len().is_none() {
                    rule.limit().ok_or_else(|| at_fault(rule, RuleFault::Unbounded))?;
                    unbounded |= 1 << at;
                }
                is_lettered &= pattern::is_lettered(&form.pattern);
                forms.push(form);
            }
            lettered |= Rules::from(is_lettered) << at;
            checked |= Rules::from(rule.check() != Check::None) << at;
        }
        let table = Table::new(&forms, checked)
            .ok_or_else(|| at_fault(largest(rules, &forms), RuleFault::TooLarge { limit: MAX_BYTES }))?;
        let reachable = table.reachable();
        if let Some((_, rule)) = rules.iter().enumerate().find(|(at, _)| reachable >> at & 1 == 0) {
            return Err(at_fault(rule, RuleFault::Never));
        }
        let rules: Vec<Compiled> = rules.iter().map(Compiled::of).collect();
        let limits = rules.iter().enumerate().filter(|(at, _)| unbounded >> at & 1 == 1).map(|(_, rule)| rule.limit);
        let min_limit = limits.min().unwrap_or(u64::MAX);
        let shortest =
            forms.iter().filter_map(|form| form.pattern.properties().minimum_len()).min().unwrap_or(usize::MAX);
        Ok(Self { table, rules, checked, lettered, unbounded, min_limit, shortest })
    }

    /// A finished text with its matches replaced: what a [`Redactor`] releases of it, however it is cut.
    pub fn redact(self: &Arc<Self>, text: &str) -> String {
        let mut released = String::with_capacity(text.len());
        let (mut redactor, mut redactions) = (Redactor::new(Arc::clone(self)), Vec::new());
        redactor.push(text, &mut released, &mut redactions);
        redactor.finish(&mut released, &mut redactions);
        released
    }

    /// The name of a rule, by its place.
    pub fn name(&self, rule: usize) -> &str {
        self.rules.get(rule).map_or("", |rule| &rule.name)
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Bytes that the automaton takes, once for all streams.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    pub(super) fn replacement(&self, rule: usize) -> &str {
        self.rules.get(rule).map_or("[REDACTED]", |rule| &rule.replacement)
    }

    /// What a match of the rule asks for, where that is its own.
    pub(super) fn action(&self, rule: usize) -> Option<Action> {
        self.rules.get(rule).and_then(|rule| rule.action)
    }

    pub(super) fn check(&self, rule: usize) -> Check {
        self.rules.get(rule).map_or(Check::None, |rule| rule.check)
    }

    /// Bytes of a rule's match before what is replaced: the name of the secret, and what parts the two.
    pub(super) fn name_len(&self, rule: usize, text: &[u8]) -> usize {
        if !self.rules.get(rule).is_some_and(|rule| rule.is_named) {
            return 0;
        }
        let is_value = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/%.~-_".contains(byte);
        let value = text.iter().rev().skip_while(|byte| **byte == b'=').skip_while(|byte| is_value(byte)).count();
        if value < text.len() { value } else { 0 }
    }

    pub(super) fn limit(&self, rule: usize) -> u64 {
        self.rules.get(rule).map_or(u64::MAX, |rule| rule.limit)
    }
}

impl Compiled {
    fn of(rule: &Rule) -> Self {
        Self {
            name: rule.name().to_owned(),
            replacement: rule.replaced_by(),
            action: rule.own_action(),
            check: rule.check(),
            is_named: rule.is_named(),
            limit: rule.limit().map_or(u64::MAX, |limit| limit as u64),
        }
    }
}

/// A part of the rule at a place, read.
fn form(rule: usize, part: Part<'_>) -> Result<Form, RuleFault> {
    let read = |pattern: Option<&str>| pattern.map(pattern::parse).transpose();
    Ok(Form {
        rule,
        pattern: pattern::parse(part.pattern)?,
        behind: part.behind.map(pattern::parse_any).transpose()?,
        unless: read(part.unless)?,
        except: read(part.except)?,
        underscore: part.underscore,
    })
}

/// The rule to blame for an automaton that is too large.
fn largest<'a>(rules: &'a [Rule], forms: &[Form]) -> &'a Rule {
    let size = |form: &Form| Table::new(std::slice::from_ref(form), 0).map_or(usize::MAX, |table| table.bytes());
    let largest = forms.iter().max_by_key(|form| size(form));
    largest.and_then(|form| rules.get(form.rule)).unwrap_or(&rules[0])
}
