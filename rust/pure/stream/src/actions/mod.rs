//! Loops of an agent: calls of tools that repeat with the same results, and messages that say the same.

mod canonical;
mod clock;
mod conversation;
mod hash;
mod history;
mod outcome;
mod pending;
mod report;
mod said;
mod session;
mod settings;
mod told;
mod window;

use std::borrow::Cow;
use std::sync::Arc;

use self::hash::Hash;
pub use self::history::History;
use self::outcome::Outcome;
use self::pending::{Call, Pending};
use self::said::Messages;
pub use self::session::{AgentChecks, AgentDecision, AgentSummary};
pub use self::settings::{ActionLimits, ActionsSettings};
use self::told::Told;
use self::window::{Entry, PERIODS, Window};
use crate::redact::RuleSet;
use crate::{Anomalies, Anomaly, Finding};

/// One thing that an agent did, or that came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step<'a> {
    /// A tool is called.
    Call {
        /// The provider's id of the call, if it has one.
        id: Option<&'a str>,
        /// The tool's name.
        tool: &'a str,
        /// JSON, or any text.
        arguments: &'a str,
    },
    /// An agent says something.
    Message {
        /// Who; empty where there is one agent alone.
        agent: &'a str,
        /// What.
        text: &'a str,
    },
    /// A tool's result. It belongs to the call of that id; without one, to the oldest open call, of that tool if given.
    Result {
        /// The call's id.
        id: Option<&'a str>,
        /// The tool's name.
        tool: Option<&'a str>,
        /// What the tool gave.
        text: &'a str,
        /// Whether it failed; `None` to tell from the text.
        failed: Option<bool>,
    },
}

/// Finds loops in the steps of one run, over any number of requests.
///
/// A result not seen before is progress: what was counted of calls begins anew. Memory stays below 160 KiB however long a
/// run is. The time of a step is linear in its text, and constant beyond.
#[derive(Clone, Debug)]
pub struct Actions {
    settings: ActionsSettings,
    /// What findings show of calls and messages goes by them.
    rules: Option<Arc<RuleSet>>,
    /// Calls whose result is known, in the order of their results.
    answered: Window,
    /// Calls without a result, as long as none has come since.
    open: Window,
    pending: Pending,
    messages: Messages,
    told: Told,
    /// Steps read.
    steps: u64,
    anomalies: Anomalies,
}

impl Actions {
    /// Nothing has happened yet.
    pub fn new(settings: ActionsSettings) -> Self {
        Self {
            settings,
            rules: None,
            answered: Window::default(),
            open: Window::default(),
            pending: Pending::default(),
            messages: Messages::default(),
            told: Told::default(),
            steps: 0,
            anomalies: Anomalies::default(),
        }
    }

    /// Findings show no match of these rules.
    pub(crate) fn redacted_by(self, rules: Option<Arc<RuleSet>>) -> Self {
        Self { rules, ..self }
    }

    /// Steps read so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Calls whose result has not come; at most 64, the oldest are forgotten.
    pub fn open_calls(&self) -> usize {
        self.pending.len()
    }

    /// Results so far that belong to no open call, and so were not read.
    pub fn anomalies(&self) -> Anomalies {
        self.anomalies
    }

    /// Bytes held, as far as they grow with what is read.
    pub fn memory(&self) -> usize {
        self.answered.memory()
            + self.open.memory()
            + self.pending.memory()
            + self.messages.memory()
            + self.told.memory()
    }

    /// Reads the next step and adds what it makes a loop to `findings`.
    pub fn push(&mut self, step: Step<'_>, findings: &mut Vec<Finding>) {
        match step {
            Step::Call { id, tool, arguments } => self.call(id, tool, arguments, findings),
            Step::Message { agent, text } => self.message(agent, text, findings),
            Step::Result { id, tool, text, failed } => match self.take(id, tool) {
                Some(call) => self.result(&call, Outcome::of(text, failed), findings),
                None => self.anomalies.add(Anomaly::OrphanResult),
            },
        }
    }

    /// The model's answer ended: what came of its calls is not known here, so calls of the next are not counted with them.
    pub(crate) fn end_answer(&mut self) {
        self.open.clear();
        self.told.forget_calls();
    }

    /// What came before is no loop any longer; messages that say the same still are.
    fn forget_calls(&mut self) {
        self.answered.clear();
        self.open.clear();
        self.told.forget_calls();
    }

    /// What was told of loops is news again.
    fn forget_told(&mut self) {
        self.told = Told::default();
    }

    /// A tool is called.
    pub(crate) fn call(&mut self, id: Option<&str>, tool: &str, arguments: &str, findings: &mut Vec<Finding>) {
        self.steps += 1;
        let signature =
            Hash::pair(Hash::of(b'c', tool.as_bytes()), canonical::arguments(arguments, &self.settings.volatile));
        let limits = self.settings.tools.get(tool).copied();
        let call = Call::new(signature, tool, arguments, limits, self.shown(tool, arguments));
        let entry = Entry { at: self.steps, ..call.entry(None) };
        self.open.push(entry, &call.shown);
        self.judge(false, findings);
        self.pending.add(id, tool, call);
    }

    /// A call for people.
    fn shown(&self, tool: &str, arguments: &str) -> String {
        match &self.rules {
            Some(rules) => report::shown(&rules.redact(tool), &rules.redact_arguments(arguments)),
            None => report::shown(tool, arguments),
        }
    }

    /// Words for people.
    fn hidden<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.rules.as_ref().map_or(Cow::Borrowed(text), |rules| rules.redact(text).into())
    }

    fn take(&mut self, id: Option<&str>, tool: Option<&str>) -> Option<Call> {
        self.steps += 1;
        self.pending.take(id, tool)
    }

    fn result(&mut self, call: &Call, outcome: Outcome, findings: &mut Vec<Finding>) {
        self.open.clear();
        let entry = Entry { at: self.steps, ..call.entry(Some(outcome)) };
        if self.answered.push(entry, &call.shown) {
            self.told.forget_calls();
        }
        self.judge(true, findings);
    }

    /// Looks for what the latest call completes: the longest-lived view first, so that a cycle is not told call by call.
    fn judge(&mut self, answered: bool, findings: &mut Vec<Finding>) {
        let window = if answered { &self.answered } else { &self.open };
        let Some(entry) = window.latest() else { return };
        let mut cycles = false;
        for period in PERIODS {
            let Some(cycle) = window.cycle(period) else { continue };
            let limits = window.limits_of(period, self.settings.ping_pong, self.settings.waiting);
            cycles |= limits.most() > 0;
            let Some(action) = self.told.news(told::Kind::PingPong, cycle.key, limits, cycle.copies) else { continue };
            findings.push(report::ping_pong(&cycle, action, window, answered, self.steps));
        }
        if !cycles {
            let limits = entry.limits(self.settings.repeat, self.settings.waiting);
            let copies = window.copies(limits, |other| other.key == entry.key);
            if let Some(action) = self.told.news(told::Kind::Repeat, entry.key, limits, copies.counted) {
                findings.push(report::repeat(&copies, action, window, answered, self.steps));
            }
        }
        if entry.failed {
            let limits = entry.limits(self.settings.same_error, self.settings.waiting);
            let copies = window.copies(limits, |other| other.failed && other.outcome == entry.outcome);
            if copies.calls > 1
                && let Some(action) = self.told.news(told::Kind::SameError, entry.outcome, limits, copies.counted)
            {
                findings.push(report::same_error(&copies, action, window, self.steps));
            }
        }
    }

    fn message(&mut self, agent: &str, text: &str, findings: &mut Vec<Finding>) {
        self.steps += 1;
        let limits = self.settings.no_progress;
        if limits.most() == 0 {
            return;
        }
        let key = Hash::of(b'a', agent.as_bytes());
        let Some(near) = self.messages.push(key, text, self.steps) else { return };
        if let Some(action) = self.told.news(told::Kind::NoProgress, key, limits, near.copies) {
            let (agent, text) = (self.hidden(agent), self.hidden(text));
            findings.push(report::no_progress(&near, action, &agent, &text, self.steps));
        }
    }
}

crate::keep::keep!(state Actions { answered, open, pending, messages, told, steps, anomalies } rest { settings, rules });

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin_tests;
