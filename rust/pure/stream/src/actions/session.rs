use serde::Serialize;
use serde_json::Value;

use super::conversation::Conversation;
use super::{Actions, Step};
use crate::hint;
use crate::{Action, Anomalies, Error, Finding, Settings};

mod kept;

/// Findings kept for the summary at most.
const MAX_FINDINGS: usize = 1_000;

/// The check of an agent's actions over the many requests of one run. [`Guard`](crate::Guard) reads one stream, this reads
/// what the agent does: its calls, their results and what it says.
///
/// ```
/// use midstream_stream::{Action, AgentChecks, Settings, Step};
/// let mut checks = AgentChecks::new(Settings::default())?;
/// for _ in 0..3 {
///     checks.push(Step::Call { id: None, tool: "search", arguments: r#"{"q": "harbour"}"# });
///     checks.push(Step::Result { id: None, tool: None, text: "no hits", failed: None });
/// }
/// assert_eq!(checks.summary().findings[0].action, Action::Hint);
/// # Ok::<(), midstream_stream::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AgentChecks {
    actions: Actions,
    conversation: Conversation,
    shadow: bool,
    halted: bool,
    fresh: Vec<Finding>,
    findings: Vec<Finding>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u64,
    results: u64,
    messages: u64,
}

/// What steps were found to be and ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgentDecision<'a> {
    /// The strongest action asked for; `Stop` stays from the stop on.
    pub action: Action,
    /// What was found in these steps.
    pub findings: &'a [Finding],
}

/// A run so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentSummary {
    /// Steps read.
    pub steps: u64,
    /// Calls of tools.
    pub calls: u64,
    /// Results of tools.
    pub results: u64,
    /// Messages of agents.
    pub messages: u64,
    /// Calls whose result has not come, at most 64.
    pub open_calls: u64,
    /// A decision ended the run.
    pub halted: bool,
    /// Faults that were survived.
    pub anomalies: Anomalies,
    /// What was found, oldest first.
    pub findings: Vec<Finding>,
}

impl AgentChecks {
    /// The check of one run; of the settings it needs `actions` and `shadow`, and the rules of `redact`, by which findings
    /// show no secret.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value that is not allowed, [`Error::Rule`] and [`Error::UnknownWord`] for a rule.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        settings.validate()?;
        Ok(Self {
            actions: Actions::new(settings.actions).redacted_by(settings.redact.rule_set()?),
            conversation: Conversation::default(),
            shadow: settings.shadow,
            halted: false,
            fresh: Vec::new(),
            findings: Vec::new(),
            counts: Counts::default(),
        })
    }

    /// Reads the next step of the run.
    pub fn push(&mut self, step: Step<'_>) -> AgentDecision<'_> {
        self.fresh.clear();
        self.read(step);
        self.decide()
    }

    /// Reads the messages of the next request, as JSON in the format of any provider. They are sent from the start each
    /// time: those that were read are not read again, also where the start was summed up or left out since.
    ///
    /// # Errors
    /// [`Error::Setting`] for what is no JSON array.
    pub fn push_messages(&mut self, json: &str) -> Result<AgentDecision<'_>, Error> {
        let messages: Vec<Value> = serde_json::from_str(json).map_err(|error| Error::Setting {
            field: "messages".into(),
            value: error.to_string(),
            allowed: "a JSON array of messages".into(),
        })?;
        self.fresh.clear();
        for step in self.conversation.new_steps(&messages) {
            self.read(step.step());
        }
        Ok(self.decide())
    }

    /// The run so far.
    pub fn summary(&self) -> AgentSummary {
        AgentSummary {
            steps: self.actions.steps(),
            calls: self.counts.calls,
            results: self.counts.results,
            messages: self.counts.messages,
            open_calls: self.actions.open_calls() as u64,
            halted: self.halted,
            anomalies: self.actions.anomalies(),
            findings: self.findings.clone(),
        }
    }

    fn read(&mut self, step: Step<'_>) {
        match step {
            Step::Call { .. } => self.counts.calls += 1,
            Step::Message { .. } => self.counts.messages += 1,
            Step::Result { .. } => self.counts.results += 1,
        }
        self.actions.push(step, &mut self.fresh);
    }

    fn decide(&mut self) -> AgentDecision<'_> {
        let room = MAX_FINDINGS.saturating_sub(self.findings.len());
        self.findings.extend(self.fresh.iter().take(room).cloned());
        let asked = self.fresh.iter().map(|finding| finding.action).max().unwrap_or_default();
        let action = if self.shadow { asked.min(Action::Observe) } else { asked };
        self.halted |= action == Action::Stop;
        AgentDecision { action: if self.halted { Action::Stop } else { action }, findings: &self.fresh }
    }
}

impl AgentDecision<'_> {
    /// One message for the model's next turn, where that is asked for.
    pub fn hint(&self) -> Option<String> {
        let found: Vec<&str> = self
            .findings
            .iter()
            .filter(|finding| finding.action >= Action::Warn)
            .map(|finding| finding.explanation.as_str())
            .collect();
        (self.action == Action::Hint).then(|| hint::loops(&found.join("; ")))
    }
}

impl AgentSummary {
    /// The summary as one JSON object.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

crate::keep::keep!(struct Counts { calls, results, messages });
